import { WINDOW } from '@starling/contracts/log';
import type { GroupOptions, GroupRecord, GroupSubscription } from '../event-log.ts';
import { groupName } from './names.ts';
import { Reader, type ReaderContext } from './reader.ts';

/**
 * Reads as a member of a group, from the offsets that the group keeps itself. Those that it commits to the brokers
 * are never read: they only let others see how far it is.
 */
export function subscribeGroup(context: ReaderContext, options: GroupOptions): GroupSubscription {
  const { topic, group, storedOffset, onRecords, onHole } = options;
  const stored: number[] = [];
  const reader = new Reader(context, {
    topic,
    groupId: () => groupName(group, topic, context.epoch),
    async locate(partition) {
      const offset = await storedOffset(partition);
      stored[partition] = offset;
      return offset;
    },
    lookBack: WINDOW,
    relocate: true,
    onRecords: (partition, records) => {
      const begin = stored[partition] ?? 0;
      return onRecords(
        partition,
        records.map((record): GroupRecord => ({ ...record, past: record.offset < begin })),
      );
    },
    onHole(partition, hole) {
      onHole(partition, hole);
      return undefined;
    },
  });
  const committed = new Map<number, number>();
  const committing = setInterval(() => void commit(), context.timings.commit);

  async function commit(): Promise<void> {
    const { next, assigned } = reader;
    const moved = assigned.flatMap((partition) => {
      const offset = Math.max(next[partition] ?? 0, stored[partition] ?? 0);
      return committed.get(partition) === offset ? [] : [{ partition, offset }];
    });
    if (moved.length === 0) return;
    for (const { partition, offset } of moved) committed.set(partition, offset);
    await reader.commit(moved);
  }

  return {
    assigned: () => reader.assigned,
    async stop() {
      clearInterval(committing);
      await reader.stop();
    },
  };
}
