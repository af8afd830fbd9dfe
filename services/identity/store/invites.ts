import { randomUUID } from 'node:crypto';
import { isUuid } from '@starling/contracts/schema';
import type { Clock } from '@starling/platform/clock';
import type pg from 'pg';
import { deriveKey } from '../domain/keys.ts';
import { createLinkToken, readLinkToken } from '../domain/link-token.ts';
import { refuse } from '../rpc/refuse.ts';

type InviteRole = 'member' | 'guest';

/** An invite as administrators see it. `email` empty: for whoever has the link. `expiresAt`: ms. */
export interface ListedInvite {
  id: string;
  email: string;
  role: InviteRole;
  usesLeft: number;
  expiresAt: number;
  createdBy: string;
}

/**
 * Invite links. The secret of a link is told once and stored nowhere. An invite is good until it expires, is used up or
 * revoked, and as long as its maker may make invites.
 */
export interface Invites {
  create(invite: Omit<ListedInvite, 'id' | 'usesLeft'> & { uses: number }): Promise<{ invite: ListedInvite; token: string }>;
  /** Those that are good. */
  list(): Promise<ListedInvite[]>;
  /** False: it is not there. */
  revoke(id: string): Promise<boolean>;
  /** The id in the secret of a link, whether the invite is good or not; undefined for what was not made here. */
  readToken(token: string): string | undefined;
  /** What an invite gives, if it is good; `email` undefined: it is for anybody. */
  find(id: string): Promise<{ email: string | undefined; role: InviteRole } | undefined>;
  /** Takes one use in the transaction that makes the account. Throws refuse('invite-required') when there is none. */
  use(tx: pg.PoolClient, id: string): Promise<void>;
  /** Removes those that have expired or are used up. */
  sweep(): Promise<void>;
}

/** `$1` is the time. */
const GOOD = `uses_left > 0 AND expires_at > $1
  AND EXISTS (SELECT FROM "user" WHERE id = created_by AND NOT disabled AND role IN ('owner', 'admin'))`;

export function createInvites(options: { db: pg.Pool; clock: Clock; secret: string }): Invites {
  const { db, clock } = options;
  const key = deriveKey(options.secret, 'invite links');
  const now = () => new Date(clock.now());

  return {
    async create({ email, role, uses, expiresAt, createdBy }) {
      const id = randomUUID();
      await db.query(
        `INSERT INTO invite (id, email, role, uses_left, expires_at, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [id, email === '' ? null : email, role, uses, new Date(expiresAt), createdBy, now()],
      );
      return { invite: { id, email, role, usesLeft: uses, expiresAt, createdBy }, token: createLinkToken(key, id) };
    },

    async list() {
      const { rows } = await db.query<Omit<ListedInvite, 'expiresAt'> & { expires: Date }>(
        `SELECT id, coalesce(email, '') AS email, role, uses_left AS "usesLeft", expires_at AS expires, created_by AS "createdBy"
         FROM invite WHERE ${GOOD} ORDER BY created_at DESC, id`,
        [now()],
      );
      return rows.map(({ expires, ...invite }) => ({ ...invite, expiresAt: expires.getTime() }));
    },

    async revoke(id) {
      if (!isUuid(id)) return false;
      const { rowCount } = await db.query('DELETE FROM invite WHERE id = $1', [id]);
      return rowCount === 1;
    },

    readToken: (token) => readLinkToken(key, token),

    async find(id) {
      const { rows } = await db.query<{ email: string | null; role: InviteRole }>(
        `SELECT email, role FROM invite WHERE ${GOOD} AND id = $2`,
        [now(), id],
      );
      return rows[0] && { role: rows[0].role, email: rows[0].email ?? undefined };
    },

    async use(tx, id) {
      const { rowCount } = await tx.query(`UPDATE invite SET uses_left = uses_left - 1 WHERE ${GOOD} AND id = $2`, [now(), id]);
      if (rowCount !== 1) throw refuse('invite-required');
    },

    async sweep() {
      await db.query('DELETE FROM invite WHERE expires_at < $1 OR uses_left = 0', [now()]);
    },
  };
}
