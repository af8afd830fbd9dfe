import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type pg from 'pg';
import { deriveKey } from '../domain/keys.ts';

/** Of an account; the longest unseen are forgotten. */
const DEVICES_AT_MOST = 20;
/** As long as its cookie lives. */
const FORGOTTEN_AFTER = `interval '1 year'`;
const ID_BYTES = 32;
const ID_CHARACTERS = 43;

/**
 * Devices that have logged in. A device's secret is a random id with a MAC of this service's: that it is genuine shows
 * without asking the database, so that a flood of made-up ones costs nothing. What is stored is SHA-256.
 */
export interface Devices {
  /** What is stored of a genuine secret; undefined for any other text. */
  hash(secret: string): Buffer | undefined;
  /** What names the device among the user's, when it comes with a secret that the user's account knows. */
  find(user: string, secret: string): Promise<string | undefined>;
  /**
   * Notes that the device has logged in, and returns its secret from now on: a new one, unless it came with one that this
   * account knows. One that another account knows counts for nothing here: it may have been put there.
   */
  remember(tx: pg.PoolClient, user: string, secret: string): Promise<string>;
  /** Forgets devices that have not been seen for a year. */
  sweep(): Promise<void>;
}

export function createDevices(options: { db: pg.Pool; secret: string }): Devices {
  const { db } = options;
  const key = deriveKey(options.secret, 'devices');

  function macOf(id: string): Buffer {
    return createHmac('sha256', key).update(id).digest();
  }

  function hash(secret: string): Buffer | undefined {
    if (!/^[\w-]{86}$/.test(secret)) return undefined;
    const [id, mac] = [secret.slice(0, ID_CHARACTERS), Buffer.from(secret.slice(ID_CHARACTERS), 'base64url')];
    return timingSafeEqual(mac, macOf(id)) ? createHash('sha256').update(secret).digest() : undefined;
  }

  return {
    hash,

    async find(user, secret) {
      const known = hash(secret);
      if (!known) return undefined;
      const { rowCount } = await db.query('SELECT FROM device WHERE user_id = $1 AND secret = $2', [user, known]);
      return rowCount === 1 ? known.toString('hex') : undefined;
    },

    async remember(tx, user, secret) {
      const known = hash(secret);
      if (known) {
        const { rowCount } = await tx.query('UPDATE device SET last_used_at = now() WHERE user_id = $1 AND secret = $2', [user, known]);
        if (rowCount === 1) return secret;
      }
      const id = randomBytes(ID_BYTES).toString('base64url');
      const created = id + macOf(id).toString('base64url');
      await tx.query(
        `WITH forgotten AS (
           DELETE FROM device WHERE user_id = $1 AND secret IN (
             SELECT secret FROM device WHERE user_id = $1 ORDER BY last_used_at DESC OFFSET $3
           )
         )
         INSERT INTO device (user_id, secret) VALUES ($1, $2)`,
        [user, hash(created), DEVICES_AT_MOST - 1],
      );
      return created;
    },

    async sweep() {
      await db.query(`DELETE FROM device WHERE last_used_at < now() - ${FORGOTTEN_AFTER}`);
    },
  };
}
