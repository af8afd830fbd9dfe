import { tmpdir } from 'node:os';
import { AppendRefused, type EventLog } from '@starling/platform/log';
import { createLogger } from '@starling/platform/telemetry';
import { expect, it } from 'vitest';
import { refuseWhenFull, watchDisk } from './disk-guard.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const log = { append: async () => [7] } as unknown as EventLog;

it('lets appends through while there is room', async () => {
  const guard = await watchDisk(tmpdir(), logger, 1);
  await expect(refuseWhenFull(log, guard).append('users', 0, [])).resolves.toEqual([7]);
  guard.stop();
});

it('refuses them, as not written, when there is none', async () => {
  const guard = await watchDisk(tmpdir(), logger, Number.MAX_SAFE_INTEGER);
  await expect(refuseWhenFull(log, guard).append('users', 0, [])).rejects.toBeInstanceOf(AppendRefused);
  guard.stop();
});
