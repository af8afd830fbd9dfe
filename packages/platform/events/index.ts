import { EVENTS, type EventKind, type EventValue } from '@starling/contracts/events';
import { FORMATS } from '@starling/contracts/schema';
import { Ajv } from 'ajv';

const ajv = new Ajv({ formats: FORMATS });
const validators = new Map(Object.entries(EVENTS).map(([kind, schema]) => [kind, ajv.compile(schema)]));

/**
 * Reads a record's value; `undefined` when it is not JSON of the kind's shape. Properties that the shape does not name
 * are let through: a newer writer may have added them.
 */
export function decodeEvent<K extends EventKind>(kind: K, value: Uint8Array): EventValue<K> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8'));
    return validators.get(kind)?.(parsed) ? (parsed as EventValue<K>) : undefined;
  } catch {
    return undefined;
  }
}
