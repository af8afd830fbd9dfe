import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { parsePrivateKeys, parsePublicKeys } from './key-files.ts';
import { createKeyRing, importSigningKey, type KeyRing, type SigningKey, type SigningKeys } from './keys.ts';

const POLL_MS = 5_000;
/** A key that nobody has makes a ring read its file again no more often than this. */
const REREAD_MS = 30_000;

interface KeyFile {
  file: string;
  clock: Clock;
  logger: Logger;
  /** How often it is looked whether the file has changed; 5 s unless given. */
  pollMs?: number | undefined;
}

/** Everyone's public keys out of a file, read again when it changes. Throws when it does not hold them. */
export async function openKeyRing(options: KeyFile): Promise<KeyRing & { close(): void }> {
  const { file, clock } = options;
  let ring: KeyRing | undefined;
  const listeners = new Set<() => void>();
  const follower = await followFile(options, async (text) => {
    const keys = parsePublicKeys(text);
    if (!keys) throw new Error(`${file} does not hold the public keys of issuers`);
    ring = await createKeyRing(keys, ring);
    for (const listener of listeners) listener();
  });
  let rereadAt = Number.NEGATIVE_INFINITY;
  let rereading = Promise.resolve();
  return {
    find: (issuer, kid) => ring?.find(issuer, kid),
    reread() {
      if (clock.now() - rereadAt >= REREAD_MS) {
        rereadAt = clock.now();
        rereading = follower.look();
      }
      return rereading;
    },
    onChanged(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: follower.close,
  };
}

/** A service's own keys out of its file, read again when it changes. Throws when it does not hold any. */
export async function openSigningKeys(options: KeyFile & { issuer: string }): Promise<SigningKeys & { close(): void }> {
  const { issuer, file, clock } = options;
  let keys: (SigningKey & { signsFrom: number })[] = [];
  const follower = await followFile(options, async (text) => {
    const held = await parsePrivateKeys(text).catch(() => undefined);
    if (!held) throw new Error(`${file} does not hold a private Ed25519 key with an id`);
    keys = await Promise.all(held.map(async ({ jwk, signsFrom }) => ({ ...(await importSigningKey(jwk)), signsFrom })));
  });
  return {
    issuer,
    current() {
      const now = clock.now();
      const key = keys.findLast(({ signsFrom }) => signsFrom <= now) ?? keys[0];
      if (!key) throw new Error(`there is no key to sign with as ${issuer}`);
      return key;
    },
    close: follower.close,
  };
}

/**
 * Reads a file, and again whenever its text is another. What cannot be read later is logged, and what was read before
 * stays. By looking rather than by notices of the file system, which do not come from mounted volumes.
 */
async function followFile(
  { file, logger, pollMs = POLL_MS }: KeyFile,
  take: (text: string) => Promise<void>,
): Promise<{ look(): Promise<void>; close(): void }> {
  let seen: string | undefined;
  let complaint: string | undefined;
  async function read(): Promise<void> {
    const text = await readFile(file, 'utf8');
    if (text === seen) return;
    await take(text);
    seen = text;
  }
  async function readOrComplain(): Promise<void> {
    try {
      await read();
      complaint = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (message !== complaint) logger.error({ reason: message }, 'keys that have changed cannot be read; those from before stay');
      complaint = message;
    }
  }
  await read();
  // One after the other, so that an older text does not come after a newer one.
  let reading = Promise.resolve();
  const look = (): Promise<void> => {
    reading = reading.then(readOrComplain);
    return reading;
  };
  const timer = setInterval(() => void look(), pollMs);
  timer.unref();
  return { look, close: () => clearInterval(timer) };
}
