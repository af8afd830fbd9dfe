import type { IssuedTokensReply } from '@starling/contracts/http';
import type { Cursor } from '@starling/contracts/log';
import { type ServerFrame, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import { signUpAt } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { WebSocket } from 'ws';

const PASSWORD = 'correct horse battery';

export interface Account {
  user: string;
  email: string;
}

/** A socket that has resumed, and what has become of it. */
export interface ProgramSocket {
  frames: ServerFrame[];
  /** The code with which it was closed. */
  closed: number | undefined;
  send(frame: object): void;
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

/** Opens a socket, as far as it is told all that is new. */
export async function openSocket(url: string, token: string, cursor: Cursor): Promise<ProgramSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/socket`, [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${token}`]);
  const opened: ProgramSocket = {
    frames: [],
    closed: undefined,
    send: (frame) => socket.send(JSON.stringify(frame)),
    terminate: () => socket.terminate(),
  };
  socket.on('error', () => {});
  socket.on('open', () => opened.send({ type: 'resume', cursor }));
  socket.on('message', (data: Buffer) => opened.frames.push(JSON.parse(data.toString()) as ServerFrame));
  socket.on('close', (code) => {
    opened.closed = code;
  });
  await waitFor(() => opened.closed !== undefined || opened.frames.some((frame) => frame.type === 'live'), {
    describe: 'a socket to be live',
  });
  if (opened.closed !== undefined) throw new Error(`the socket was closed with ${opened.closed} before it was live`);
  return opened;
}
