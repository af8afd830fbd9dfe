import { rootCertificates } from 'node:tls';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LogConnectionError } from './errors.ts';
import { createTestLogs, record, type TestLogs, textOf } from './test-logs.ts';

await describeWithOwnBrokers('the log on Kafka with TLS and passwords', { count: 1, secured: true }, (kafka) => {
  let logs: TestLogs;
  beforeAll(async () => {
    logs = await createTestLogs(kafka.brokers);
  });
  afterAll(() => logs.close());

  function secured() {
    if (!kafka.secured) throw new Error('the broker has no secured listener');
    const { brokers, ca, sasl } = kafka.secured;
    return { brokers, tls: { ca }, sasl };
  }

  async function refusal(changes: Parameters<TestLogs['open']>[0]): Promise<string> {
    const error = await logs.open({ ...changes, timings: { connect: 2_000, request: 2_000 } }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(LogConnectionError);
    return (error as Error).message;
  }

  it('appends and reads with the right authority, name and password', async () => {
    const log = await logs.open(secured());
    const read: string[] = [];
    await log.append('users', 0, [record('over TLS')]);
    log.tail({
      topic: 'users',
      from: [0],
      onRecords: (_, records) => void read.push(...records.map(textOf)),
      onHole: (_, hole) => hole.low,
    });
    await waitFor(() => read.length === 1, { deadline: 20_000 });
    expect(read).toEqual(['over TLS']);
  });

  it('believes for each connection what is the authority then', async () => {
    const { ca } = secured().tls;
    let believed = rootCertificates[0] as string;
    const tls = { ca: () => believed };
    expect(await refusal({ ...secured(), tls })).toMatch(/authority did not issue/);
    believed = ca;
    const log = await logs.open({ ...secured(), tls });
    const [offset = 0] = await log.append('receipts', 0, [record('by the authority of now')]);
    believed = rootCertificates[0] as string;
    // The connection stands.
    expect(await log.append('receipts', 0, [record('and again')])).toEqual([offset + 1]);
  });

  it('says that the authority is another one', async () => {
    const { brokers } = secured();
    expect(await refusal({ ...secured(), tls: { ca: rootCertificates[0] as string } })).toBe(
      `the Kafka brokers ${brokers} show a certificate that the configured authority did not issue: check the CA certificate`,
    );
  });

  it('says that the certificate is for another host name', async () => {
    const brokers = secured().brokers.map((address) => address.replace('localhost', '127.0.0.1'));
    expect(await refusal({ ...secured(), brokers })).toBe(
      `the Kafka brokers ${brokers} show a certificate that is not for this host name: check the broker addresses`,
    );
  });

  it('says that the password was refused, and does not repeat it', async () => {
    const { brokers, sasl } = secured();
    expect(await refusal({ ...secured(), sasl: { ...sasl, password: 'something-wrong' } })).toBe(
      `the Kafka brokers ${brokers} refused user starling: check user name and password`,
    );
  });

  it('says that nobody listens, or speaks otherwise', async () => {
    expect(await refusal({ brokers: ['127.0.0.1:1'] })).toMatch(
      /^the Kafka brokers 127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\): check addresses/,
    );
    expect(await refusal({ ...secured(), brokers: kafka.brokers })).toMatch(
      /cannot be reached .*that they run and speak TLS on this port$/,
    );
    expect(await refusal({ brokers: secured().brokers })).toMatch(/cannot be reached .*that they run and speak plain text on this port$/);
  });
});
