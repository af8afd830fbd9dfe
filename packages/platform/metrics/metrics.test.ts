import { expect, it } from 'vitest';
import type { EventLog } from '../log/index.ts';
import { createMetrics } from './metrics.ts';

it('tells of sockets: refusals and drops by reason, hints, drains, and what can be replayed', async () => {
  const metrics = createMetrics();
  const delivery = metrics.of('delivery');
  for (const reason of ['full', 'rate', 'full']) delivery.countRefusedUpgrade(reason);
  delivery.countDrop('slow');
  delivery.countReconnectHints('drain', 3);
  delivery.observeDrain(1.5);
  delivery.trackRing('users', () => [
    { records: 4, seconds: 60 },
    { records: 0, seconds: 0 },
  ]);
  const { text } = await metrics.scrape();
  expect(text.split('\n').filter((line) => /^starling_(?!drain_seconds_bucket)/.test(line))).toEqual([
    'starling_drain_seconds_sum{service="delivery"} 1.5',
    'starling_drain_seconds_count{service="delivery"} 1',
    'starling_refused_upgrades_total{service="delivery",reason="full"} 2',
    'starling_refused_upgrades_total{service="delivery",reason="rate"} 1',
    'starling_socket_drops_total{service="delivery",reason="slow"} 1',
    'starling_reconnect_hints_total{service="delivery",reason="drain"} 3',
    'starling_ring_records{service="delivery",topic="users",partition="0"} 4',
    'starling_ring_records{service="delivery",topic="users",partition="1"} 0',
    'starling_ring_seconds{service="delivery",topic="users",partition="0"} 60',
    'starling_ring_seconds{service="delivery",topic="users",partition="1"} 0',
  ]);
});

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
