import { join } from 'node:path';
import { SERVICE_NAMES } from '@starling/contracts/services';
import { systemClock } from '@starling/platform/clock';
import type { Logger } from '@starling/platform/telemetry';
import { KEY_OVERLAP, type KeyPlace, startKeyRotation } from '@starling/platform/tokens';
import type { Options } from './options.ts';

const CHECK_EVERY_MS = 60_000;

/** Where the keys of the services are in the folder of `--data`. */
export function keyPlaceOf(data: string): KeyPlace {
  return { directory: join(data, 'keys'), issuers: SERVICE_NAMES, publicFile: join(data, 'public-keys.json'), clock: systemClock };
}

/** Rotates the services' keys for as long as this process lives. */
export function rotateKeysOf(options: Options, logger: Logger): void {
  const everyMs = options['rotate-keys'] * 1_000;
  startKeyRotation({
    ...keyPlaceOf(options.data),
    everyMs,
    // Old keys are kept for as long whatever the interval: nobody's token goes bad by a rotation.
    overlap: { ...KEY_OVERLAP, publishAheadMs: Math.min(KEY_OVERLAP.publishAheadMs, everyMs / 2) },
    checkEveryMs: Math.min(CHECK_EVERY_MS, everyMs / 8),
    logger,
  });
}
