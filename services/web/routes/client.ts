import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { ProblemError } from '@starling/platform/http';
import type { FastifyInstance } from 'fastify';

const YEAR_MS = 31_536_000_000;
/** Plain names only: nothing that leads out of the folder, and nothing hidden. */
const FILE_PATH = /^(?!.*(?:^|\/)\.)[\w@.-]+(?:\/[\w@.-]+)*$/;
/** What the build puts here has its content's hash in its name. */
const HASHED = /^assets\//;
/** The API's: what is not there is no place within the client. */
const API = /^v1(?:\/|$)/;
const NOT_BUILT = 'The browser client is not built: run "node services/web/browser/build.ts" and load this page again.\n';

/** Serves the built browser client; every address that is no file is a place within it. */
export async function clientRoutes(app: FastifyInstance, options: { directory: string }): Promise<void> {
  const { directory } = options;
  await app.register(fastifyStatic, { root: directory, serve: false });

  app.get<{ Params: { '*': string } }>('/*', async (request, reply) => {
    const path = request.params['*'];
    if (FILE_PATH.test(path) && (await isFile(join(directory, path)))) {
      return HASHED.test(path) ? reply.sendFile(path, { maxAge: YEAR_MS, immutable: true }) : sendFresh(path);
    }
    if (HASHED.test(path) || API.test(path) || !request.headers.accept?.includes('text/html')) throw new ProblemError('not-found');
    if (await isFile(join(directory, 'index.html'))) return sendFresh('index.html');
    return reply.code(503).header('cache-control', 'no-store').type('text/plain; charset=utf-8').send(NOT_BUILT);

    function sendFresh(file: string) {
      return reply.header('cache-control', 'no-cache').sendFile(file, { cacheControl: false });
    }
  });
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
