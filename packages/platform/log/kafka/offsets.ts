import type { Topic } from '@starling/contracts/log';
import type { Admin } from 'kafkajs';
import { topicName } from './topics.ts';

/** What a partition holds: the offsets from `low` to before `end`. */
export interface Range {
  low: number;
  end: number;
}

/** Asks the leaders what each partition of the topic holds now. */
export async function fetchRanges(admin: Admin, topic: Topic, epoch: number): Promise<Range[]> {
  const offsets = await admin.fetchTopicOffsets(topicName(topic, epoch));
  return offsets.sort((a, b) => a.partition - b.partition).map(({ low, high }) => ({ low: Number(low), end: Number(high) }));
}
