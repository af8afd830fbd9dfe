import { CURSOR_TOPICS, type Cursor, type CursorTopic, compareCursor, mayReceive } from '@starling/contracts/log';
import type { CloseName } from '@starling/contracts/socket';
import type { EventLog } from '@starling/platform/log';
import type { Connection } from '../gateway/connection.ts';
import type { Partition } from '../tail/partition.ts';
import type { Tails } from '../tail/tails.ts';
import { BehindError, type Member, type Members } from './members.ts';

export interface ResumeContext {
  log: EventLog;
  tails: Tails;
  members: Members;
}

/** A cursor may be ahead of this pod for so long, ms: another pod may have read further. */
const AHEAD_MS = 2_000;
/** So much is replayed in one turn. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Sends a socket everything from its cursor on out of the rings, and makes it live at the place where the replay ends:
 * nothing in between is left out or sent twice. Returns the member that is held for the socket, or how to close it.
 */
export async function resume(context: ResumeContext, connection: Connection, cursor: Cursor): Promise<Member | CloseName> {
  const { tails, members } = context;
  const obstacle = await awaitCursor(context, cursor);
  if (obstacle) return obstacle;
  let member: Member;
  try {
    member = await members.hold(connection.identity.user);
  } catch (error) {
    return error instanceof BehindError ? 'behind' : 'unavailable';
  }
  const from: Cursor = { ...cursor };
  for (;;) {
    // The member was held, so the projection is past every ring's start: an older cursor needs a snapshot, and gets a newer one.
    if (
      CURSOR_TOPICS.some((topic) => tails.partitionsOf(topic).some((partition, index) => (from[topic][index] ?? 0) < partition.ring.start))
    ) {
      members.release(member);
      return 'resync';
    }
    const to = nextCut(tails, member, from);
    for (const frame of to.frames) connection.push(frame);
    for (const topic of CURSOR_TOPICS) from[topic] = to.cursor[topic];
    if (to.complete) break;
    await new Promise((resolve) => setImmediate(resolve));
    await connection.drained();
    if (connection.closed) break;
  }
  if (!connection.closed) {
    const { conversations, receipts, users } = from;
    connection.live = true;
    connection.liveFrom = { conversations, receipts, users };
    connection.send({ type: 'cursor', cursor: from });
    connection.send({ type: 'live' });
    member.connections.add(connection);
  }
  return member;
}

async function awaitCursor({ log, tails }: ResumeContext, cursor: Cursor): Promise<CloseName | undefined> {
  const standing = compareCursor(
    cursor,
    tails.cursor((partition) => partition.next),
  );
  if (standing === 'within') return undefined;
  if (standing === 'foreign') return 'resync';
  for (const topic of CURSOR_TOPICS) {
    const end = await log.endOffsets(topic);
    if (cursor[topic].some((next, index) => next > (end[index] ?? 0))) return 'resync';
  }
  const reached = await Promise.all(
    CURSOR_TOPICS.flatMap((topic) => cursor[topic].map((next, index) => tails.partition(topic, index).waitFor(next, AHEAD_MS))),
  );
  return reached.includes(false) ? 'behind' : undefined;
}

/** The next frames of a replay, and the cursor behind them; `complete` when it has arrived at the tails. */
function nextCut(
  tails: Tails,
  member: Member,
  from: Cursor,
): { frames: Buffer[]; cursor: Record<CursorTopic, number[]>; complete: boolean } {
  const frames: Buffer[] = [];
  let bytes = 0;
  let complete = true;
  const cut = (topic: CursorTopic): number[] =>
    tails.partitionsOf(topic).map((partition, index) => {
      const start = from[topic][index] ?? 0;
      for (const entry of missed(partition, topic, member, start)) {
        if (bytes >= CHUNK_BYTES) {
          complete = false;
          return entry.record.offset;
        }
        if (!entry.frame) continue;
        frames.push(entry.frame);
        bytes += entry.frame.length;
      }
      return partition.next;
    });
  return { frames, cursor: { conversations: cut('conversations'), receipts: cut('receipts'), users: cut('users') }, complete };
}

function missed(partition: Partition, topic: CursorTopic, member: Member, from: number) {
  if (topic === 'users') return partition.ring.select([member.user], from, partition.next);
  return partition.ring
    .select(member.occupancies.keys(), from, partition.next)
    .filter((entry) => mayReceive(member.occupancies.get(entry.record.key)?.participation, entry.position));
}
