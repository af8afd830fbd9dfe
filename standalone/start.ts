import { createHmac, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { createConversation } from '@starling/conversation/app';
import { MIGRATIONS as CONVERSATION_MIGRATIONS } from '@starling/conversation/migrations';
import { createDelivery, type Delivery } from '@starling/delivery/app';
import { createIdentity } from '@starling/identity/app';
import { MIGRATIONS as IDENTITY_MIGRATIONS } from '@starling/identity/migrations';
import { systemClock } from '@starling/platform/clock';
import { NewerSchemaError } from '@starling/platform/db';
import { createHttpServer } from '@starling/platform/http';
import { openLocalPlatform } from '@starling/platform/local';
import type { Service } from '@starling/platform/service';
import { createLogger, type Logger, startTracing } from '@starling/platform/telemetry';
import { createUser } from '@starling/user/app';
import { MIGRATIONS as USER_MIGRATIONS } from '@starling/user/migrations';
import { createWeb } from '@starling/web/app';
import { readSite } from '@starling/web/site';
import { createLocalUpstream } from '@starling/web/upstream';
import type { FastifyInstance } from 'fastify';
import { attachDatabase, ensureSecret, openDataDirectory, StartError, startDatabase } from './database/index.ts';
import type { StandaloneOptions } from './options.ts';

/** More than one, so that appends to different conversations do not wait for each other's commit. */
const PARTITIONS = { conversations: 4, receipts: 4, users: 2 };

export interface Starling {
  url: string;
  /** Ends connections and requests, then the services, then the database. */
  stop(): Promise<void>;
}

/** Starts every service in this process. Throws a StartError with one sentence for what the user can mend. */
export async function startStarling(context: {
  options: StandaloneOptions;
  say(line: string): void;
  signal: AbortSignal;
  /** The database was lost: the process must end. */
  onLost(reason: string): void;
}): Promise<Starling> {
  const { options, say, signal, onLost } = context;
  /** What must be undone, the newest first. */
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const tls = await readTls(options);
    const data = await openDataDirectory(options.data);
    const logFile = createWriteStream(join(data.root, 'starling.log'), { flags: 'a', mode: 0o600 });
    const logger = (service: string) => createLogger({ service, destination: logFile });
    undo.push(startTracing({ service: 'starling', otlpEndpoint: options['otlp-endpoint'] }));

    const database =
      options.database === undefined
        ? await startDatabase({ directory: options.data, say, signal })
        : await attachDatabase({ url: options.database, say });
    database.onLost(onLost);
    undo.push(() => database.stop());
    signal.throwIfAborted();

    say('bringing the database up to date');
    const secret = await ensureSecret(data, 'installation');
    const local = await openLocalPlatform({
      adminUrl: database.url,
      secret,
      keyDirectory: join(data.secrets, 'keys'),
      cluster: 'standalone',
      partitions: PARTITIONS,
      migrations: { identity: IDENTITY_MIGRATIONS, user: USER_MIGRATIONS, conversation: CONVERSATION_MIGRATIONS },
      clock: systemClock,
      createLogger: logger,
    }).catch(explainPlatform);
    undo.push(() => local.stop());

    say('starting the services');
    const delivery = createDelivery(
      { pod: randomUUID(), ringBytes: 16 * 1024 * 1024, socketBytes: 4 * 1024 * 1024 },
      local.platform('delivery'),
    );
    const identitySecret = createHmac('sha256', secret).update('identity').digest('base64url');
    local.register('identity', createIdentity({ secret: identitySecret }, local.platform('identity')));
    local.register('user', createUser({}, local.platform('user')));
    local.register('conversation', createConversation({ snapshotPage: 100 }, local.platform('conversation')));
    local.register('delivery', delivery);
    const upstream = createLocalUpstream({
      user: local.http('user'),
      conversation: local.http('conversation'),
      delivery: local.http('delivery'),
    });
    const web = createWeb({}, local.platform('web'), upstream);
    local.register('web', web);
    const server = await openServer(web, delivery, { logger: logger('web'), tls });
    // A server is closed only when its sockets are, which is for the services to do.
    server.addHook('preClose', () => local.stop());
    undo.push(() => server.close());
    await local.start();
    return { url: await listen(server, options), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The one server that the world sees: web's routes, and delivery's sockets. */
async function openServer(web: Service, delivery: Delivery, options: { logger: Logger; tls: Tls | undefined }): Promise<FastifyInstance> {
  const server = createHttpServer(options);
  await web.routes(server);
  server.server.on('upgrade', (request, stream, head) => {
    const site = readSite(options.tls ? 'https' : 'http', request.headers.host);
    const allowed = site && (site.secure || site.local);
    if (allowed && request.url?.split('?')[0] === '/v1/socket') delivery.upgrade(request, stream, head);
    else stream.destroy();
  });
  return server;
}

/** What the user can mend about a database that does not take us in. */
function explainPlatform(error: unknown): never {
  if (error instanceof NewerSchemaError) {
    throw new StartError(`The database was written by a newer Starling (${error.message}): update Starling, or use another database.`);
  }
  if ((error as { code?: string }).code === '42501') {
    throw new StartError(
      `The user of --database lacks a right (${(error as Error).message}): give it CREATEROLE, and CREATE on the database, or use one that has them.`,
    );
  }
  throw error;
}

interface Tls {
  cert: Buffer;
  key: Buffer;
}

async function readTls(options: StandaloneOptions): Promise<Tls | undefined> {
  const [certFile, keyFile] = [options['tls-cert'], options['tls-key']];
  if (certFile === undefined || keyFile === undefined) return undefined;
  const read = (flag: string, file: string) =>
    readFile(file).catch((error: NodeJS.ErrnoException) => {
      throw new StartError(`The file of ${flag}, ${file}, cannot be read (${error.code}): check path and permissions.`);
    });
  const tls = { cert: await read('--tls-cert', certFile), key: await read('--tls-key', keyFile) };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new StartError(`The files of --tls-cert and --tls-key are not a certificate and its key, both PEM: ${(error as Error).message}.`);
  }
  return tls;
}

async function listen(server: FastifyInstance, options: StandaloneOptions): Promise<string> {
  const { port } = options;
  try {
    await server.listen({ port, host: '::' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new StartError(`Port ${port} is in use by another program: end it, or choose another port with --port.`);
    if (code === 'EACCES') throw new StartError(`Port ${port} may not be used by this user: choose one above 1023 with --port.`);
    throw error;
  }
  const { port: bound } = server.server.address() as AddressInfo;
  return `${options['tls-cert'] === undefined ? 'http' : 'https'}://localhost:${bound}`;
}
