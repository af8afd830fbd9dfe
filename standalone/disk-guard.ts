import { statfs } from 'node:fs/promises';
import { AppendRefused, type EventLog, withAppend } from '@starling/platform/log';
import type { Logger } from '@starling/platform/telemetry';

/** Below this nothing is taken any more: the database needs room to stay alive, in bytes. */
const NEEDED_BYTES = 50_000_000;
const LOOK_EVERY_MS = 2_000;

/** Watches the free space of a folder's disk. */
export interface DiskGuard {
  isFull(): boolean;
  stop(): void;
}

export async function watchDisk(folder: string, logger: Logger, neededBytes = NEEDED_BYTES): Promise<DiskGuard> {
  let full = false;
  async function look(): Promise<void> {
    const { bavail, bsize } = await statfs(folder);
    const isFull = bavail * bsize < neededBytes;
    if (isFull !== full)
      logger.warn({ freeBytes: bavail * bsize }, isFull ? 'the disk is full: nothing is taken any more' : 'the disk has room again');
    full = isFull;
  }
  await look();
  const timer = setInterval(
    () => void look().catch((error: Error) => logger.warn({ error: error.message }, 'the free space is not known')),
    LOOK_EVERY_MS,
  );
  timer.unref();
  return { isFull: () => full, stop: () => clearInterval(timer) };
}

/** The same log, which refuses appends at once while the disk is full, instead of leaving them unknown. */
export function refuseWhenFull(log: EventLog, guard: DiskGuard): EventLog {
  return withAppend(log, async (topic, partition, records) => {
    if (guard.isFull()) throw new AppendRefused('the disk is full');
    return log.append(topic, partition, records);
  });
}
