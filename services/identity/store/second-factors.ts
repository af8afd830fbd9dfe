import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '@starling/platform/clock';
import { transaction } from '@starling/platform/db';
import type pg from 'pg';
import type { ClientContext } from '../domain/client-context.ts';
import { bucketOfCode, type CodeMethod, type GuessBucket } from '../domain/guess-buckets.ts';
import { deriveKey } from '../domain/keys.ts';
import type { SecondFactors } from '../domain/log-in.ts';
import { createRecoveryCodes, hashRecoveryCode } from '../domain/recovery-codes.ts';
import { seal, unseal } from '../domain/sealed.ts';
import { createTotpSecret, describeTotp, findTotpStep } from '../domain/totp.ts';
import { refuse } from '../rpc/refuse.ts';
import type { Devices } from './devices.ts';
import { refuseReplaced } from './sessions.ts';
import type { Throttle } from './throttle.ts';

const CHALLENGE_MS = 5 * 60_000;
const CHALLENGE_TRIES = 5;
const ENROLMENT_MS = 15 * 60_000;

/** One-time passwords by time, recovery codes, and the challenges of log-ins. */
export interface SecondFactorStore extends SecondFactors {
  describe(user: string): Promise<{ totp: boolean; recoveryCodesLeft: number }>;
  /** A secret that waits to be confirmed; one that is in force stays so until then. `account` is what the app calls it. */
  beginTotp(user: string, account: string): Promise<{ secret: string; uri: string }>;
  /** Puts the waiting secret in force; returns recovery codes, which are told this once. Throws refuse('wrong-code' | 'rate-limited'). */
  confirmTotp(user: string, code: string): Promise<string[]>;
  /** Log-ins ask for no second factor any more. */
  removeTotp(user: string): Promise<void>;
  /** New recovery codes instead of those before. Throws refuse('already-so') without a second factor. */
  renewRecoveryCodes(user: string): Promise<string[]>;
  /** Removes challenges and enrolments that have expired. */
  sweep(): Promise<void>;
}

export function createSecondFactors(options: {
  db: pg.Pool;
  clock: Clock;
  secret: string;
  devices: Devices;
  throttle: Throttle;
}): SecondFactorStore {
  const { db, clock, devices, throttle } = options;
  const totpKey = deriveKey(options.secret, 'totp secrets');
  const recoveryKey = deriveKey(options.secret, 'recovery codes');

  function open(sealed: Buffer, user: string): string {
    const secret = unseal(totpKey, sealed, user);
    if (secret === undefined) throw new Error('a stored TOTP secret cannot be opened: is the configured secret another than it was?');
    return secret;
  }

  /** Runs a try of a code if there is one left; a try that succeeds counts for nothing. */
  async function counted<T extends string>({ key, ...bucket }: GuessBucket, attempt: () => Promise<T>): Promise<T> {
    const taken = await throttle.take(key, bucket);
    if (!taken.allowed) throw refuse('rate-limited', { retryAfter: taken.retryAfter });
    const outcome = await attempt();
    if (outcome === 'accepted') await throttle.refund(key, bucket);
    return outcome;
  }

  async function bucketOf(method: CodeMethod, user: string, client: ClientContext | undefined): Promise<GuessBucket> {
    return bucketOfCode({ method, user, by: await devices.find(user, client?.device ?? '') });
  }

  /** Uses the code up within the transaction, if it is good. */
  async function accept(tx: pg.PoolClient, user: string, method: CodeMethod, code: string): Promise<boolean> {
    if (method === 'recovery-code') {
      const { rowCount } = await tx.query('DELETE FROM recovery_code WHERE user_id = $1 AND hash = $2', [
        user,
        hashRecoveryCode(recoveryKey, user, code),
      ]);
      return rowCount === 1;
    }
    const { rows } = await tx.query<{ secret: Buffer; last: number }>(
      'SELECT secret, last_step AS last FROM totp WHERE user_id = $1 AND secret IS NOT NULL FOR UPDATE',
      [user],
    );
    const [row] = rows;
    if (!row) return false;
    const step = await findTotpStep(open(row.secret, user), code, clock.now(), row.last);
    if (step === undefined) return false;
    await tx.query('UPDATE totp SET last_step = $2 WHERE user_id = $1', [user, step]);
    return true;
  }

  async function writeRecoveryCodes(tx: pg.PoolClient, user: string): Promise<string[]> {
    const codes = createRecoveryCodes();
    const hashes = codes.map((code) => hashRecoveryCode(recoveryKey, user, code));
    await tx.query('DELETE FROM recovery_code WHERE user_id = $1', [user]);
    await tx.query('INSERT INTO recovery_code (user_id, hash) SELECT $1, unnest($2::bytea[])', [user, hashes]);
    return codes;
  }

  async function methodsOf(user: string): Promise<string[]> {
    const { rows } = await db.query<{ codes: boolean; passkeys: boolean }>(
      `SELECT EXISTS (SELECT FROM recovery_code WHERE user_id = $1) AS codes, EXISTS (SELECT FROM passkey WHERE user_id = $1) AS passkeys
       FROM totp WHERE user_id = $1 AND secret IS NOT NULL`,
      [user],
    );
    const [row] = rows;
    return row ? ['totp', ...(row.codes ? ['recovery-code'] : []), ...(row.passkeys ? ['passkey'] : [])] : [];
  }

  return {
    methodsOf,

    async begin(user, proof) {
      const challenge = randomBytes(32).toString('base64url');
      const expiresAt = clock.now() + CHALLENGE_MS;
      await transaction(db, async (tx) => {
        await tx.query('SELECT FROM "user" WHERE id = $1 FOR SHARE', [user]);
        if (proof !== undefined) await refuseReplaced(tx, user, proof);
        await tx.query('INSERT INTO second_factor_challenge (hash, user_id, expires_at) VALUES ($1, $2, to_timestamp($3::float8 / 1000))', [
          hashChallenge(challenge),
          user,
          expiresAt,
        ]);
      });
      return { challenge, methods: await methodsOf(user), expiresAt };
    },

    async complete({ challenge, method, code, client }) {
      const hash = hashChallenge(challenge);
      const live = 'hash = $1 AND expires_at > to_timestamp($2::float8 / 1000) AND tries < $3';
      const bounds = [hash, clock.now(), CHALLENGE_TRIES];
      const { rows } = await db.query<{ user: string }>(`SELECT user_id AS "user" FROM second_factor_challenge WHERE ${live}`, bounds);
      const user = rows[0]?.user;
      if (user === undefined) throw logInAgain();
      if (!isMethod(method)) throw refuse('wrong-code');
      const outcome = await counted(await bucketOf(method, user, client), () =>
        transaction(db, async (tx) => {
          // Whoever tries at the same time waits here, and finds the challenge as this try leaves it.
          const { rowCount } = await tx.query(`UPDATE second_factor_challenge SET tries = tries + 1 WHERE ${live}`, bounds);
          if (rowCount === 0) return 'ended';
          if (!(await accept(tx, user, method, code))) return 'wrong';
          await tx.query('DELETE FROM second_factor_challenge WHERE hash = $1', [hash]);
          return 'accepted';
        }),
      );
      if (outcome === 'ended') throw logInAgain();
      if (outcome === 'wrong') throw refuse('wrong-code');
      return user;
    },

    async checkCode(user, code, client) {
      const method = /^\d{6}$/.test(code) ? 'totp' : 'recovery-code';
      const outcome = await counted(await bucketOf(method, user, client), () =>
        transaction(db, async (tx) => ((await accept(tx, user, method, code)) ? 'accepted' : 'wrong')),
      );
      return outcome === 'accepted';
    },

    async describe(user) {
      const { rows } = await db.query<{ totp: boolean; left: number }>(
        `SELECT EXISTS (SELECT FROM totp WHERE user_id = $1 AND secret IS NOT NULL) AS totp,
                (SELECT count(*)::int FROM recovery_code WHERE user_id = $1) AS left`,
        [user],
      );
      return { totp: rows[0]?.totp ?? false, recoveryCodesLeft: rows[0]?.left ?? 0 };
    },

    async beginTotp(user, account) {
      const secret = createTotpSecret();
      await db.query(
        `INSERT INTO totp (user_id, pending, pending_until) VALUES ($1, $2, to_timestamp($3::float8 / 1000))
         ON CONFLICT (user_id) DO UPDATE SET pending = excluded.pending, pending_until = excluded.pending_until`,
        [user, seal(totpKey, secret, user), clock.now() + ENROLMENT_MS],
      );
      return describeTotp(secret, account);
    },

    async confirmTotp(user, code) {
      let codes: string[] = [];
      const outcome = await counted({ key: `enrolment:${user}`, capacity: 10, refillSeconds: 60 }, () =>
        transaction(db, async (tx) => {
          const { rows } = await tx.query<{ pending: Buffer }>(
            'SELECT pending FROM totp WHERE user_id = $1 AND pending_until > to_timestamp($2::float8 / 1000) FOR UPDATE',
            [user, clock.now()],
          );
          const [row] = rows;
          if (!row) return 'ended';
          const step = await findTotpStep(open(row.pending, user), code, clock.now(), 0);
          if (step === undefined) return 'wrong';
          // This code has been used with it: no log-in takes it again.
          await tx.query('UPDATE totp SET secret = pending, last_step = $2, pending = NULL, pending_until = NULL WHERE user_id = $1', [
            user,
            step,
          ]);
          codes = await writeRecoveryCodes(tx, user);
          return 'accepted';
        }),
      );
      if (outcome === 'ended') throw refuse('wrong-code', { detail: 'The enrolment has ended: begin it again.' });
      if (outcome === 'wrong') throw refuse('wrong-code');
      return codes;
    },

    async removeTotp(user) {
      await transaction(db, async (tx) => {
        await tx.query('DELETE FROM totp WHERE user_id = $1', [user]);
        await tx.query('DELETE FROM recovery_code WHERE user_id = $1', [user]);
        await tx.query('DELETE FROM second_factor_challenge WHERE user_id = $1', [user]);
      });
    },

    async renewRecoveryCodes(user) {
      return transaction(db, async (tx) => {
        const { rowCount } = await tx.query('SELECT FROM totp WHERE user_id = $1 AND secret IS NOT NULL FOR UPDATE', [user]);
        if (rowCount === 0) throw refuse('already-so', { detail: 'There is no second factor that they would stand in for.' });
        return writeRecoveryCodes(tx, user);
      });
    },

    async sweep() {
      const now = clock.now();
      await db.query('DELETE FROM second_factor_challenge WHERE expires_at <= to_timestamp($1::float8 / 1000)', [now]);
      await db.query('DELETE FROM totp WHERE secret IS NULL AND pending_until <= to_timestamp($1::float8 / 1000)', [now]);
    },
  };
}

function isMethod(text: string): text is CodeMethod {
  return text === 'totp' || text === 'recovery-code';
}

function hashChallenge(challenge: string): Buffer {
  return createHash('sha256').update(challenge).digest();
}

function logInAgain() {
  return refuse('code-expired', { detail: 'Log in again: it took too long, or there were too many tries.' });
}
