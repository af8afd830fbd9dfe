import { argon2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(argon2);

/** What identity hashes with (services/identity/domain/password.ts): Argon2id, 19 MiB, two passes, one lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 };

/** Argon2id alone, so many at once: hashes a second on the clock. */
export async function measureHashes(atOnce: number, seconds: number): Promise<number> {
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let done = 0;
  async function hashOn(): Promise<void> {
    while (performance.now() < end) {
      await derive('argon2id', { message: 'correct horse battery', nonce: randomBytes(16), ...COST });
      done++;
    }
  }
  await Promise.all(Array.from({ length: atOnce }, hashOn));
  return done / ((performance.now() - begun) / 1000);
}
