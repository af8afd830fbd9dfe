import { createHmac, pbkdf2Sync } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';

/** AlterUserScramCredentials, of Kafka's protocol, in its first version; kafkajs 2.2.4 does not know it. */
const API = { apiKey: 51, apiVersion: 0, apiName: 'AlterUserScramCredentials' };
const SCRAM_SHA_512 = 2;
/** The least that brokers take. It slows the guessing of passwords down; these are random keys, which nobody guesses. */
const ITERATIONS = 4096;
const KEY_BYTES = 64;

interface Encoder {
  writeInt8(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeUVarInt(value: number): Encoder;
  writeUVarIntString(value: string): Encoder;
  writeUVarIntBytes(value: Buffer): Encoder;
  writeUVarIntArray(value: Encoder[]): Encoder;
}

interface Decoder {
  readInt16(): number;
  readInt32(): number;
  readUVarIntString(): string | null;
  readUVarIntArray<T>(read: (decoder: Decoder) => T): T[];
  readTaggedFields(): void;
}

/** What kafkajs keeps to itself of a connected cluster. */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  findControllerBroker(): Promise<{
    versions: Record<number, unknown>;
    connectionPool: { send<T>(exchange: { request: object; response: object }): Promise<T> };
  }>;
}

/** A user on the brokers did not get its password, or the brokers do not know how to give one. */
export class CredentialsRefused extends Error {
  override readonly name = 'CredentialsRefused';
}

/**
 * Gives users of the brokers these passwords for SCRAM-SHA-512, whether the users are there yet or not. The same
 * passwords again change nothing.
 *
 * @throws CredentialsRefused
 */
export async function setScramPasswords(kafka: Kafka, users: readonly { name: string; password: string }[]): Promise<void> {
  const cluster = createCluster(kafka);
  await cluster.connect();
  try {
    await cluster.refreshMetadata();
    const controller = await cluster.findControllerBroker();
    if (!controller.versions[API.apiKey]) throw new CredentialsRefused('they do not know the request');
    const { results } = await controller.connectionPool.send<Answer>({
      request: { ...API, encode: async () => encodeRequest(users) },
      response: { decode: async (data: Buffer) => decodeAnswer(data), parse: async (answer: Answer) => answer },
    });
    const refused = results.find(({ code }) => code !== 0);
    if (refused) throw new CredentialsRefused(refused.message ?? `error ${refused.code}`);
  } finally {
    await cluster.disconnect();
  }
}

/** A cluster by the same configuration, for the one request that no client of kafkajs sends. */
function createCluster(kafka: Kafka): Cluster {
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster');
  const create = name && (kafka as unknown as Record<symbol, (options: object) => Cluster>)[name];
  if (!create) throw new Error('this version of kafkajs makes its clusters otherwise');
  return create({ allowAutoTopicCreation: false });
}

function encodeRequest(users: readonly { name: string; password: string }[]): Encoder {
  const upsertions = users.map(({ name, password }) => {
    const salt = createHmac('sha256', password).update('SCRAM salt').digest();
    return newEncoder()
      .writeUVarIntString(name)
      .writeInt8(SCRAM_SHA_512)
      .writeInt32(ITERATIONS)
      .writeUVarIntBytes(salt)
      .writeUVarIntBytes(pbkdf2Sync(password, salt, ITERATIONS, KEY_BYTES, 'sha512'))
      .writeUVarInt(0);
  });
  // A flexible request: its header ends, as each part of its body does, with a number of tagged fields, here 0.
  return newEncoder().writeUVarInt(0).writeUVarIntArray([]).writeUVarIntArray(upsertions).writeUVarInt(0);
}

interface Answer {
  results: { code: number; message: string | null }[];
}

function decodeAnswer(data: Buffer): Answer {
  const decoder = newDecoder(data);
  decoder.readTaggedFields();
  // For how long it was throttled, ms.
  decoder.readInt32();
  return {
    results: decoder.readUVarIntArray((each) => {
      each.readUVarIntString();
      const result = { code: each.readInt16(), message: each.readUVarIntString() };
      each.readTaggedFields();
      return result;
    }),
  };
}

const require = createRequire(import.meta.url);

function newEncoder(): Encoder {
  return new (require('kafkajs/src/protocol/encoder') as new () => Encoder)();
}

function newDecoder(data: Buffer): Decoder {
  return new (require('kafkajs/src/protocol/decoder') as new (data: Buffer) => Decoder)(data);
}
