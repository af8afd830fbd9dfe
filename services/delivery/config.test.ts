import { FRAME_BYTES } from '@starling/contracts/socket';
import { ConfigError, loadConfig } from '@starling/platform/config';
import { expect, test } from 'vitest';
import { DeliveryConfig } from './config.ts';

test('the configuration has defaults, and refuses what no socket could resume with', () => {
  expect(loadConfig(DeliveryConfig, {})).toEqual({
    ringBytes: 16 * 1024 * 1024,
    socketBytes: 4 * 1024 * 1024,
    connectionCap: 10_000,
    upgradesPerSecond: 200,
    drainSeconds: 30,
  });
  expect(loadConfig(DeliveryConfig, { overrides: { pod: 'pod-0', drainSeconds: 0 } })).toMatchObject({ pod: 'pod-0', drainSeconds: 0 });
  for (const wrong of [
    { pod: '' },
    { socketBytes: 2 * FRAME_BYTES },
    { ringBytes: -1 },
    { connectionCap: 0 },
    { upgradesPerSecond: 0 },
    { drainSeconds: -1 },
    { connectionsCap: 5 },
  ]) {
    expect(() => loadConfig(DeliveryConfig, { overrides: wrong })).toThrow(ConfigError);
  }
});
