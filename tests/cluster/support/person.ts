import { type Client, createClient } from '@starling/client';
import { type Cursor, partitionOf, positionOf } from '@starling/contracts/log';
import type { ServerFrame } from '@starling/contracts/socket';
import type { Operation, Read, Session } from '@starling/testing/history';
import { type FindCode, signUpAt } from '@starling/testing/starling';
import { v7 } from 'uuid';
import { WebSocket } from 'ws';
import { type Attendance, attend } from './attendance.ts';
import { waitUntil } from './conditions.ts';

export const PASSWORD = 'correct horse battery';
const LIVE_MS = 60_000;
const PAGE = 200;

export interface Account {
  user: string;
  email: string;
}

/** Makes an account as a person does, with the code of its mail. */
export async function makeAccount(url: string, name: string, findCode: FindCode): Promise<Account> {
  const email = `${name.toLowerCase().replaceAll(' ', '.')}.${v7()}@example.org`;
  // The network's policies may not know of pods yet that have just become ready.
  const { user } = await waitUntil(`${name} to have an account`, LIVE_MS, () =>
    signUpAt(url, { email, password: PASSWORD, name }, findCode),
  );
  return { user, email };
}

/** Somebody with the published client, and all that it sent and was sent over each of its sockets. */
export class Person {
  readonly account: Account;
  readonly client: Client;
  readonly attendance: Attendance;
  /** In which conversations; to be set before `start`. */
  conversations: string[] = [];
  readonly operations: Operation[] = [];
  /** One for each socket that has resumed. */
  readonly sessions: Session[] = [];
  /** The codes with which sockets were closed that the client had not left itself. */
  readonly closes: number[] = [];

  constructor(url: string, account: Account) {
    this.account = account;
    this.client = createClient({
      baseUrl: url,
      auth: { kind: 'password', email: account.email, password: PASSWORD },
      WebSocket: this.#recordedSockets(),
    });
    this.attendance = attend(this.client);
  }

  get id(): string {
    return this.account.user;
  }

  async start(): Promise<void> {
    this.client.start();
    await waitUntil('a client to be live', LIVE_MS, () => this.client.getState().connection === 'live');
  }

  stop(): void {
    this.client.stop();
  }

  /** Posts. Resolves when it is known what became of it, which is in `operations` then. */
  async say(conversation: string, body: string): Promise<void> {
    const { client, outcome } = this.client.send(conversation, body);
    const operation: Operation = { conversation, author: this.id, client, body, outcome: 'unknown' };
    this.operations.push(operation);
    const known = await outcome;
    operation.outcome = known.status;
    if (known.status === 'ok') operation.position = known.position;
  }

  /** The present socket was sent everything up to these positions. */
  hasReached(ends: Map<string, number>): boolean {
    const complete = this.sessions.at(-1)?.complete;
    const isComplete = (conversation: string) => (complete?.get(conversation) ?? 0) > (ends.get(conversation) ?? -1);
    return this.client.getState().connection === 'live' && this.conversations.every(isComplete);
  }

  async readHistory(conversation: string): Promise<Read[]> {
    const reads: Read[] = [];
    for (let from = 0, more = true; more; ) {
      const page = await this.client.history(conversation, { from, limit: PAGE });
      reads.push(...page.messages.map(({ position, author, client, body }) => ({ conversation, position, author, client, body })));
      more = page.more;
      from = (reads.at(-1)?.position ?? 0) + 1;
    }
    return reads;
  }

  #recordedSockets(): typeof globalThis.WebSocket {
    const person = this;
    class RecordedSocket extends WebSocket {
      readonly #session: Session = { user: person.id, from: new Map(), received: [], complete: new Map() };
      #left = false;

      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        this.on('message', (data) => this.#record(JSON.parse(data.toString()) as ServerFrame));
        this.on('close', (code) => {
          if (!this.#left) person.closes.push(code);
        });
      }

      override send(data: string): void {
        const frame = JSON.parse(data) as { type: string; cursor: Cursor };
        if (frame.type === 'resume') {
          this.#session.from = person.#positions(frame.cursor);
          person.sessions.push(this.#session);
        }
        super.send(data);
      }

      override close(code?: number, reason?: string): void {
        // With another code it is `ws` itself, which answers the server.
        if (code === 1000) this.#left = true;
        super.close(code, reason);
      }

      #record(frame: ServerFrame): void {
        // What comes to a socket that was left is not looked at by the client either.
        if (this.#left) return;
        if (frame.type === 'cursor') this.#session.complete = person.#positions(frame.cursor);
        if (frame.type !== 'event' || frame.kind !== 'message.posted') return;
        const { key, position, author = '', client = '', value } = frame;
        this.#session.received.push({ conversation: key, position, author, client, body: (value as { body: string }).body });
      }
    }
    return RecordedSocket as unknown as typeof globalThis.WebSocket;
  }

  #positions({ epoch, conversations: offsets }: Cursor): Map<string, number> {
    return new Map(this.conversations.map((id) => [id, positionOf(epoch, offsets[partitionOf(id, offsets.length)] ?? 0)]));
  }
}
