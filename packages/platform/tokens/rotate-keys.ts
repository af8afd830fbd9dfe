import { mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { JWK } from 'jose';
import type { Clock } from '../clock/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { advanceKeys, type Overlap } from './advance-keys.ts';
import {
  generateKey,
  type HeldKey,
  keyFile,
  publicPart,
  readPrivateKeys,
  readPublicKeys,
  writePrivateKeys,
  writePublicKeys,
} from './key-files.ts';

const CHECK_EVERY_MS = 60_000;
/** Writing keys takes milliseconds: who has done so for this long has died. */
const LOCK_STALE_MS = 10_000;
const LOCK_POLL_MS = 20;

/** The keys of some issuers: a private file of each in `directory`, and the public ones of all in `publicFile`. */
export interface KeyPlace {
  directory: string;
  issuers: readonly string[];
  publicFile: string;
  clock: Clock;
  /** 10 minutes, and a user token's life and 10 minutes, unless given. */
  overlap?: Overlap | undefined;
}

/** Makes the keys that are absent, removes those whose time has passed, and brings the public file up to date. */
export function ensureKeys(place: KeyPlace): Promise<void> {
  return exclusively(place, () => advance(place, Number.POSITIVE_INFINITY));
}

/**
 * Begins the next rotation: a key of each issuer that is published now, and signs after `publishAheadMs`. Where one is
 * on its way already, nothing is begun. To be called again for the old key to go; `dropOld` is for a key that was
 * stolen: the new one signs, and the old one is refused, at once.
 *
 * A process that dies at any moment leaves keys that fit each other, since what signs is in the public file before: the
 * next call goes on from there.
 */
export function rotateKeys(place: KeyPlace & { dropOld?: boolean }): Promise<void> {
  return exclusively(place, () => (place.dropOld ? replaceKeys(place) : advance(place, 0)));
}

/** Rotates the keys whenever the newest has signed for `everyMs`. Returns how to stop. */
export function startKeyRotation(place: KeyPlace & { everyMs: number; logger: Logger; checkEveryMs?: number }): () => Promise<void> {
  const { everyMs, logger, checkEveryMs = CHECK_EVERY_MS } = place;
  let checking = Promise.resolve();
  const check = async (): Promise<void> => {
    try {
      await exclusively(place, () => advance(place, everyMs));
    } catch (error) {
      logger.error({ reason: (error as Error).message }, 'the signing keys could not be rotated; it is tried again');
    }
  };
  const timer = setInterval(() => {
    checking = checking.then(check);
  }, checkEveryMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await checking;
  };
}

/** One at a time, of all processes: a server that rotates its keys, one that starts, and the command that replaces them. */
async function exclusively<T>({ publicFile }: KeyPlace, work: () => Promise<T>): Promise<T> {
  const lock = `${publicFile}.lock`;
  await mkdir(dirname(lock), { recursive: true, mode: 0o700 });
  while (!(await take(lock))) await delay(LOCK_POLL_MS);
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const held = await stat(lock).catch(() => undefined);
    if (held && Date.now() - held.mtimeMs > LOCK_STALE_MS) await rm(lock, { force: true });
    return false;
  }
}

async function advance(place: KeyPlace, everyMs: number): Promise<void> {
  const { clock, overlap } = place;
  const next = await eachIssuer(place, (held) => advanceKeys({ held, now: clock.now(), everyMs, overlap }));
  await publish(place, next);
  await store(place, next);
}

async function replaceKeys(place: KeyPlace): Promise<void> {
  const now = place.clock.now();
  const both = await eachIssuer(place, async (held) => [...held, await generateKey(now)]);
  const replaced = both.map(({ issuer, held, keys }) => ({ issuer, held, keys: keys.slice(-1) }));
  await publish(place, both);
  await store(place, replaced);
  await publish(place, replaced);
}

interface IssuerKeys {
  issuer: string;
  /** As they are in the file. */
  held: HeldKey[];
  /** As they are to be. */
  keys: HeldKey[];
}

async function eachIssuer({ directory, issuers }: KeyPlace, plan: (held: HeldKey[]) => Promise<HeldKey[]>): Promise<IssuerKeys[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return Promise.all(
    issuers.map(async (issuer) => {
      const held = (await readPrivateKeys(keyFile(directory, issuer))) ?? [];
      return { issuer, held, keys: await plan(held) };
    }),
  );
}

/** Puts the public parts of these keys in the place of what the public file had of these issuers. */
async function publish({ publicFile }: KeyPlace, all: readonly IssuerKeys[]): Promise<void> {
  const before = await readPublicKeys(publicFile);
  const after: Record<string, JWK[]> = { ...before, ...Object.fromEntries(all.map(({ issuer, keys }) => [issuer, keys.map(publicPart)])) };
  if (JSON.stringify(after) !== JSON.stringify(before)) await writePublicKeys(publicFile, after);
}

async function store({ directory }: KeyPlace, all: readonly IssuerKeys[]): Promise<void> {
  const changed = all.filter(({ held, keys }) => keys.length !== held.length || keys.some((key, index) => key !== held[index]));
  await Promise.all(changed.map(({ issuer, keys }) => writePrivateKeys(keyFile(directory, issuer), keys)));
}
