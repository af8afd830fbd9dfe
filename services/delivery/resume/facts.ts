import type { ParticipantState } from '@starling/contracts/log';
import { decodeEvent } from '@starling/platform/events';
import type { LogRecord } from '@starling/platform/log';

/** The participants' states that a record of `chat.conversations` carries. */
export function participantsIn(record: LogRecord): ParticipantState[] {
  const kind = record.headers['kind'];
  if (kind === 'conversation.created') return decodeEvent(kind, record.value)?.participants ?? [];
  if (kind === 'participant.added' || kind === 'participant.changed' || kind === 'participant.removed') {
    const value = decodeEvent(kind, record.value);
    return value ? [value.participant] : [];
  }
  return [];
}
