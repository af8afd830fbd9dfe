import type { Message } from '@starling/contracts/http';
import { PROBLEMS, type Problem, problemName } from '@starling/contracts/problems';
import type { SendFrame } from '@starling/contracts/socket';
import { v7 } from 'uuid';
import { backoff, type Clock } from '../clock.ts';
import type { PendingSend } from '../sync/state.ts';
import { type Store, withEntry } from '../sync/store.ts';
import type { KeptSend, KeptSends } from './kept-sends.ts';
import { faultOfBody } from './message-body.ts';

/** `ok`: stored at `position`. `refused`: not stored, and never will be. */
export type Outcome = { status: 'ok'; position: number; at: number } | { status: 'refused'; problem: Problem };

export interface SendQueueOptions {
  store: Store;
  kept: KeptSends;
  clock: Clock;
  random: () => number;
  /** Hands a frame to the socket; false when there is none that is live. */
  transmit(frame: SendFrame): boolean;
  /** The server's clock, ms. */
  serverTime(): number;
  /** The newest position known of a conversation. */
  newestKnown(conversation: string): number | undefined;
}

/** The server answers within 5 s, if only that it does not know. */
const ANSWER_TIMEOUT = 15_000;

interface Send extends KeptSend {
  /** It outlives this process. */
  isKept: boolean;
  /** It has been handed to a socket, so that the server may know it. */
  tried: boolean;
  failures: number;
  /** `refused` and `sent` are only kept to be shown. */
  state: PendingSend['state'];
  /** Where it is stored, once `sent`. */
  position: number;
  /** An answer or a time to try again is awaited. */
  busy: boolean;
  disarm: () => void;
  settle(outcome: Outcome): void;
}

/**
 * Posts of one's own on their way. Within a conversation one is sent when the one before it is settled, so that they
 * stand in the log in the order of writing even when answers are lost. Each is sent under its id again and again
 * until it is known to be stored or refused: what is not known is never given up.
 */
export class SendQueue {
  #options: SendQueueOptions;
  #sends = new Map<string, Send[]>();
  /** The order of the last one written. */
  #written = 0;

  constructor(options: SendQueueOptions) {
    this.#options = options;
  }

  /**
   * Queues a post. Throws a RangeError with a sentence for the author if the body cannot be posted. `outcome` never
   * rejects; it stays open as long as the answer is not known, and for good if the client is stopped before.
   */
  send(conversation: string, body: string): { client: string; outcome: Promise<Outcome> } {
    const fault = faultOfBody(body);
    if (fault !== null) throw new RangeError(fault);
    const at = this.#options.serverTime();
    const client = v7({ msecs: at });
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#written = Math.max(at, this.#written + 1);
    const send = newSend({ conversation, client, body, at, order: this.#written, problem: null }, resolve);
    send.isKept = this.#options.kept.put(send);
    this.#add(send);
    this.#publish(conversation);
    this.#pump(conversation);
    return { client, outcome: promise };
  }

  /**
   * It is known who the user is: takes over what earlier clients of theirs, or others at this time, have kept. That the
   * same post is then sent by two does no harm, as both send it under the same id.
   */
  restore(): void {
    const { kept } = this.#options;
    for (const send of kept.adopt()) {
      // It may have been sent; and if not, it does no harm to say so.
      if (!this.#find(send.conversation, send.client)) this.#add({ ...newSend(send, () => {}), isKept: true, tried: true });
    }
    for (const [conversation, sends] of this.#sends) {
      sends.sort((a, b) => a.order - b.order);
      for (const send of sends) if (isOpen(send) && !send.isKept) send.isKept = kept.put(send);
      this.#publish(conversation);
    }
  }

  /** How many posts are not known to be stored or refused: these, and those kept by other clients of the user. */
  countUnsent(): number {
    const found = new Set(this.#options.kept.load().flatMap(({ client, problem }) => (problem === null ? [client] : [])));
    for (const send of [...this.#sends.values()].flat()) if (isOpen(send)) found.add(send.client);
    return found.size;
  }

  /** Takes a refused post out of the list; any other stays, for it may be stored. */
  discard(conversation: string, client: string): void {
    const send = this.#find(conversation, client);
    if (send?.state === 'refused') this.#remove(send);
  }

  /** Events are live: what was missed has been seen, so what is still here needs sending. */
  up(): void {
    for (const conversation of [...this.#sends.keys()]) this.#pump(conversation);
  }

  /** The socket is gone, and with it the answers to what was in flight. */
  down(): void {
    for (const [conversation, sends] of this.#sends) {
      for (const send of sends) {
        if (!send.busy || !isOpen(send)) continue;
        send.disarm();
        send.busy = false;
        if (send.tried) send.state = 'unknown';
      }
      this.#publish(conversation);
    }
  }

  acknowledged(conversation: string, client: string, position: number, at: number): void {
    const send = this.#find(conversation, client);
    if (!send || !isOpen(send)) return;
    send.settle({ status: 'ok', position, at });
    send.disarm();
    send.busy = false;
    send.state = 'sent';
    send.position = position;
    this.#options.kept.remove(send);
    // Shown until its place among the messages is; where none are shown, or later ones are already, that is now.
    const range = this.#options.store.getState().ranges.get(conversation);
    const isPassed = range?.load === 'ready' && (range.messages.at(-1)?.position ?? -1) >= position;
    if (range && !isPassed) this.#publish(conversation);
    else this.#remove(send);
    this.#pump(conversation);
  }

  refused(conversation: string, client: string, problem: Problem): void {
    const send = this.#find(conversation, client);
    if (!send || !isOpen(send)) return;
    const name = problemName(problem);
    if (name === 'unknown') {
      this.unknown(conversation, client);
    } else if (PROBLEMS[name].retry) {
      this.#tryLater(send, (problem.retryAfter ?? 0) * 1000);
    } else {
      send.settle({ status: 'refused', problem });
      send.disarm();
      send.busy = false;
      send.state = 'refused';
      send.problem = problem;
      // For its author to read and to write anew, also after a reload.
      send.isKept = this.#options.kept.put(send);
      this.#publish(conversation);
      this.#pump(conversation);
    }
  }

  unknown(conversation: string, client: string): void {
    const send = this.#find(conversation, client);
    if (!send || !isOpen(send)) return;
    send.state = 'unknown';
    this.#tryLater(send, 0);
  }

  /** Messages are in the state now, by event or by page: one's own among or before them are not pending any more. */
  seen(messages: readonly Message[], me: string | null): void {
    for (const { conversation, author, client, position, at } of messages) {
      for (const send of this.#sends.get(conversation) ?? []) {
        const isIt = author === me && send.client === client;
        if (isIt) send.settle({ status: 'ok', position, at });
        if (!isIt && !(send.state === 'sent' && send.position < position)) continue;
        this.#remove(send);
        if (isIt) this.#pump(conversation);
      }
    }
  }

  /** The conversation is not shown any more: what is stored or refused need not be either. */
  forget(conversation: string): void {
    for (const send of [...(this.#sends.get(conversation) ?? [])]) if (!isOpen(send)) this.#remove(send);
  }

  /** Forgets all; what is kept stays kept. */
  reset(): void {
    for (const send of [...this.#sends.values()].flat()) send.disarm();
    this.#sends.clear();
    this.#options.kept.reset();
    this.#options.store.update({ sends: new Map() });
  }

  #add(send: Send): void {
    const sends = this.#sends.get(send.conversation);
    if (sends) sends.push(send);
    else this.#sends.set(send.conversation, [send]);
  }

  #find(conversation: string, client: string): Send | undefined {
    return this.#sends.get(conversation)?.find((send) => send.client === client);
  }

  /** Sends the first open post of the conversation if it is its turn. */
  #pump(conversation: string): void {
    const send = this.#sends.get(conversation)?.find(isOpen);
    if (!send || send.busy) return;
    const { transmit, clock, newestKnown } = this.#options;
    const { client, body } = send;
    const position = newestKnown(conversation);
    const sent = transmit({
      type: 'send',
      conversation,
      client,
      body,
      ...(send.tried ? { retry: true } : {}),
      ...(position === undefined ? {} : { after: { conversation, position } }),
    });
    if (!sent) return;
    send.tried = true;
    send.busy = true;
    send.disarm = clock.after(ANSWER_TIMEOUT, () => this.unknown(conversation, client));
  }

  #tryLater(send: Send, atLeast: number): void {
    const { clock, random } = this.#options;
    send.disarm();
    send.busy = true;
    send.disarm = clock.after(Math.max(atLeast, 100 + backoff(send.failures++, random)), () => {
      send.busy = false;
      this.#pump(send.conversation);
    });
    this.#publish(send.conversation);
  }

  #remove(send: Send): void {
    send.disarm();
    this.#options.kept.remove(send);
    const rest = this.#sends.get(send.conversation)!.filter((other) => other !== send);
    if (rest.length > 0) this.#sends.set(send.conversation, rest);
    else this.#sends.delete(send.conversation);
    this.#publish(send.conversation);
  }

  #publish(conversation: string): void {
    const { store } = this.#options;
    const shown = store.getState().sends;
    const before = shown.get(conversation);
    const sends = this.#sends.get(conversation)?.map(({ client, body, at, state, problem, isKept }) => {
      const same = before?.find((other) => other.client === client);
      return same?.state === state && same.isKept === isKept ? same : { client, body, at, state, problem, isKept };
    });
    store.update({ sends: withEntry(shown, conversation, sends) });
  }
}

function newSend(post: KeptSend, settle: Send['settle']): Send {
  const state = post.problem === null ? 'sending' : 'refused';
  return { ...post, isKept: false, tried: false, failures: 0, state, position: 0, busy: false, disarm: () => {}, settle };
}

function isOpen({ state }: Send): boolean {
  return state === 'sending' || state === 'unknown';
}
