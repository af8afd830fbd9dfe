import { CURSOR_TOPICS, type CursorTopic } from './topics.ts';

/** The next offset to read, per partition. */
export type Offsets = number[];

/**
 * How far a reader has got: the next offset of every partition of each topic of the epoch. Everything before it
 * has been seen, nothing from it on.
 */
export type Cursor = { epoch: number } & Record<CursorTopic, Offsets>;

/** How a cursor stands to the log's end, or why they cannot be compared. */
export type CursorStanding = 'within' | 'ahead' | 'foreign';

/**
 * Compares a cursor with the end offsets of the log: `within` when each part is at or before the end, `ahead` when
 * some part is beyond it, `foreign` when it is of another epoch or of another number of partitions.
 */
export function compareCursor(cursor: Cursor, end: Cursor): CursorStanding {
  if (cursor.epoch !== end.epoch) return 'foreign';
  if (CURSOR_TOPICS.some((topic) => cursor[topic].length !== end[topic].length)) return 'foreign';
  return CURSOR_TOPICS.some((topic) => cursor[topic].some((next, partition) => next > (end[topic][partition] ?? 0))) ? 'ahead' : 'within';
}
