import type { SystemRole } from '@starling/contracts/permissions';
import type pg from 'pg';
import type { ClientContext } from '../domain/client-context.ts';
import { bucketsOfKnown, bucketsOfStranger, type GuessBucket } from '../domain/guess-buckets.ts';
import type { PasswordTurns } from '../domain/password-turns.ts';
import { inTurn, type Line, type Passwords } from '../rpc/passwords.ts';
import { refuse } from '../rpc/refuse.ts';
import type { Devices } from './devices.ts';
import type { Throttle } from './throttle.ts';

export interface FoundAccount {
  id: string;
  /** In lower case. */
  email: string;
  name: string;
  role: SystemRole;
  disabled: boolean;
  hasPassword: boolean;
}

/** Whose password was right. `proof`: the hash that it was checked against, which may have been replaced meanwhile. */
export type ProvenAccount = FoundAccount & { proof: string };

/** Finding accounts, and telling whether a password is theirs. Emails are compared in lower case. */
export interface Credentials {
  /**
   * The account with this email and password. Throws refuse('wrong-credentials'), after the same time whether there is
   * such an account or not, and refuse('rate-limited').
   */
  checkCredentials(
    credentials: { email: string; password: string },
    client: ClientContext | undefined,
    signal: AbortSignal,
  ): Promise<ProvenAccount>;
  /** Asks a user who is logged in for the password again. Throws refuse('wrong-credentials' | 'rate-limited'). */
  confirmPassword(user: string, password: string, client: ClientContext | undefined, signal: AbortSignal): Promise<void>;
  findByEmail(email: string): Promise<FoundAccount | undefined>;
  describe(user: string): Promise<FoundAccount | undefined>;
}

interface AccountRow extends FoundAccount {
  hash: string | null;
  known: boolean;
}

/** `turns`: for what a guess asks of the database before it is refused or hashed. */
export function createCredentials(options: {
  db: pg.Pool;
  devices: Devices;
  throttle: Throttle;
  passwords: Passwords;
  turns: { known: PasswordTurns; strangers: PasswordTurns };
}): Credentials {
  const { db, devices, throttle, passwords, turns } = options;

  async function find(column: 'email' | 'id', value: string, device?: Buffer): Promise<AccountRow | undefined> {
    const { rows } = await db.query<AccountRow>(
      `SELECT "user".id, email, name, role, disabled, account.password IS NOT NULL AS "hasPassword", account.password AS hash,
         EXISTS (SELECT FROM device WHERE user_id = "user".id AND secret = $2) AS known
       FROM "user" LEFT JOIN account ON "userId" = "user".id AND "providerId" = 'credential' WHERE "user".${column} = $1`,
      [value, device],
    );
    return rows[0];
  }

  /** Counts a guess before it is hashed. Throws refuse('rate-limited'). */
  async function count(buckets: GuessBucket[]): Promise<void> {
    for (const { key } of buckets) refuseEmpty(throttle, key);
    for (const { key, ...bucket } of buckets) {
      const taken = await throttle.take(key, bucket);
      if (!taken.allowed) throw refuse('rate-limited', taken);
    }
  }

  /** The guess has been counted. Throws unless it is right; then it counts for nothing. */
  async function verify(
    found: AccountRow | undefined,
    guess: { password: string; buckets: GuessBucket[]; line: Line; signal: AbortSignal },
  ): Promise<ProvenAccount> {
    const { password, buckets, line, signal } = guess;
    const fits = await passwords.verifyInTurn(line, signal, password, found?.hash ?? undefined);
    if (!found?.hash || !fits || found.disabled) throw refuse('wrong-credentials');
    for (const { key, ...bucket } of buckets) await throttle.refund(key, bucket);
    return { ...present(found), proof: found.hash };
  }

  return {
    async checkCredentials(given, client, signal) {
      const { password } = given;
      const [email, address] = [given.email.toLowerCase(), client?.address ?? ''];
      const device = devices.hash(client?.device ?? '');
      if (device) {
        const by = device.toString('hex');
        const found = await inTurn(turns.known, [by], signal, () => find('email', email, device));
        if (found?.known) {
          const buckets = bucketsOfKnown({ user: found.id, by });
          await count(buckets);
          return verify(found, { password, buckets, line: { keys: [by], known: true }, signal });
        }
      }
      const buckets = bucketsOfStranger({ email, address });
      // Before it waits for its turn: a flood is answered at once.
      for (const { key } of buckets) refuseEmpty(throttle, key);
      const keys: Line['keys'] = address === '' ? [email] : [address, email];
      const found = await inTurn(turns.strangers, keys, signal, async () => {
        await count(buckets);
        return find('email', email);
      });
      return verify(found, { password, buckets, line: { keys, known: false }, signal });
    },

    async confirmPassword(user, password, client, signal) {
      const device = devices.hash(client?.device ?? '');
      const found = await find('id', user, device);
      // Who has taken over a session elsewhere does not use up what the owner has at a known device.
      const buckets = bucketsOfKnown({ user, by: found?.known && device ? device.toString('hex') : 'session' });
      await count(buckets);
      await verify(found, { password, buckets, line: { keys: [user], known: true }, signal });
    },

    async findByEmail(email) {
      const found = await find('email', email.toLowerCase());
      return found && present(found);
    },

    async describe(user) {
      const found = await find('id', user);
      return found && present(found);
    },
  };
}

function refuseEmpty(throttle: Throttle, key: string): void {
  const retryAfter = throttle.knownEmpty(key);
  if (retryAfter !== undefined) throw refuse('rate-limited', { retryAfter });
}

function present({ id, email, name, role, disabled, hasPassword }: AccountRow): FoundAccount {
  return { id, email, name, role, disabled, hasPassword };
}
