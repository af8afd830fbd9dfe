import { type Cursor, partitionOf, positionOf } from '@starling/contracts/log';
import { type EventFrame, type ServerFrame, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import type { Operation, Read, Session } from '@starling/testing/history';
import { type FindCode, signUpAt } from '@starling/testing/starling';
import { v7 } from 'uuid';
import { WebSocket } from 'ws';

const PASSWORD = 'correct horse battery';
/** A server that says nothing about a send for so long is left for another, ms. */
const PATIENCE_MS = 8_000;
const RETRY_MS = 300;
const TOKEN_MS = 200_000;

interface Outstanding extends Operation {
  settle(): void;
}

/**
 * Someone who posts and listens through all faults with nothing but the wire's rules: sends again under the same id
 * what is not known, resumes from the last cursor, and writes down what was sent and seen.
 */
export class ChaosPerson {
  readonly #url: string;
  readonly #email: string;
  #token = { value: '', at: 0 };
  id = '';
  conversations: string[] = [];
  readonly operations: Operation[] = [];
  readonly sessions: Session[] = [];
  readonly #outstanding = new Map<string, Outstanding>();
  #cursor: Cursor | undefined;
  #socket: WebSocket | undefined;
  #live = false;
  #stopped = false;
  #heard = 0;

  constructor(url: string, name: string) {
    this.#url = url;
    this.#email = `${name}@example.org`;
  }

  async signUp(name: string, findCode?: FindCode): Promise<void> {
    this.id = (await signUpAt(this.#url, { email: this.#email, password: PASSWORD, name }, findCode)).user;
  }

  /** The group's id; undefined while the profiles of some are not there yet. */
  async createGroup(name: string, participants: string[]): Promise<string | undefined> {
    const reply = await this.#fetch('POST', '/v1/conversations', { name, participants });
    return reply.status > 202 ? undefined : ((await reply.json()) as { id: string }).id;
  }

  /** Loads the list; false while some of it is not there yet. */
  async load(expected: number): Promise<boolean> {
    const reply = await this.#fetch('GET', '/v1/snapshot');
    if (reply.status !== 200) return false;
    const snapshot = (await reply.json()) as { cursor: Cursor; conversations: { conversation: { id: string } }[] };
    this.#cursor = snapshot.cursor;
    this.conversations = snapshot.conversations.map(({ conversation }) => conversation.id);
    return this.conversations.length === expected;
  }

  /** Stays connected from what was loaded on, until `stop`. */
  start(): void {
    void this.#stayConnected();
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.terminate();
  }

  /** Posts until the outcome is known. Resolves then. */
  send(conversation: string, body: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const operation: Outstanding = { conversation, author: this.id, client: v7(), body, outcome: 'unknown', settle: resolve };
    this.operations.push(operation);
    this.#outstanding.set(operation.client, operation);
    this.#transmit(operation, false);
    return promise;
  }

  get live(): boolean {
    return this.#live;
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** Whether the present socket has been sent everything up to these positions. */
  hasReached(ends: Map<string, number>): boolean {
    const complete = this.sessions.at(-1)?.complete;
    return this.#live && this.conversations.every((conversation) => (complete?.get(conversation) ?? 0) > (ends.get(conversation) ?? -1));
  }

  async readHistory(conversation: string): Promise<Read[]> {
    const reads: Read[] = [];
    for (let from = 0, more = true; more; ) {
      const reply = await this.#fetch('GET', `/v1/conversations/${conversation}/messages?limit=200&from=${from}`);
      if (reply.status !== 200) throw new Error(`no history: ${await reply.text()}`);
      const page = (await reply.json()) as { messages: Read[]; more: boolean };
      reads.push(...page.messages);
      more = page.more;
      from = (reads.at(-1)?.position ?? 0) + 1;
    }
    return reads.map(({ conversation: id, position, author, client, body }) => ({ conversation: id, position, author, client, body }));
  }

  async #stayConnected(): Promise<void> {
    while (!this.#stopped) {
      await this.#connectOnce().catch(() => {});
      this.#live = false;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS * (0.5 + Math.random())));
    }
  }

  async #connectOnce(): Promise<void> {
    const token = await this.#userToken();
    const socket = new WebSocket(`${this.#url.replace('http', 'ws')}/v1/socket`, [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${token}`]);
    this.#socket = socket;
    this.#heard = Date.now();
    const watch = setInterval(() => {
      const waits = this.#outstanding.size > 0 || !this.#live;
      if (Date.now() - this.#heard > (waits ? PATIENCE_MS : PATIENCE_MS * 3)) socket.terminate();
    }, 500);
    let session: Session | undefined;
    socket.on('message', (data) => {
      this.#heard = Date.now();
      const frame = JSON.parse(data.toString()) as ServerFrame;
      if (frame.type === 'hello' && this.#cursor) {
        session = { user: this.id, from: this.#positions(this.#cursor), received: [], complete: new Map() };
        this.sessions.push(session);
        socket.send(JSON.stringify({ type: 'resume', cursor: this.#cursor }));
      } else if (session) this.#take(frame, session);
    });
    await new Promise<void>((resolve) => {
      socket.on('error', () => {});
      socket.on('close', (code) => {
        if (code === 4409) this.#cursor = undefined;
        resolve();
      });
    });
    clearInterval(watch);
    if (!this.#cursor && !this.#stopped) {
      const reply = await this.#fetch('GET', '/v1/snapshot');
      if (reply.status === 200) this.#cursor = ((await reply.json()) as { cursor: Cursor }).cursor;
    }
  }

  #take(frame: ServerFrame, session: Session): void {
    if (frame.type === 'event') {
      if (frame.kind === 'message.posted') session.received.push(readOf(frame));
    } else if (frame.type === 'cursor') {
      this.#cursor = frame.cursor;
      session.complete = this.#positions(frame.cursor);
    } else if (frame.type === 'live') {
      this.#live = true;
      for (const operation of this.#outstanding.values()) this.#transmit(operation, true);
    } else if (frame.type === 'ack') this.#settle(frame.client, { outcome: 'ok', position: frame.position });
    else if (frame.type === 'nack' && !frame.problem.retryAfter) this.#settle(frame.client, { outcome: 'refused' });
    else if (frame.type === 'nack' || frame.type === 'unknown') {
      const operation = this.#outstanding.get(frame.client);
      if (operation) setTimeout(() => this.#transmit(operation, true), RETRY_MS);
    }
  }

  #settle(client: string, result: Pick<Operation, 'outcome' | 'position'>): void {
    const operation = this.#outstanding.get(client);
    if (!operation) return;
    this.#outstanding.delete(client);
    Object.assign(operation, result);
    operation.settle();
  }

  #transmit({ conversation, client, body }: Outstanding, retry: boolean): void {
    if (!this.#live || this.#socket?.readyState !== WebSocket.OPEN || !this.#outstanding.has(client)) return;
    this.#socket.send(JSON.stringify({ type: 'send', conversation, client, body, ...(retry ? { retry } : {}) }));
  }

  #positions(cursor: Cursor): Map<string, number> {
    const { epoch, conversations: offsets } = cursor;
    return new Map(this.conversations.map((id) => [id, positionOf(epoch, offsets[partitionOf(id, offsets.length)] ?? 0)]));
  }

  async #userToken(): Promise<string> {
    if (Date.now() - this.#token.at > TOKEN_MS) {
      const reply = await this.#fetch('POST', '/v1/token', { email: this.#email, password: PASSWORD }, false);
      if (reply.status !== 200) throw new Error(`no token: ${reply.status}`);
      this.#token = { value: ((await reply.json()) as { token: string }).token, at: Date.now() };
    }
    return this.#token.value;
  }

  async #fetch(method: string, path: string, body?: object, withToken = true): Promise<Response> {
    return fetch(`${this.#url}${path}`, {
      method,
      signal: AbortSignal.timeout(15_000),
      headers: {
        ...(body ? { 'content-type': 'application/json', 'idempotency-key': v7() } : {}),
        ...(withToken ? { authorization: `Bearer ${await this.#userToken()}` } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  }
}

function readOf({ key, position, author = '', client = '', value }: EventFrame): Read {
  return { conversation: key, position, author, client, body: (value as { body: string }).body };
}
