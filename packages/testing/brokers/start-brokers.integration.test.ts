import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { waitFor } from '../wait-for/index.ts';
import { describeWithOwnBrokers } from './describe-with-brokers.ts';
import { sweepLeftovers } from './leftovers.ts';

/** Whether the broker answers a request (ApiVersions) within a second. */
function answers(address: string): Promise<boolean> {
  const [host, port] = address.split(':') as [string, string];
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    const settle = (value: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(value);
    };
    const timer = setTimeout(() => settle(false), 1_000);
    socket.once('error', () => settle(false));
    socket.once('data', () => settle(true));
    // Length, api key 18, version 0, correlation id, no client id.
    socket.write(Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff]));
  });
}

await describeWithOwnBrokers('brokers of a test', { count: 1 }, (kafka) => {
  it('answers, stands still while paused, and comes back on its port after a kill', async () => {
    const [address] = kafka.brokers as [string];
    await waitFor(() => answers(address));
    await kafka.pause(0);
    expect(await answers(address)).toBe(false);
    await kafka.resume(0);
    await waitFor(() => answers(address));
    const [before] = kafka.pids;
    await kafka.kill(0);
    expect(await answers(address)).toBe(false);
    await kafka.restart(0);
    await waitFor(() => answers(address));
    expect(kafka.pids).not.toEqual([before]);
  });

  it('removes what a killed run left behind', async () => {
    // No process has this id: it is above every limit of the kernel.
    const folder = await mkdtemp(join(tmpdir(), `starling-test-kafka-99999999-`));
    await writeFile(join(folder, '1.pid'), String(process.pid));
    sweepLeftovers();
    expect(existsSync(folder)).toBe(false);
  });
});
