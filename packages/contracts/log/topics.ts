/**
 * The topics whose records lie in an epoch and have a position: a cursor has a part for each, and a pod a ring.
 * `conversations` and `receipts` are keyed by conversation id, `users` by user id.
 */
export const CURSOR_TOPICS = ['conversations', 'receipts', 'users'] as const;

export type CursorTopic = (typeof CURSOR_TOPICS)[number];

/**
 * Every topic of the log by its short name. `ephemeral` carries what is of use for seconds, such as the pods' beats: it
 * outlives epochs, is kept for minutes, and nothing in it has a position.
 */
export const TOPICS = [...CURSOR_TOPICS, 'ephemeral'] as const;

export type Topic = (typeof TOPICS)[number];

/** Every installation has so many partitions of `ephemeral`: its readers want all of it. */
const EPHEMERAL_PARTITIONS = 1;

/** The number of partitions of every topic, from those of an epoch. */
export function countPartitions(ofEpoch: Readonly<Record<CursorTopic, number>>): Record<Topic, number> {
  const { conversations, receipts, users } = ofEpoch;
  return { conversations, receipts, users, ephemeral: EPHEMERAL_PARTITIONS };
}
