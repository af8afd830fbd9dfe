import { once } from 'node:events';
import type { IssuedTokensReply } from '@starling/contracts/http';
import type { Cursor } from '@starling/contracts/log';
import { type ServerFrame, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import { signUpAt } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { WebSocket } from 'ws';

export const PASSWORD = 'correct horse battery';
const OPEN_MS = 10_000;

export interface Account {
  user: string;
  email: string;
}

/** A socket that has resumed, and what has become of it. */
export interface ProgramSocket {
  /** The code with which it was closed. */
  closed: number | undefined;
  /** Sends a frame. Resolves with the type of the first frame that answers it, or with `closed`. */
  ask(frame: object, isAnswer: (frame: ServerFrame) => boolean): Promise<ServerFrame['type'] | 'closed'>;
  /** Posts a message; resolves with `ack`, `nack`, `unknown` or `closed`. */
  post(conversation: string, body: string): Promise<ServerFrame['type'] | 'closed'>;
  terminate(): void;
}

export async function makeAccount(url: string, name: string): Promise<Account> {
  const email = `${name.toLowerCase()}.${v7()}@example.org`;
  const { user } = await signUpAt(url, { email, password: PASSWORD, name });
  return { user, email };
}

/** Begins a session of a program. */
export async function logIn(url: string, { email }: Account): Promise<IssuedTokensReply> {
  const reply = await call(url, 'POST', '/v1/token', { body: { email, password: PASSWORD } });
  if (reply.status !== 200) throw new Error(`/v1/token was answered ${reply.status}`);
  return (await reply.json()) as IssuedTokensReply;
}

export function refresh(url: string, refreshToken: string): Promise<Response> {
  return call(url, 'POST', '/v1/token/refresh', { body: { refreshToken } });
}

/** Begins a session of a browser, and resolves with its cookies. */
export async function logInAtBrowser(url: string, { email }: Account): Promise<string> {
  const reply = await call(url, 'POST', '/v1/sessions', { body: { email, password: PASSWORD } });
  if (reply.status !== 201) throw new Error(`/v1/sessions was answered ${reply.status}`);
  const cookies = reply.headers.getSetCookie().map((line) => line.split(';')[0]);
  return cookies.join('; ');
}

export function call(
  url: string,
  method: string,
  path: string,
  { token, body, headers = {} }: { token?: string; body?: object; headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(`${url}${path}`, {
    method,
    headers: {
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}

/** Where the user's log stands, once the user is known everywhere. */
export function readCursor(url: string, token: string): Promise<Cursor> {
  return waitFor(async () => {
    const reply = await call(url, 'GET', '/v1/snapshot', { token });
    return reply.status === 200 ? ((await reply.json()) as { cursor: Cursor }).cursor : undefined;
  });
}

/** Opens a socket, as far as it is told all that is new. Throws when it is closed before. */
export async function openSocket(url: string, token: string, cursor: Cursor): Promise<ProgramSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/socket`, [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${token}`]);
  const waiting = new Set<{ isAnswer(frame: ServerFrame): boolean; settle(type: ServerFrame['type'] | 'closed'): void }>();
  const opened: ProgramSocket = {
    closed: undefined,
    ask: (frame, isAnswer) =>
      new Promise((settle) => {
        if (opened.closed !== undefined) return settle('closed');
        waiting.add({ isAnswer, settle });
        socket.send(JSON.stringify(frame));
      }),
    post(conversation, body) {
      const client = v7();
      return opened.ask(
        { type: 'send', conversation, client, body },
        (frame) => 'client' in frame && frame.client === client && frame.type !== 'event',
      );
    },
    terminate: () => socket.terminate(),
  };
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as ServerFrame;
    for (const question of waiting) {
      if (!question.isAnswer(frame)) continue;
      waiting.delete(question);
      question.settle(frame.type);
    }
  });
  const closed = new Promise<void>((resolve) => {
    socket.on('close', (code) => {
      opened.closed = code;
      for (const question of waiting) question.settle('closed');
      resolve();
    });
  });
  await Promise.race([once(socket, 'open', { signal: AbortSignal.timeout(OPEN_MS) }), closed]);
  if ((await opened.ask({ type: 'resume', cursor }, (frame) => frame.type === 'live')) === 'closed')
    throw new Error(`the socket was closed with ${opened.closed} before it was live`);
  return opened;
}
