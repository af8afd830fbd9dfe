import type { Logger } from '@starling/platform/telemetry';
import type { MailJob, MailQueue } from '../store/mail-queue.ts';
import type { Letter } from './texts.ts';
import type { Send } from './transport.ts';

const IDLE_MS = 1_000;
const AT_ONCE = 5;
const GIVE_UP_EVERY_MS = 60_000;

/** Sends the mail that waits in the queue, until it is stopped. Several processes share the work. */
export class Mailer {
  readonly #queue: MailQueue;
  readonly #prepare: () => Promise<unknown>;
  readonly #compose: (job: MailJob) => Promise<Letter | undefined>;
  readonly #send: Send;
  readonly #logger: Logger;
  readonly #stopped = new AbortController();
  #wake: () => void = () => {};
  #woken = false;
  #gaveUp = 0;
  #running: Promise<void> | undefined;

  /**
   * @param options.prepare runs before each look at the queue, and may add to it.
   * @param options.compose what a job says; undefined: it is of no use any more.
   */
  constructor(options: {
    queue: MailQueue;
    prepare(): Promise<unknown>;
    compose(job: MailJob): Promise<Letter | undefined>;
    send: Send;
    logger: Logger;
  }) {
    this.#queue = options.queue;
    this.#prepare = options.prepare;
    this.#compose = options.compose;
    this.#send = options.send;
    this.#logger = options.logger;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** What is being sent is broken off; it is sent again by the next process. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake();
    await this.#running;
  }

  /** There is something to send: to be called after the commit of what added it. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.#woken = false;
      let busy = false;
      try {
        await this.#prepare();
        const jobs = await this.#queue.claim(AT_ONCE);
        busy = jobs.length === AT_ONCE;
        await Promise.all(jobs.map((job) => this.#work(job)));
        await this.#giveUp();
      } catch (error) {
        if (!this.#stopped.signal.aborted) this.#logger.warn({ error: (error as Error).message }, 'the mail queue could not be worked on');
      }
      if (!busy) await this.#pause();
    }
  }

  async #giveUp(): Promise<void> {
    if (performance.now() < this.#gaveUp + GIVE_UP_EVERY_MS) return;
    this.#gaveUp = performance.now();
    const mails = await this.#queue.giveUp();
    if (mails > 0) this.#logger.error({ mails }, 'mail was given up: it could not be sent while it was of use');
  }

  async #work(job: MailJob): Promise<void> {
    const { id, kind, email } = job;
    try {
      const letter = await this.#compose(job);
      const outcome = letter && (await this.#send({ id, to: email, letter }, this.#stopped.signal));
      if (outcome === 'refused') this.#logger.warn({ kind }, 'a mail was refused: the server knows no such mailbox');
      await this.#queue.remove(id);
    } catch (error) {
      if (this.#stopped.signal.aborted) return this.#queue.release(id);
      this.#logger.warn({ kind, reason: (error as Error).message }, 'a mail could not be sent; it is tried again');
      await this.#queue.postpone(id);
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, IDLE_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#woken || this.#stopped.signal.aborted) this.#wake();
    });
  }
}
