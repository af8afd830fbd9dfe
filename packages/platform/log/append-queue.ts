import type { Topic } from '@starling/contracts/log';
import { AppendRefused, type NewRecord } from './event-log.ts';

/** No batch is larger, so that it fits into one request to a broker. */
const BATCH_BYTES = 900_000;
/** More than that does not wait for a partition whose log does not answer: memory is not where records belong. */
const WAITING_BYTES = 16_000_000;
/** Nor for longer, ms: before its sender is told that the outcome is unknown, it can still be told that it was refused. */
const WAITING_MS = 4_000;

interface Waiting {
  expiry: NodeJS.Timeout | undefined;
  records: NewRecord[];
  bytes: number;
  resolve(offsets: number[]): void;
  reject(error: unknown): void;
}

/**
 * One write in flight per partition; appends that arrive meanwhile ride together in the next. Under load the batches
 * grow by themselves, and at rest an append waits for nothing.
 */
export class AppendQueue {
  readonly #write: (topic: Topic, partition: number, records: NewRecord[]) => Promise<number>;
  readonly #maxWaiting: number;
  readonly #waiting = new Map<string, Waiting[]>();
  /** Bytes that have not been handed to the log, per partition. */
  readonly #bytes = new Map<string, number>();
  #closed = false;

  /** @param write writes consecutive records and resolves with the offset of the first. */
  constructor(write: (topic: Topic, partition: number, records: NewRecord[]) => Promise<number>, maxWaiting = WAITING_BYTES) {
    this.#write = write;
    this.#maxWaiting = maxWaiting;
  }

  append(topic: Topic, partition: number, records: NewRecord[]): Promise<number[]> {
    if (this.#closed) return Promise.reject(new AppendRefused('the log is closed'));
    if (records.length === 0) return Promise.resolve([]);
    const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0);
    const name = `${topic} ${partition}`;
    const waiting = (this.#bytes.get(name) ?? 0) + bytes;
    if (waiting > this.#maxWaiting)
      return Promise.reject(new AppendRefused(`too much waits for partition ${partition} of ${topic} already`));
    this.#bytes.set(name, waiting);
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(name);
      if (queue) {
        const late: Waiting = { records, bytes, resolve, reject, expiry: setTimeout(() => this.#expire(name, queue, late), WAITING_MS) };
        queue.push(late);
      } else {
        const started: Waiting[] = [{ records, bytes, resolve, reject, expiry: undefined }];
        this.#waiting.set(name, started);
        void this.#drain(name, topic, partition, started);
      }
    });
  }

  /** Rejects what has not been handed to the log; what is in flight settles by itself. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#waiting.values())
      for (const waiting of queue.splice(0)) {
        clearTimeout(waiting.expiry);
        waiting.reject(new AppendRefused('the log is closed'));
      }
  }

  #expire(name: string, queue: Waiting[], late: Waiting): void {
    const place = queue.indexOf(late);
    if (place < 0) return;
    queue.splice(place, 1);
    this.#bytes.set(name, (this.#bytes.get(name) ?? 0) - late.bytes);
    late.reject(new AppendRefused('the log does not answer'));
  }

  async #drain(name: string, topic: Topic, partition: number, queue: Waiting[]): Promise<void> {
    while (queue.length > 0) {
      const batch = takeBatch(queue);
      this.#bytes.set(name, (this.#bytes.get(name) ?? 0) - batch.reduce((sum, waiting) => sum + waiting.bytes, 0));
      try {
        let next = await this.#write(
          topic,
          partition,
          batch.flatMap((waiting) => waiting.records),
        );
        for (const { records, resolve } of batch) {
          const first = next;
          next += records.length;
          resolve(records.map((_, index) => first + index));
        }
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
    }
    this.#waiting.delete(name);
    this.#bytes.delete(name);
  }
}

/** An upper bound, also for texts of several bytes a letter. */
function sizeOf({ key, headers, value }: NewRecord): number {
  let letters = key.length;
  for (const name in headers) letters += name.length + (headers[name]?.length ?? 0) + 8;
  return value.length + 3 * letters + 64;
}

function takeBatch(queue: Waiting[]): Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const waiting of queue) {
    bytes += waiting.bytes;
    if (count > 0 && bytes > BATCH_BYTES) break;
    clearTimeout(waiting.expiry);
    count++;
  }
  return queue.splice(0, count);
}
