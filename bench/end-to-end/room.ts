import type { Cursor } from '@starling/contracts/log';
import { type ServerFrame, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import { signUpAt } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { WebSocket } from 'ws';
import { atRate, Latencies } from './latencies.ts';

const PASSWORD = 'correct horse battery';
const DRAIN_MS = 5_000;

/** A group whose members are connected to the product as browsers are. */
export interface BenchRoom {
  /** Click → acknowledged, and click → at the last member. */
  measure(perSecond: number, seconds: number, bytes: number): Promise<{ acknowledged: Latencies; delivered: Latencies }>;
  close(): void;
}

export async function openRoom(url: string, members: number): Promise<BenchRoom> {
  const people = [];
  for (let index = 0; index < members; index++) people.push(await signUp(url, `Member ${index}`));
  const [first, ...others] = people;
  if (!first) throw new Error('a room has at least one member');
  const created = await waitFor(async () => {
    const reply = await call(url, 'POST', '/v1/conversations', first.token, {
      name: 'Bench',
      participants: others.map((other) => other.user),
    });
    return reply.ok && ((await reply.json()) as { id: string });
  });
  const sockets = await Promise.all(people.map((person) => connect(url, person.token)));

  return {
    async measure(perSecond, seconds, bytes) {
      const [acknowledged, delivered] = [new Latencies(), new Latencies()];
      const posts = new Map<string, { at: number; left: number }>();
      for (const { socket } of sockets) {
        socket.removeAllListeners('message');
        socket.on('message', (data: Buffer) => {
          const now = performance.now();
          const frame = JSON.parse(data.toString()) as ServerFrame;
          const post = 'client' in frame && frame.client !== undefined ? posts.get(frame.client) : undefined;
          if (!post) return;
          if (frame.type === 'ack') acknowledged.add(now - post.at);
          else if (frame.type === 'event' && --post.left === 0) delivered.add(now - post.at);
        });
      }
      const sender = sockets[0]?.socket;
      const body = 'x'.repeat(bytes);
      await atRate(perSecond, seconds, () => {
        const client = v7();
        posts.set(client, { at: performance.now(), left: sockets.length });
        sender?.send(JSON.stringify({ type: 'send', conversation: created.id, client, body }));
      });
      const until = performance.now() + DRAIN_MS;
      while (delivered.count < posts.size && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
      if (delivered.count < posts.size) throw new Error(`${posts.size - delivered.count} of ${posts.size} messages did not arrive`);
      return { acknowledged, delivered };
    },
    close() {
      for (const { socket } of sockets) socket.terminate();
    },
  };
}

async function signUp(url: string, name: string): Promise<{ user: string; token: string }> {
  const email = `${v7()}@example.org`;
  await signUpAt(url, { email, password: PASSWORD, name });
  const reply = await call(url, 'POST', '/v1/token', undefined, { email, password: PASSWORD });
  return (await reply.json()) as { user: string; token: string };
}

async function connect(url: string, token: string): Promise<{ socket: WebSocket }> {
  const { cursor } = await waitFor(async () => {
    const reply = await call(url, 'GET', '/v1/snapshot', token);
    const snapshot = (await reply.json()) as { cursor: Cursor; conversations: unknown[] };
    return snapshot.conversations?.length === 1 && snapshot;
  });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/socket`, [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${token}`]);
  let live = false;
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as ServerFrame;
    if (frame.type === 'hello') socket.send(JSON.stringify({ type: 'resume', cursor }));
    if (frame.type === 'live') live = true;
  });
  await waitFor(() => live);
  return { socket };
}

function call(url: string, method: string, path: string, token?: string, body?: object): Promise<Response> {
  return fetch(`${url}${path}`, {
    method,
    headers: {
      ...(body ? { 'content-type': 'application/json', 'idempotency-key': v7() } : {}),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}
