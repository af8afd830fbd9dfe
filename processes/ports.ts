import { createServer } from 'node:net';

/** Below the ports that systems give to outgoing connections, any of which could take one between look and use. */
const [FIRST, COUNT] = [15_000, 15_000];
const TRIES = 100;

const given = new Set<number>();

/** A port of this machine that nobody listens on, and that was not given before. */
export async function findPort(host: string): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (given.has(port) || !(await isFree(port, host))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port was found between ${FIRST} and ${FIRST + COUNT}`);
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
