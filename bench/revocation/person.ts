import type { Cursor } from '@starling/contracts/log';
import { type ServerFrame, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import { signUpAt } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { WebSocket } from 'ws';

const PASSWORD = 'correct horse battery';
const DEADLINE_MS = 10_000;

export interface Account {
  user: string;
  email: string;
}

/** Sockets that are live, and when each of them was closed. */
export interface Sockets {
  /** Resolves with the times of all closes, as performance.now() has them; throws when they do not come. */
  closes(): Promise<number[]>;
  terminate(): void;
}

export async function makeAccount(url: string): Promise<Account> {
  const email = `${v7()}@example.org`;
  const { user } = await signUpAt(url, { email, password: PASSWORD, name: 'Somebody' });
  return { user, email };
}

/** Begins a session of a program. */
export async function issueToken(url: string, { email }: Account): Promise<string> {
  const reply = await call(url, 'POST', '/v1/token', undefined, { email, password: PASSWORD });
  return ((await reply.json()) as { token: string }).token;
}

/** Opens sockets one after the other, with the tokens in turn, as far as each is told all that is new. */
export async function openSockets(url: string, tokens: string[], count: number): Promise<Sockets> {
  const cursor = await waitFor(async () => {
    const reply = await call(url, 'GET', '/v1/snapshot', tokens[0]);
    return ((await reply.json()) as { cursor: Cursor }).cursor;
  });
  const closed: number[] = [];
  const sockets: WebSocket[] = [];
  while (sockets.length < count) {
    const token = tokens[sockets.length % tokens.length] ?? '';
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/socket`, [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${token}`]);
    sockets.push(socket);
    let live = false;
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as ServerFrame;
      if (frame.type === 'hello') socket.send(JSON.stringify({ type: 'resume', cursor }));
      if (frame.type === 'live') live = true;
    });
    socket.once('close', () => closed.push(performance.now()));
    await waitFor(() => live, { describe: 'a socket to be live' });
    if (closed.length > 0) throw new Error('a socket was closed before anything was revoked');
  }
  return {
    async closes() {
      await waitFor(() => closed.length === count, { deadline: DEADLINE_MS, describe: `${count} closes` });
      return closed;
    },
    terminate() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

/** Throws unless it is answered well. */
export async function call(url: string, method: string, path: string, token?: string, body?: object): Promise<Response> {
  const reply = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!reply.ok) throw new Error(`${method} ${path} was answered ${reply.status}: ${await reply.text()}`);
  return reply;
}
