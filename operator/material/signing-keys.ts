import { SERVICE_NAMES, type ServiceName } from '@starling/contracts/services';
import {
  advanceKeys,
  formatPublicKeys,
  generateKey,
  type HeldKey,
  KEY_OVERLAP,
  parsePrivateKeys,
  publicPart,
} from '@starling/platform/tokens';
import { eachService } from './passwords.ts';

/** The private keys of every service, those that sign first first. */
export type ServiceKeys = Record<ServiceName, HeldKey[]>;

const DAY_MS = 86_400_000;

/** Those of a Secret; none when it holds none that can be read: new ones are made then, as when it is absent. */
export async function readKeys(text: string | undefined): Promise<HeldKey[]> {
  if (text === undefined) return [];
  try {
    return (await parsePrivateKeys(text)) ?? [];
  } catch {
    return [];
  }
}

/** The keys as they are to be now: one that is new is to be published before its Secret is written. */
export async function advanceAllKeys(held: ServiceKeys, options: { now: number; rotateDays: number }): Promise<ServiceKeys> {
  const next = SERVICE_NAMES.map(async (service) => {
    const keys = await advanceKeys({ held: held[service], now: options.now, everyMs: options.rotateDays * DAY_MS, overlap: KEY_OVERLAP });
    return [service, keys] as const;
  });
  return Object.fromEntries(await Promise.all(next)) as ServiceKeys;
}

/** One new key each, which signs at once: for keys that were stolen. */
export async function replaceKeys(services: readonly ServiceName[], held: ServiceKeys, now: number): Promise<ServiceKeys> {
  const next = await Promise.all(services.map(async (service) => [service, [await generateKey(now)]] as const));
  return { ...held, ...Object.fromEntries(next) };
}

/** The public keys of all, as their file has them. Of both, while the private ones are being written. */
export function publicKeysOf(...states: readonly ServiceKeys[]): string {
  return formatPublicKeys(
    eachService((service) => {
      const keys = new Map(states.flatMap((state) => state[service]).map((key) => [key.jwk.kid, publicPart(key)]));
      return [...keys.values()];
    }),
  );
}

/** When the next step of a rotation is due. */
export function nextKeyStep(keys: ServiceKeys, options: { now: number; rotateDays: number }): number {
  const { publishAheadMs, keepMs } = KEY_OVERLAP;
  const due = SERVICE_NAMES.flatMap((service) => {
    const newest = keys[service].at(-1)?.signsFrom ?? 0;
    return keys[service].length > 1 ? [newest + keepMs] : [newest + options.rotateDays * DAY_MS - publishAheadMs];
  });
  return Math.min(...due);
}

/** When the next key is to sign in the place of the one that does, of whichever service that is first. */
export function keysNotAfter(keys: ServiceKeys, rotateDays: number): number {
  return Math.min(...SERVICE_NAMES.map((service) => (keys[service].at(-1)?.signsFrom ?? 0) + rotateDays * DAY_MS));
}
