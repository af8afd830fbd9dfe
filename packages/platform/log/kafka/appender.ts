import type { Topic } from '@starling/contracts/log';
import type { Kafka, Producer } from 'kafkajs';
import type { Logger } from '../../telemetry/index.ts';
import type { NewRecord } from '../event-log.ts';
import { causes } from './errors.ts';
import { topicName } from './names.ts';
import { toMessage } from './records.ts';

const ATTEMPTS = 15;

/** With these the leader has refused the records, so that they can be sent again without being there twice. */
const REFUSALS = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION', 'NOT_ENOUGH_REPLICAS']);

/**
 * Writes batches, and believes only an answer that fits: kafkajs' idempotent producer was seen to report records as
 * written that were not, so it is not used, and an offset is checked against those given out before. What fails
 * otherwise than by a refusal is not sent again: it may have been written.
 */
export class Appender {
  readonly #producer: Producer;
  readonly #epoch: number;
  readonly #logger: Logger;
  readonly #timings: { request: number; retry: number };
  /** Per partition, the offset after the last one that was given out. */
  readonly #ends = new Map<string, number>();
  #broken = false;

  constructor(options: { kafka: Kafka; epoch: number; logger: Logger; timings: { request: number; retry: number } }) {
    const { kafka, epoch, logger, timings } = options;
    this.#epoch = epoch;
    this.#logger = logger;
    this.#timings = timings;
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: false,
      retry: { retries: 0 },
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition as number,
    });
  }

  connect(): Promise<void> {
    return this.#producer.connect();
  }

  disconnect(): Promise<void> {
    return this.#producer.disconnect();
  }

  /** Resolves with the offset of the first record. A rejection leaves open whether they were written. */
  async write(topic: Topic, partition: number, records: NewRecord[]): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      try {
        // A send on a lost connection would fail by that alone, and count as unknown.
        if (this.#broken) await this.#producer.connect();
        const first = await this.#send(topic, partition, records);
        this.#broken = false;
        return first;
      } catch (error) {
        this.#broken = true;
        const refused = causes(error).some(({ type }) => typeof type === 'string' && REFUSALS.has(type));
        if (!refused || attempt === ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, this.#timings.retry));
      }
    }
  }

  async #send(topic: Topic, partition: number, records: NewRecord[]): Promise<number> {
    const name = topicName(topic, this.#epoch);
    const answers = await this.#producer.send({
      topic: name,
      acks: -1,
      timeout: this.#timings.request,
      messages: records.map((record) => toMessage(record, partition)),
    });
    const answer = answers.find((each) => each.topicName === name && each.partition === partition);
    const first = Number(answer?.baseOffset ?? -1);
    if (!Number.isSafeInteger(first) || first < 0)
      throw new Error(`partition ${partition} of ${name} gave no offset for what was appended to it`);
    const place = `${topic} ${partition}`;
    const end = this.#ends.get(place) ?? 0;
    this.#ends.set(place, first + records.length);
    if (first < end) {
      this.#logger.error({ topic: name, partition, given: first, expected: end }, 'an offset was given out twice');
      throw new Error(
        `partition ${partition} of ${name} gave out offset ${first} after it had got to ${end}: what was appended cannot be told`,
      );
    }
    return first;
  }
}
