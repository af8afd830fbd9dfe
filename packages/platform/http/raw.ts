import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Problem } from '@starling/contracts/problems';

/** How long a peer may take to read an answer that ends the connection, ms. */
const LINGER_MS = 1_000;

/**
 * Answers on a connection that is not, or not any more, in the hands of the HTTP server, and ends it, also when the peer
 * does not.
 */
export function endWithProblem(stream: Duplex, problem: Problem): void {
  const text = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...(problem.retryAfter === undefined ? [] : [`Retry-After: ${Math.ceil(problem.retryAfter)}`]),
  ];
  stream.on('error', () => {});
  const timer = setTimeout(() => stream.destroy(), LINGER_MS);
  stream.once('close', () => clearTimeout(timer));
  stream.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => stream.destroy());
}

/** Takes a connection that is to be spoken on otherwise over, or ends it. */
export type TakeUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => void;

/** Hands upgrades of the server's connections over. From then on nobody else listens to the connection's errors. */
export function onUpgrade({ server }: { server: Server }, take: TakeUpgrade): void {
  server.on('upgrade', (request, stream, head) => {
    // A peer that resets its connection must not end the process.
    stream.on('error', () => stream.destroy());
    take(request, stream, head);
  });
}
