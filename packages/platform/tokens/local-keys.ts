import type { Clock } from '../clock/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { keyFile, publicKeysFile } from './key-files.ts';
import type { KeyRing, SigningKeys } from './keys.ts';
import { openKeyRing, openSigningKeys } from './open-keys.ts';
import { ensureKeys } from './rotate-keys.ts';

/** The keys of services on one machine, read again when they change. */
interface LocalKeys<Issuer extends string> {
  ring: KeyRing;
  signing(issuer: Issuer): SigningKeys;
  close(): void;
}

/** Opens the keys of a directory; made when absent. */
export async function openLocalKeys<Issuer extends string>(
  issuers: readonly Issuer[],
  options: { directory: string; clock: Clock; logger: Logger; pollMs?: number | undefined },
): Promise<LocalKeys<Issuer>> {
  const { directory, clock } = options;
  const publicFile = publicKeysFile(directory);
  await ensureKeys({ directory, issuers, publicFile, clock });
  const ring = await openKeyRing({ ...options, file: publicFile });
  const opened = issuers.map(
    async (issuer) => [issuer, await openSigningKeys({ ...options, issuer, file: keyFile(directory, issuer) })] as const,
  );
  const signing = new Map(await Promise.all(opened));
  return {
    ring,
    signing(issuer) {
      const keys = signing.get(issuer);
      if (!keys) throw new Error(`${issuer} has no keys`);
      return keys;
    },
    close() {
      ring.close();
      for (const keys of signing.values()) keys.close();
    },
  };
}
