import { expect, it } from 'vitest';
import type { EventLog } from '../log/index.ts';
import { createMetrics } from './metrics.ts';

it('tells the lag of the partitions that a reader has now, and of no others', async () => {
  const metrics = createMetrics();
  const log = { endOffsets: async () => [5, 7, 9] } as unknown as EventLog;
  let next: (number | undefined)[] = [5, 3, undefined];
  metrics.of('user').trackLag('user', 'users', log, () => next);
  const lags = async () => {
    const { text } = await metrics.scrape();
    return text.split('\n').flatMap((line) => {
      const [, partition, lag] = /^starling_log_lag_records\{.*partition="(\d+)".*\} (\d+)$/.exec(line) ?? [];
      return partition === undefined ? [] : [`${partition}: ${lag}`];
    });
  };
  expect((await lags()).sort()).toEqual(['0: 0', '1: 4']);
  next = [undefined, undefined, 8];
  expect(await lags()).toEqual(['2: 1']);
});
