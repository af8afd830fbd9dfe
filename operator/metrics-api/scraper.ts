import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '@starling/platform/clock';
import { Agent, request } from 'undici';
import type { DeliveryPod } from './delivery-pods.ts';
import type { Load, Loads } from './loads.ts';

/** No pod's answer is longer. */
const MOST_BYTES = 4_096;

export interface ScrapeOptions {
  pods(): DeliveryPod[];
  loads: Loads;
  clock: Clock;
  /** Where pods answer `/load`. */
  port: number;
  intervalMs: number;
  /** A pod that has not answered within this has not answered. */
  deadlineMs: number;
  /** How many are asked at a time. */
  concurrency: number;
  /** Told after each question. */
  observe(outcome: 'answered' | 'failed', seconds: number): void;
  /** Told after each round. */
  onRound?(pods: DeliveryPod[]): Promise<void>;
}

/** Asks all pods for their load, again and again: a round each interval. */
export class Scraper {
  readonly #options: ScrapeOptions;
  readonly #agent: Agent;
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ScrapeOptions) {
    this.#options = options;
    const deadline = options.deadlineMs;
    this.#agent = new Agent({
      connect: { timeout: deadline },
      headersTimeout: deadline,
      bodyTimeout: deadline,
      maxResponseSize: MOST_BYTES,
    });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    await this.#agent.destroy();
  }

  /** One round; resolves when each pod has answered or failed. */
  async scrape(): Promise<void> {
    const { pods, loads, concurrency, onRound } = this.#options;
    const all = pods();
    loads.keepOnly(new Set(all.map(({ uid }) => uid)));
    const waiting = all.values();
    const ask = async () => {
      for (const pod of waiting) await this.#ask(pod);
    };
    await Promise.all(Array.from({ length: concurrency }, ask));
    await onRound?.(all);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const begun = performance.now();
      await this.scrape();
      const rest = this.#options.intervalMs - (performance.now() - begun);
      await delay(Math.max(0, rest), undefined, { signal }).catch(() => undefined);
    }
  }

  async #ask({ uid, address }: DeliveryPod): Promise<void> {
    const { loads, clock, port, deadlineMs, observe } = this.#options;
    const begun = performance.now();
    const observed = (outcome: 'answered' | 'failed') => observe(outcome, (performance.now() - begun) / 1_000);
    try {
      const host = address.includes(':') ? `[${address}]` : address;
      const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(deadlineMs)]);
      const answer = await request(`http://${host}:${port}/load`, { dispatcher: this.#agent, signal });
      const load = answer.statusCode === 200 ? readLoad(await answer.body.json()) : void (await answer.body.dump());
      if (load) loads.note(uid, load, clock.now());
      observed(load ? 'answered' : 'failed');
    } catch {
      observed('failed');
    }
  }
}

function readLoad(answer: unknown): Load | undefined {
  const { connections, refusedUpgrades, draining } = (answer ?? {}) as Record<string, unknown>;
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  return isCount(connections) && isCount(refusedUpgrades) && typeof draining === 'boolean'
    ? { connections, refusedUpgrades, draining }
    : undefined;
}
