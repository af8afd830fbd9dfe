import { readFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { TOPICS, type Topic } from '@starling/contracts/log';
import { systemClock } from '@starling/platform/clock';
import type { EventLog } from '@starling/platform/log';
import { openKafkaLog } from '@starling/platform/log/kafka';
import type { ProcessConfig } from '@starling/platform/process';
import { createLogger } from '@starling/platform/telemetry';
import { waitFor } from '@starling/testing/wait-for';

/** Void to whoever reads it, without the headers that a record needs. */
const VOID = { key: 'nobody', headers: {}, value: Buffer.from('{}') };

/**
 * Tries with what a service has what it may do on the log: for each topic `r` where it may read it and `w` where it may
 * write it, `-` where the brokers refuse that. What it writes are void records; one must lie in each topic before.
 */
export async function probeAccess(kafka: ProcessConfig['kafka']): Promise<Record<Topic, string>> {
  const { log, logged } = await openLog(kafka);
  try {
    const found = await Promise.all(
      TOPICS.map(async (topic): Promise<[Topic, string]> => {
        const writes = await mayWrite(log, topic);
        return [topic, `${(await mayRead(log, topic, logged)) ? 'r' : '-'}${writes ? 'w' : '-'}`];
      }),
    );
    return Object.fromEntries(found) as Record<Topic, string>;
  } finally {
    await log.close();
  }
}

/** Appends a void record to each topic. */
export async function writeVoidRecords(kafka: ProcessConfig['kafka']): Promise<void> {
  const { log } = await openLog(kafka);
  for (const topic of TOPICS) await log.append(topic, 0, [VOID]);
  await log.close();
}

async function openLog(kafka: ProcessConfig['kafka']): Promise<{ log: EventLog; logged(): string }> {
  const { brokers, epoch, partitions, tlsAuthority = '', user = '', passwordFile = '' } = kafka;
  const [ca, password] = [await readFile(tlsAuthority, 'utf8'), (await readFile(passwordFile, 'utf8')).trim()];
  let logged = '';
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      logged += chunk.toString();
      done();
    },
  });
  const log = await openKafkaLog({
    brokers,
    epoch,
    partitions,
    tls: { ca },
    sasl: { mechanism: 'scram-sha-512', username: user, password },
    clientId: user,
    clock: systemClock,
    logger: createLogger({ service: 'test', level: 'warn', destination }),
  });
  return { log, logged: () => logged };
}

async function mayWrite(log: EventLog, topic: Topic): Promise<boolean> {
  try {
    await log.append(topic, 0, [VOID]);
    return true;
  } catch (error) {
    if (/Not authorized to access topics/.test((error as Error).message)) return false;
    throw error;
  }
}

async function mayRead(log: EventLog, topic: Topic, logged: () => string): Promise<boolean> {
  const ends = await log.endOffsets(topic);
  let read = 0;
  log.tail({
    topic,
    from: ends.map(() => 0),
    onRecords(_, records) {
      read += records.length;
    },
    onHole: (_, hole) => hole.low,
  });
  const refused = () =>
    logged()
      .split('\n')
      .some(
        (line) =>
          line.includes(`"${topic === 'ephemeral' ? 'chat.ephemeral' : `chat.${topic}.${log.epoch}`}"`) &&
          line.includes('Not authorized to access topics'),
      );
  await waitFor(() => read > 0 || refused(), { deadline: 30_000, describe: `reading ${topic} to succeed or be refused` });
  return read > 0;
}
