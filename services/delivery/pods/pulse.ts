import type { Clock } from '@starling/platform/clock';
import type { EventLog, LogRecord, TailSubscription } from '@starling/platform/log';
import type { Logger } from '@starling/platform/telemetry';
import { decodeBeat, encodeBeat, type Load } from './beat.ts';
import { clockError, hearBeat, type LivePods, NO_PODS } from './live-pods.ts';

export interface PulseOptions {
  pod: string;
  log: EventLog;
  clock: Clock;
  logger: Logger;
  load(): Load;
  /** Whether what this pod knows is what others have written: until then it says nothing. */
  isCurrent(): boolean;
  /** Its own beat has come back, with all those of others before it. */
  onBeat(pods: LivePods): void;
}

const BEAT_MS = 1_000;
/** So far a clock may be off the log's, ms. */
const CLOCK_TOLERANCE_MS = 10_000;

/** Writes this pod's beats and reads those of all. */
export class Pulse {
  readonly #options: PulseOptions;
  #pods: LivePods = NO_PODS;
  #error = 0;
  #writing = false;
  #failing = false;
  #timer: NodeJS.Timeout | undefined;
  #tail: TailSubscription | undefined;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** Whether this pod's clock was too far off the log's when its last beat came back: what it makes of times is wrong. */
  get clockIsOff(): boolean {
    return this.#error > CLOCK_TOLERANCE_MS;
  }

  async start(): Promise<void> {
    const { log } = this.#options;
    this.#tail = log.tail({
      topic: 'ephemeral',
      from: await log.endOffsets('ephemeral'),
      onRecords: (_, records) => this.#hear(records),
      // Whatever it was, it is too old by now.
      onHole: (_, { end }) => end,
    });
    this.#timer = setInterval(() => void this.#beat(), BEAT_MS);
    void this.#beat();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#tail?.stop();
  }

  async #beat(): Promise<void> {
    const { pod, log, clock, logger, load, isCurrent } = this.#options;
    if (this.#writing || !isCurrent()) return;
    this.#writing = true;
    try {
      await log.append('ephemeral', 0, [encodeBeat({ pod, epoch: log.epoch, load: load(), time: clock.now() })]);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) logger.warn({ error: (error as Error).message }, "this pod's beat cannot be written; it is tried each second");
      this.#failing = true;
    } finally {
      this.#writing = false;
    }
  }

  #hear(records: LogRecord<'ephemeral'>[]): void {
    const { pod, log, clock, logger, onBeat } = this.#options;
    for (const record of records) {
      const beat = decodeBeat(record);
      if (beat?.epoch !== log.epoch) continue;
      this.#pods = hearBeat(this.#pods, beat, record.at);
      if (beat.pod !== pod) continue;
      const wasOff = this.clockIsOff;
      this.#error = clockError({ sent: beat.time, at: record.at, received: clock.now() });
      if (this.clockIsOff !== wasOff)
        logger.error({ milliseconds: this.#error }, wasOff ? 'the clock is right again' : 'the clock is off the log’s: sends are refused');
      onBeat(this.#pods);
    }
  }
}
