import type { Topic } from '@starling/contracts/log';
import type { EventLog, GroupSubscription, LogRecord, NewRecord, TailOptions, TailSubscription } from '@starling/platform/log';

/**
 * Not a log: it keeps nothing, and hands what is appended to the tails in the same turn. It stands in for the real one
 * where only the way from the tail to the sockets is measured.
 */
export class FakeEventLog implements EventLog {
  readonly epoch = 1;
  readonly partitions = { conversations: 1, receipts: 1, users: 1, ephemeral: 1 };
  readonly #tails = new Set<TailOptions>();
  readonly #end: Record<Topic, number> = { conversations: 0, receipts: 0, users: 0, ephemeral: 0 };

  async append(topic: Topic, partition: number, records: NewRecord[]): Promise<number[]> {
    const at = Date.now();
    const appended: LogRecord[] = records.map((record) => ({ ...record, topic, partition, offset: this.#end[topic]++, at }));
    for (const tail of this.#tails) if (tail.topic === topic) await tail.onRecords(partition, appended);
    return appended.map(({ offset }) => offset);
  }

  async endOffsets(topic: Topic): Promise<number[]> {
    return [this.#end[topic]];
  }

  async lowOffsets(): Promise<number[]> {
    return [0];
  }

  async offsetsAt(topic: Topic): Promise<number[]> {
    return this.endOffsets(topic);
  }

  tail(options: TailOptions): TailSubscription {
    this.#tails.add(options);
    return { caughtUp: () => true, stop: async () => void this.#tails.delete(options) };
  }

  subscribe(): GroupSubscription {
    throw new Error('the fake event log has no groups');
  }

  async close(): Promise<void> {
    this.#tails.clear();
  }
}
