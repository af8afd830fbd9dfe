import { EVENTS, type EventKind } from '@starling/contracts/events';
import type { CursorTopic } from '@starling/contracts/log';
import type { EventFrame } from '@starling/contracts/socket';
import { decodeEvent } from '@starling/platform/events';
import type { LogRecord } from '@starling/platform/log';
import { encodeTextFrame } from '../gateway/text-frame.ts';

export type EncodedEvent = Buffer;

/** What identity tells the services; no client has a use for it. */
const FOR_SERVICES: readonly string[] = ['user.updated', 'session.revoked'] satisfies EventKind[];

/** The record as the frame that every recipient gets; `undefined`: nobody gets it, or its value is not of its kind's shape. */
export function encodeEvent(record: LogRecord<CursorTopic>, position: number): EncodedEvent | undefined {
  const { kind, author, client } = record.headers;
  if (kind === undefined || !Object.hasOwn(EVENTS, kind) || FOR_SERVICES.includes(kind)) return undefined;
  const value = decodeEvent(kind as EventKind, record.value);
  if (value === undefined) return undefined;
  const frame: EventFrame = {
    type: 'event',
    topic: record.topic,
    key: record.key,
    position,
    at: record.at,
    kind,
    ...(author === undefined ? {} : { author }),
    ...(client === undefined ? {} : { client }),
    value,
  };
  return encodeTextFrame(JSON.stringify(frame));
}
