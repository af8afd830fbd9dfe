import { encodePostHeaders, type Position, type PostHeaders, partitionOf, positionOf } from '@starling/contracts/log';
import { type Problem, renderProblem } from '@starling/contracts/problems';
import { timeOfUuidV7 } from '@starling/contracts/schema';
import type { SendFrame } from '@starling/contracts/socket';
import type { Clock } from '@starling/platform/clock';
import { AppendRefused, type EventLog } from '@starling/platform/log';
import type { ServiceMetrics } from '@starling/platform/metrics';
import {
  inSpan,
  isTracing,
  keepSpan,
  type Logger,
  messageAttributes,
  recordTraceHeaders,
  SpanKind,
  startSpan,
} from '@starling/platform/telemetry';
import type { UserIdentity } from '@starling/platform/tokens';
import { v7 } from 'uuid';
import { BehindError } from '../resume/members.ts';
import type { Partition } from '../tail/partition.ts';
import type { Tails } from '../tail/tails.ts';

/** How a send ended. `unknown`: it may or may not be in the log, and may be sent again with the same id. */
export type Outcome = { is: 'ok'; position: Position; at: number } | { is: 'refused'; problem: Problem } | { is: 'unknown' };

export type Post = Omit<SendFrame, 'type'>;

export interface SenderOptions {
  pod: string;
  log: EventLog;
  tails: Tails;
  clock: Clock;
  logger: Logger;
  metrics: ServiceMetrics;
  /** Whether this pod's clock is too far off the log's for it to tell old ids from new ones. */
  clockIsOff(): boolean;
  /** Resolves when `allows` can tell about this author; throws a BehindError while a command that adds them is not in the log yet. */
  prepare(conversation: string, user: string): Promise<void>;
  /** Whether the author may post at the place to which the pod has read; undefined: to be prepared first. */
  allows(conversation: string, user: string): boolean | undefined;
  /** Looks the post up in the projection, which must have applied the partition's records before `projected`. */
  findPost(
    author: UserIdentity,
    conversation: string,
    client: string,
    projected: number,
  ): Promise<{ position: Position; at: number } | undefined>;
}

/** After so long a send is answered `unknown`, ms. */
const OUTCOME_MS = 5_000;
const AFTER_MS = 2_000;
/** How long a send waits for a pod that stood still to catch up, ms. */
const CURRENT_MS = 2_000;
const AHEAD_MS = 60_000;
/** Ids may be older than their send by so much without being looked up, since clocks and queues differ. */
const WINDOW_MARGIN_MS = 120_000;

/** A send under way: everyone who sent the same identity waits for the same outcome. */
class Pending {
  readonly #waiters: ((outcome: Outcome) => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #forget: () => void;
  /** The append that is under way, and what to do when its record comes back void. */
  attempt: { name: string; again(): void } | undefined;
  settled = false;

  constructor(forget: () => void) {
    this.#forget = forget;
    this.#timer = setTimeout(() => this.settle({ is: 'unknown' }), OUTCOME_MS);
  }

  outcome(): Promise<Outcome> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  settle(outcome: Outcome): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.#timer);
    this.#forget();
    for (const resolve of this.#waiters) resolve(outcome);
  }
}

/**
 * Sends posts: judges, appends, and answers when the pod's own tail has read a valid post of the identity back, by
 * whomever it was appended. A record that came back void is judged again at the new end of the log.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #pending = new Map<string, Pending>();
  #attempts = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  async send(author: UserIdentity, post: Post): Promise<Outcome> {
    const begun = performance.now();
    const outcome = await this.#send(author, post);
    this.#options.metrics.observeSend(outcome.is, (performance.now() - begun) / 1000);
    if (outcome.is === 'ok' && isTracing()) startSpan('acknowledge', { attributes: messageAttributes(post) }).end();
    return outcome;
  }

  async #send(author: UserIdentity, post: Post): Promise<Outcome> {
    const refusal = await this.#refuseEarly(post);
    if (refusal) return { is: 'refused', problem: refusal };
    const identity = identityOf(post.conversation, author.user, post.client);
    const joined = this.#pending.get(identity);
    if (joined) return joined.outcome();
    const pending = new Pending(() => this.#pending.delete(identity));
    this.#pending.set(identity, pending);
    const outcome = pending.outcome();
    void this.#judgeAndAppend(pending, author, post);
    return outcome;
  }

  /** The tail has read a valid post. */
  onValid(conversation: string, { author, client }: PostHeaders, position: Position, at: number): void {
    this.#pending.get(identityOf(conversation, author, client))?.settle({ is: 'ok', position, at });
  }

  /** The tail has read a post that does not count. */
  onVoid(conversation: string, { author, client, attempt }: PostHeaders): void {
    const pending = this.#pending.get(identityOf(conversation, author, client));
    if (pending?.attempt?.name === attempt) pending.attempt.again();
  }

  async #refuseEarly({ client, after }: Post): Promise<Problem | undefined> {
    const { tails, clock, clockIsOff } = this.#options;
    if (clockIsOff()) return renderProblem('unavailable', { retryAfter: 5 });
    if (timeOfUuidV7(client) > clock.now() + AHEAD_MS) return renderProblem('clock-ahead');
    if (tails.halted !== undefined || tails.lost) return renderProblem('unavailable', { retryAfter: 5 });
    if (after && after.position >= positionOf(tails.epoch, 0)) {
      const partition = this.#partitionOf(after.conversation);
      if (!(await partition.waitFor(after.position - positionOf(tails.epoch, 0) + 1, AFTER_MS)))
        return renderProblem('behind', { retryAfter: 1 });
    }
    return undefined;
  }

  async #judgeAndAppend(pending: Pending, author: UserIdentity, post: Post): Promise<void> {
    const { log, pod, tails, prepare, allows, findPost } = this.#options;
    const { conversation, client, body } = post;
    pending.attempt = undefined;
    try {
      const partition = this.#partitionOf(conversation);
      let allowed = allows(conversation, author.user);
      while (allowed === undefined || !tails.isCurrent()) {
        if (allowed === undefined) await prepare(conversation, author.user);
        else if (!(await tails.whenCurrent(CURRENT_MS))) throw new BehindError('the tails have not caught up');
        allowed = allows(conversation, author.user);
      }
      // Allowed, new and read so far must hold at one place of the log: nothing may be awaited from there to `asOf`.
      const written = partition.window.findPost(conversation, author.user, client);
      if (written !== undefined) return pending.settle(await this.#outcomeOf(partition, author, post, written));
      const asOf = partition.next - 1;
      // Also for one who may not post any more: what was posted before stays posted.
      if (post.retry || mayPrecedeWindow(partition, client)) {
        const found = await findPost(author, conversation, client, partition.window.start);
        if (found) return pending.settle({ is: 'ok', ...found });
      }
      if (!allowed) {
        await prepare(conversation, author.user);
        if (!allows(conversation, author.user)) return pending.settle({ is: 'refused', problem: renderProblem('not-found') });
        return await this.#judgeAndAppend(pending, author, post);
      }
      if (pending.settled) return;
      const name = `${pod}.${++this.#attempts}`;
      pending.attempt = { name, again: keepSpan(() => void this.#judgeAndAppend(pending, author, post)) };
      const id = v7();
      const attributes = { ...messageAttributes({ id, client }), 'messaging.destination.name': 'conversations' };
      await inSpan('append', { kind: SpanKind.PRODUCER, attributes }, async () => {
        const headers = {
          ...encodePostHeaders({ id, author: author.user, client, asOf, slow: false, attempt: name }),
          ...recordTraceHeaders(),
        };
        const record = { key: conversation, headers, value: Buffer.from(JSON.stringify({ body })) };
        await log.append('conversations', partitionOf(conversation, log.partitions.conversations), [record]);
      });
    } catch (error) {
      this.#options.logger.warn({ error: (error as Error).message }, 'a send could not be finished');
      // Before the append nothing was written. A failed append may have been, so its record is waited for.
      const problem = error instanceof BehindError ? 'behind' : 'unavailable';
      if (!pending.attempt || error instanceof AppendRefused)
        pending.settle({ is: 'refused', problem: renderProblem(problem, { retryAfter: 1 }) });
    }
  }

  /** The window knows that the post is there; when it came is in the ring, or in the projection. */
  async #outcomeOf(partition: Partition, author: UserIdentity, { conversation, client }: Post, offset: number): Promise<Outcome> {
    const [entry] = partition.ring.select([conversation], offset, offset + 1);
    if (entry) return { is: 'ok', position: entry.position, at: entry.record.at };
    const found = await this.#options.findPost(author, conversation, client, offset + 1);
    return found ? { is: 'ok', ...found } : { is: 'unknown' };
  }

  #partitionOf(conversation: string): Partition {
    const { tails, log } = this.#options;
    return tails.partition('conversations', partitionOf(conversation, log.partitions.conversations));
  }
}

/** Whether a post with this id may stand before the window, where only the projection knows of it. */
function mayPrecedeWindow({ window, ring }: Partition, client: string): boolean {
  if (window.start === 0) return false;
  const { oldest } = ring;
  return !oldest || timeOfUuidV7(client) < oldest.record.at + WINDOW_MARGIN_MS;
}

function identityOf(conversation: string, author: string, client: string): string {
  return `${conversation} ${author} ${client}`;
}
