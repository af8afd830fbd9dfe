import { isPost, type RecordHeaders } from '@starling/contracts/log';
import { isTracing } from '@starling/platform/telemetry';
import type { Members } from '../resume/members.ts';
import type { RingEntry } from '../ring/ring.ts';
import type { Partition } from '../tail/partition.ts';
import { deliverToConnection } from './room.ts';
import { traceDelivery } from './trace-delivery.ts';

/**
 * Delivers what counts to the sockets of this pod: a conversation's records to its participants, a user's to that
 * user. A fact about participants takes effect before its own delivery, so that whom it adds gets it; whom it removes
 * gets it last.
 */
export function fanOut(members: Members, entry: RingEntry, headers: RecordHeaders, partition: Partition): void {
  const { topic, key, offset } = entry.record;
  if (topic === 'users') {
    const member = members.find(key);
    if (!member || !entry.frame) return;
    const span = isTracing() ? traceDelivery(entry.record, member.connections.size) : undefined;
    for (const connection of member.connections) deliverToConnection(connection, { ...entry.record, frame: entry.frame });
    span?.end();
    return;
  }
  const changesParticipants = topic === 'conversations' && !isPost(headers);
  if (changesParticipants) members.apply(entry);
  const room = members.room(key);
  const frame = room && entry.frame;
  if (!room || !frame) return;
  const { settled } = partition;
  const span = isTracing() ? traceDelivery(entry.record, room.countSockets(entry.position)) : undefined;
  settled.begin(offset);
  room.deliver({
    topic,
    partition: entry.record.partition,
    offset,
    position: entry.position,
    frame,
    done() {
      if (changesParticipants) members.dismiss(entry);
      settled.end(offset);
      span?.end();
    },
  });
}
