import type { CursorTopic } from '@starling/contracts/log';
import type { LogRecord } from '@starling/platform/log';
import { type EncodedEvent, encodeEvent } from './encode-event.ts';

/** A record that counts, kept for replay; encoded when the first reader needs it, and once for all of them. */
export class RingEntry {
  readonly record: LogRecord<CursorTopic>;
  readonly position: number;
  #encoded: EncodedEvent | undefined | null = null;

  constructor(record: LogRecord<CursorTopic>, position: number) {
    this.record = record;
    this.position = position;
  }

  /** Whether the value has been looked at. */
  get known(): boolean {
    return this.#encoded !== null;
  }

  /** The event as a socket's frame; `undefined` when the record's value is bad, so that it does not count after all. */
  get frame(): EncodedEvent | undefined {
    if (this.#encoded === null) this.#encoded = encodeEvent(this.record, this.position);
    return this.#encoded;
  }
}

/** What an entry costs beside its value: key, headers and the objects around them. */
const ENTRY_BYTES = 512;

/**
 * The newest events of one partition, bounded in number and bytes, by key. It holds every record that counts from
 * `start` on.
 */
export class Ring {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #start: number;
  #bytes = 0;
  /** In order of offset; those before `#head` have been dropped, and are blank so that what they held is free. */
  #entries: (RingEntry | undefined)[] = [];
  #head = 0;
  readonly #byKey = new Map<string, RingEntry[]>();

  /** @param start the first offset that the ring will cover. */
  constructor(start: number, limits: { entries: number; bytes: number }) {
    this.#start = start;
    this.#maxEntries = limits.entries;
    this.#maxBytes = limits.bytes;
  }

  /** Every record that counts at this offset or later, up to the newest, is here. */
  get start(): number {
    return this.#start;
  }

  get oldest(): RingEntry | undefined {
    return this.#entries[this.#head];
  }

  /** How much there is, in records, and in seconds back from `now` (ms) to the oldest. */
  span(now: number): { records: number; seconds: number } {
    const { oldest } = this;
    return { records: this.#entries.length - this.#head, seconds: oldest ? Math.max(0, now - oldest.record.at) / 1000 : 0 };
  }

  push(entry: RingEntry): void {
    this.#entries.push(entry);
    const ofKey = this.#byKey.get(entry.record.key);
    if (ofKey) ofKey.push(entry);
    else this.#byKey.set(entry.record.key, [entry]);
    this.#bytes += entry.record.value.length + ENTRY_BYTES;
    while (this.#entries.length - this.#head > this.#maxEntries || (this.#bytes > this.#maxBytes && this.#head < this.#entries.length))
      this.#drop();
  }

  /** Forgets everything before `offset`. */
  startAt(offset: number): void {
    for (let oldest = this.oldest; oldest && oldest.record.offset < offset; oldest = this.oldest) this.#drop();
    this.#start = Math.max(this.#start, offset);
  }

  /** The entries of these keys in [from, to), in order of offset. */
  select(keys: Iterable<string>, from: number, to: number): RingEntry[] {
    const found: RingEntry[] = [];
    for (const key of keys) {
      const entries = this.#byKey.get(key);
      if (!entries) continue;
      for (let index = firstAtOrAfter(entries, from); index < entries.length; index++) {
        const entry = entries[index];
        if (!entry || entry.record.offset >= to) break;
        found.push(entry);
      }
    }
    return found.sort((a, b) => a.record.offset - b.record.offset);
  }

  /** All entries at or after `offset`. */
  since(offset: number): RingEntry[] {
    return this.#entries.slice(firstAtOrAfter(this.#entries, offset, this.#head)) as RingEntry[];
  }

  #drop(): void {
    const entry = this.#entries[this.#head];
    if (!entry) return;
    this.#entries[this.#head++] = undefined;
    this.#bytes -= entry.record.value.length + ENTRY_BYTES;
    this.#start = entry.record.offset + 1;
    const ofKey = this.#byKey.get(entry.record.key);
    if (ofKey && ofKey.length > 1) ofKey.shift();
    else this.#byKey.delete(entry.record.key);
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }
}

function firstAtOrAfter(entries: readonly (RingEntry | undefined)[], offset: number, head = 0): number {
  let low = head;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.record.offset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
