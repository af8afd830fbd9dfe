import { join } from 'node:path';
import { SERVICE_NAMES } from '@starling/contracts/services';
import { systemClock } from '@starling/platform/clock';
import type { Logger } from '@starling/platform/telemetry';
import { type KeyPlace, startKeyRotation } from '@starling/platform/tokens';
import type { Options } from './options.ts';

const PUBLISH_AHEAD_MS = 600_000;
/** Longer than a user token lives, whatever the interval: nobody's token goes bad by a rotation. */
const KEEP_MS = 905_000;
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
    overlap: { publishAheadMs: Math.min(PUBLISH_AHEAD_MS, everyMs / 2), keepMs: KEEP_MS },
    checkEveryMs: Math.min(CHECK_EVERY_MS, everyMs / 8),
    logger,
  });
}
