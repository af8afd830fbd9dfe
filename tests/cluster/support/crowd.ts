import { type Client, createClient } from '@starling/client';
import type { IssuedTokensReply } from '@starling/contracts/http';
import type { FindCode } from '@starling/testing/starling';
import { WebSocket } from 'ws';
import { type Attendance, attend } from './attendance.ts';
import { waitUntil } from './conditions.ts';
import { type Account, makeAccount, PASSWORD } from './person.ts';

const TICK_MS = 100;
/** The oldest that a session's token is handed to another client. */
const TOKEN_MS = 60_000;

interface Member {
  client: Client;
  attendance: Attendance;
}

/** Many published clients of a few people who say nothing. A person's clients share one session, as programs of one machine may. */
export class Crowd {
  readonly #url: string;
  readonly #sessions: (typeof fetch)[];
  readonly #members: Member[] = [];
  /** Codes with which sockets were closed that no client had left, over all. */
  readonly closes = new Map<number, number>();

  private constructor(url: string, accounts: readonly Account[]) {
    this.#url = url;
    this.#sessions = accounts.map((account) => shareSession(url, account));
  }

  static async signUp(url: string, people: number, findCode: FindCode): Promise<Crowd> {
    const accounts: Account[] = [];
    for (let index = 0; index < people; index++) accounts.push(await makeAccount(url, `Guest ${index}`, findCode));
    return new Crowd(url, accounts);
  }

  get attendances(): Attendance[] {
    return this.#members.map(({ attendance }) => attendance);
  }

  get live(): number {
    return this.#members.filter(({ client }) => client.getState().connection === 'live').length;
  }

  get size(): number {
    return this.#members.length;
  }

  /** Lets so many more come, so many a second, each by turns of another person. Resolves when the last has begun to connect. */
  async join(count: number, perSecond: number): Promise<void> {
    const wanted = this.#members.length + count;
    const started = performance.now();
    let come = 0;
    await waitUntilTick(() => {
      const due = Math.min(count, Math.floor(((performance.now() - started) / 1000) * perSecond));
      for (; come < due; come++) this.#add();
      return this.#members.length >= wanted;
    });
  }

  async allLive(within: number): Promise<void> {
    await waitUntil(`${this.size} clients to be live`, within, () => {
      if (this.live === this.size) return true;
      const states = Map.groupBy(this.#members, ({ client }) => client.getState().connection);
      const failures = new Set(this.#members.flatMap(({ client }) => client.getState().failure?.message ?? []));
      throw new Error([...[...states].map(([state, members]) => `${members.length} are ${state}`), ...failures].join(', '));
    });
  }

  /** So many go, those first who came last. */
  leave(count: number): void {
    for (const { client } of this.#members.splice(-count, count)) client.stop();
  }

  #add(): void {
    const { closes } = this;
    class CountedSocket extends WebSocket {
      #left = false;
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        this.on('close', (code) => {
          if (!this.#left) closes.set(code, (closes.get(code) ?? 0) + 1);
        });
      }
      override close(code?: number, reason?: string): void {
        // With another code it is `ws` itself, which answers the server.
        if (code === 1000) this.#left = true;
        super.close(code, reason);
      }
    }
    const client = createClient({
      baseUrl: this.#url,
      auth: { kind: 'password', email: 'shared@example.org', password: 'of the session' },
      fetch: this.#sessions[this.#members.length % this.#sessions.length] as typeof fetch,
      WebSocket: CountedSocket as unknown as typeof globalThis.WebSocket,
    });
    this.#members.push({ client, attendance: attend(client) });
    client.start();
  }
}

/** A `fetch` that answers questions for tokens from one session, which it keeps alive, and passes on all else. */
function shareSession(url: string, { email }: Account): typeof fetch {
  let held: { reply: IssuedTokensReply; at: number } | undefined;
  let asking: Promise<IssuedTokensReply> | undefined;

  async function renew(): Promise<IssuedTokensReply> {
    const ask = (path: string, body: object) =>
      fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    let answer = held && (await ask('/v1/token/refresh', { refreshToken: held.reply.refreshToken }));
    if (!answer || answer.status === 401) answer = await ask('/v1/token', { email, password: PASSWORD });
    if (!answer.ok) throw new Error(`the token was answered ${answer.status}`);
    const reply = (await answer.json()) as IssuedTokensReply;
    held = { reply, at: performance.now() };
    return reply;
  }

  return async (input, init) => {
    const { pathname } = new URL(String(input));
    if (pathname !== '/v1/token' && pathname !== '/v1/token/refresh') return fetch(input, init);
    if (held && performance.now() - held.at < TOKEN_MS) return Response.json(held.reply, { headers: { date: new Date().toUTCString() } });
    asking ??= renew().finally(() => {
      asking = undefined;
    });
    return Response.json(await asking, { headers: { date: new Date().toUTCString() } });
  };
}

async function waitUntilTick(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
}
