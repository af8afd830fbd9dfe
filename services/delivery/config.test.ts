import { FRAME_BYTES } from '@starling/contracts/socket';
import { ConfigError, loadConfig } from '@starling/platform/config';
import { expect, test } from 'vitest';
import { DeliveryConfig } from './config.ts';

test('the configuration has defaults, and refuses what no socket could resume with', () => {
  expect(loadConfig(DeliveryConfig, { overrides: { pod: 'pod-0' } })).toEqual({
    pod: 'pod-0',
    ringBytes: 16 * 1024 * 1024,
    socketBytes: 4 * 1024 * 1024,
  });
  for (const wrong of [{}, { pod: '' }, { pod: 'x', socketBytes: 2 * FRAME_BYTES }, { pod: 'x', ringBytes: -1 }]) {
    expect(() => loadConfig(DeliveryConfig, { overrides: wrong })).toThrow(ConfigError);
  }
});
