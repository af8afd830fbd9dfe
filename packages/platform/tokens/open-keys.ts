import type { Clock } from '../clock/index.ts';
import { followFiles } from '../config/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { parsePrivateKeys, parsePublicKeys } from './key-files.ts';
import { createKeyRing, importSigningKey, type KeyRing, type SigningKey, type SigningKeys } from './keys.ts';

const COMPLAINT = 'keys that have changed cannot be read; those from before stay';
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
  const { file, clock, logger, pollMs } = options;
  let ring: KeyRing | undefined;
  const listeners = new Set<() => void>();
  const follower = await followFiles({ files: [file], logger, pollMs, complaint: COMPLAINT }, async ([text = '']) => {
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
  const { issuer, file, clock, logger, pollMs } = options;
  let keys: (SigningKey & { signsFrom: number })[] = [];
  const follower = await followFiles({ files: [file], logger, pollMs, complaint: COMPLAINT }, async ([text = '']) => {
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
