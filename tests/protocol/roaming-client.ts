import { type Client, createClient } from '@starling/client';
import { type Cursor, partitionOf, positionOf } from '@starling/contracts/log';
import type { ServerFrame } from '@starling/contracts/socket';
import type { Operation, Session } from '@starling/testing/history';
import { WebSocket } from 'ws';
import type { Chat, Person } from './harness.ts';

/** A client of a person whose sockets go to the pod that a load balancer chooses, and all that it sent and was sent. */
export interface RoamingClient {
  client: Client;
  /** A socket each. */
  sessions: Session[];
  operations: Operation[];
  /** The pods to which its sockets went. */
  pods: number[];
  /** The codes with which servers closed them. */
  closes: number[];
  /** Every state of the connection since it was live for the first time. */
  states: Set<string>;
  /** Posts; `outcome` is in the operations when it is known. */
  send(conversation: string, body: string): void;
}

/** The published client on the real protocol; its calls go to the services as `web` would send them. */
export function createRoamingClient(chat: Chat, person: Person, conversation: string, choosePod: () => number): RoamingClient {
  const roaming: Omit<RoamingClient, 'client' | 'send'> = { sessions: [], operations: [], pods: [], closes: [], states: new Set() };

  const startOf = ({ epoch, conversations }: Cursor) =>
    new Map([[conversation, positionOf(epoch, conversations[partitionOf(conversation, conversations.length)] ?? 0)]]);

  class RecordedSocket extends WebSocket {
    readonly #session: Session = { user: person.id, from: new Map(), received: [], complete: new Map() };

    constructor(_url: string, protocols: string[]) {
      const pod = choosePod();
      super(chat.socketUrls[pod] ?? '', protocols);
      roaming.pods.push(pod);
      this.on('message', (data) => this.#record(JSON.parse(data.toString()) as ServerFrame));
      this.on('close', (code) => roaming.closes.push(code));
    }

    override send(data: string): void {
      const frame = JSON.parse(data) as { type: string; cursor: Cursor };
      if (frame.type === 'resume') {
        for (const [id, position] of startOf(frame.cursor)) this.#session.from.set(id, position);
        roaming.sessions.push(this.#session);
      }
      super.send(data);
    }

    #record(frame: ServerFrame): void {
      if (frame.type === 'cursor') this.#session.complete = startOf(frame.cursor);
      if (frame.type !== 'event' || frame.kind !== 'message.posted') return;
      const { key, position, author = '', client = '', value } = frame;
      this.#session.received.push({ conversation: key, position, author, client, body: (value as { body: string }).body });
    }
  }

  const client = createClient({
    baseUrl: 'http://starling.test',
    auth: { kind: 'password', email: person.email, password: 'is not looked at' },
    fetch: async (input, init) => {
      const { pathname, search } = new URL(String(input));
      const body = init?.body ? JSON.parse(String(init.body)) : undefined;
      const { status, body: answer } = await call(pathname + search, init?.method ?? 'GET', body);
      return new Response(answer === undefined ? null : JSON.stringify(answer), { status, headers: { date: new Date().toUTCString() } });
    },
    WebSocket: RecordedSocket as unknown as typeof globalThis.WebSocket,
  });

  async function call(path: string, method: string, body: unknown): Promise<{ status: number; body: unknown }> {
    if (path !== '/v1/token') return person.call(method as 'GET', path, body);
    const token = await chat.local.mintUserToken({ user: person.id, session: person.session, scope: 'socket' });
    const expiresAt = Date.now() + 300_000;
    return { status: 200, body: { user: person.id, token, expiresAt, refreshToken: 'r', refreshExpiresAt: expiresAt } };
  }

  client.subscribe(() => {
    const { connection } = client.getState();
    if (connection === 'live' || roaming.states.size > 0) roaming.states.add(connection);
  });
  return {
    ...roaming,
    client,
    send(to, body) {
      const { client: id, outcome } = client.send(to, body);
      const operation: Operation = { conversation: to, author: person.id, client: id, body, outcome: 'unknown' };
      roaming.operations.push(operation);
      void outcome.then((known) => {
        operation.outcome = known.status;
        if (known.status === 'ok') operation.position = known.position;
      });
    },
  };
}
