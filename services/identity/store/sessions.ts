import type { SystemRole } from '@starling/contracts/permissions';
import { isUuid } from '@starling/contracts/schema';
import type pg from 'pg';
import type { ClientContext } from '../domain/client-context.ts';
import type { Begun } from '../domain/log-in.ts';
import { refuse } from '../rpc/refuse.ts';
import type { BetterAuth } from './better-auth.ts';
import type { Devices } from './devices.ts';
import { createSecret, hashSecret } from './secrets.ts';

/** A session that is alive; `id` names it and is no secret. */
export interface LiveSession {
  id: string;
  user: string;
  role: SystemRole;
}

/** One of a user's sessions as the user is shown it. Times are ms. */
export interface ShownSession {
  id: string;
  createdAt: number;
  lastUsedAt: number;
  userAgent: string;
  address: string;
  current: boolean;
}

/** Sessions live 30 days from their last use. Their secrets are stored as SHA-256 only. */
export interface Sessions {
  /**
   * Begins a session and remembers the device. Throws refuse('wrong-credentials') for a disabled user, and when the
   * password that was the proof has been replaced meanwhile.
   */
  begin(user: string, client: ClientContext | undefined, proof?: string): Promise<Begun>;
  /** The same in a transaction of the caller's. */
  beginWithin(tx: pg.PoolClient, user: string, client: ClientContext | undefined, proof?: string): Promise<Begun & LiveSession>;
  /** Finds a session that has not ended, of a user who is not disabled, and counts this as its use. */
  find(token: string): Promise<LiveSession | undefined>;
  /** Ending a session that has ended is no error. */
  end(token: string): Promise<void>;
  /** Ends one of a user's sessions; false: it is not there. */
  endById(user: string, id: string): Promise<boolean>;
  /** Ends all of a user's sessions but one. */
  endAll(user: string, except?: string): Promise<void>;
  list(user: string, current: string): Promise<ShownSession[]>;
  /** Removes sessions that have ended by themselves. */
  sweep(): Promise<void>;
}

/** How long a session lives from its last use, as SQL. */
export const SESSION_LIFE = `interval '30 days'`;

/** `stated`: called after the commit of what writes facts, so that they are sent at once. */
export function createSessions(options: { db: pg.Pool; auth: BetterAuth; devices: Devices; stated(): void }): Sessions {
  const { db, auth, devices } = options;

  async function remove(condition: string, values: unknown[]): Promise<number> {
    const { rowCount } = await db.query(`DELETE FROM session WHERE ${condition}`, values);
    if (rowCount) options.stated();
    return rowCount ?? 0;
  }

  async function beginWithin(
    tx: pg.PoolClient,
    user: string,
    client: ClientContext | undefined,
    proof?: string,
  ): Promise<Begun & LiveSession> {
    // Shared: who disables the user or sets a password meanwhile waits, and then ends this session too.
    const { rows } = await tx.query<{ role: SystemRole; disabled: boolean }>('SELECT role, disabled FROM "user" WHERE id = $1 FOR SHARE', [
      user,
    ]);
    const [row] = rows;
    if (!row || row.disabled) throw refuse('wrong-credentials');
    if (proof !== undefined) await refuseReplaced(tx, user, proof);
    const secret = createSecret();
    const token = tokenOf(secret);
    const { address: ipAddress = '', userAgent = '' } = client ?? {};
    const { id } = await auth.within(tx, (records) => records.createSession(user, false, { token, ipAddress, userAgent }, true));
    const device = await devices.remember(tx, user, client?.device ?? '');
    return { id, user, role: row.role, session: secret, device };
  }

  return {
    beginWithin,

    async begin(user, client, proof) {
      const { session, device } = await auth.transaction((tx) => beginWithin(tx, user, client, proof));
      return { session, user, device };
    },

    async find(secret) {
      const token = hashSecret(secret)?.toString('hex');
      if (token === undefined) return undefined;
      const { rows } = await db.query<LiveSession>(
        // The expiry is indexed: it is moved once a day only.
        `UPDATE session SET "lastUsedAt" = now(), "expiresAt" = CASE
           WHEN "expiresAt" < now() + ${SESSION_LIFE} - interval '1 day' THEN now() + ${SESSION_LIFE} ELSE "expiresAt" END
         FROM "user" WHERE token = $1 AND "expiresAt" > now() AND "user".id = "userId" AND NOT disabled
         RETURNING session.id, "userId" AS user, role`,
        [token],
      );
      return rows[0];
    },

    async end(secret) {
      const token = hashSecret(secret)?.toString('hex');
      if (token !== undefined) await remove('token = $1', [token]);
    },

    async endById(user, id) {
      return isUuid(id) && (await remove('id = $1 AND "userId" = $2 AND "expiresAt" > now()', [id, user])) === 1;
    },

    async endAll(user, except) {
      await remove('"userId" = $1 AND id IS DISTINCT FROM $2::uuid', [user, except]);
    },

    async list(user, current) {
      const { rows } = await db.query<{ id: string; created: Date; used: Date; agent: string | null; address: string | null }>(
        `SELECT id, "createdAt" AS created, "lastUsedAt" AS used, "userAgent" AS agent, "ipAddress" AS address
         FROM session WHERE "userId" = $1 AND "expiresAt" > now() ORDER BY "lastUsedAt" DESC, id`,
        [user],
      );
      return rows.map(({ id, created, used, agent, address }) => ({
        id,
        createdAt: created.getTime(),
        lastUsedAt: used.getTime(),
        userAgent: agent ?? '',
        address: address ?? '',
        current: id === current,
      }));
    },

    async sweep() {
      await db.query('DELETE FROM session WHERE "expiresAt" < now()');
    },
  };
}

/** The user is locked: from here on no other password is set. Throws refuse('wrong-credentials'). */
export async function refuseReplaced(tx: pg.PoolClient, user: string, proof: string): Promise<void> {
  const { rowCount } = await tx.query(`SELECT FROM account WHERE "userId" = $1 AND "providerId" = 'credential' AND password = $2`, [
    user,
    proof,
  ]);
  if (rowCount !== 1) throw refuse('wrong-credentials');
}

function tokenOf(secret: string): string {
  const hash = hashSecret(secret);
  if (!hash) throw new Error('a new secret is not of the form of secrets');
  return hash.toString('hex');
}
