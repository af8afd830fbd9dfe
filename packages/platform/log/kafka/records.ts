import type { Headers, Topic } from '@starling/contracts/log';
import type { KafkaMessage, Message } from 'kafkajs';
import type { LogRecord, NewRecord } from '../event-log.ts';

export function toMessage({ key, headers, value }: NewRecord, partition: number): Message {
  return { key, headers, value: asBuffer(value), partition };
}

/** Takes whatever lies in the topic as it is: what it is worth is for the reader to judge. */
export function toRecord(message: KafkaMessage, topic: Topic, partition: number): LogRecord {
  const { key, value, headers, offset, timestamp } = message;
  return {
    topic,
    partition,
    offset: Number(offset),
    at: Number(timestamp),
    key: key?.toString() ?? '',
    headers: toHeaders(headers),
    value: value ?? Buffer.alloc(0),
  };
}

/** Text by name. Of a repeated header the first value holds, for every reader alike; one without value is absent. */
function toHeaders(headers: KafkaMessage['headers']): Headers {
  const texts: Headers = {};
  for (const [name, given] of Object.entries(headers ?? {})) {
    // A list may begin with something that is no value: kafkajs finds names like `toString` on every object.
    const value = Array.isArray(given) ? given.find((each) => Buffer.isBuffer(each)) : given;
    if (Buffer.isBuffer(value)) texts[name] = value.toString();
  }
  return texts;
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
