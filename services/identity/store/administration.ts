import type { SystemRole } from '@starling/contracts/permissions';
import { isUuid } from '@starling/contracts/schema';
import { transaction } from '@starling/platform/db';
import type pg from 'pg';
import { type AccountChange, type Administered, findObjection } from '../domain/administration.ts';
import { refuse } from '../rpc/refuse.ts';

/** An account as administrators see it. Times are ms; `lastUsedAt` 0: never. */
export interface ListedAccount {
  id: string;
  email: string;
  name: string;
  role: SystemRole;
  disabled: boolean;
  createdAt: number;
  lastUsedAt: number;
}

export interface Administration {
  /** Accounts by email; `search` begins an email or a name; `after` is the last account of the page before. */
  list(query: { search: string; after: string; limit: number }): Promise<{ users: ListedAccount[]; more: boolean }>;
  /** Changes an account; a disabled one has no sessions. Throws refuse('not-found' | 'forbidden'). */
  change(actor: string, target: string, change: AccountChange): Promise<void>;
}

/** `stated`: called after the commit of what writes facts. */
export function createAdministration(options: { db: pg.Pool; stated(): void }): Administration {
  const { db } = options;
  return {
    async list({ search, after, limit }) {
      const { rows } = await db.query<Omit<ListedAccount, 'createdAt' | 'lastUsedAt'> & { created: Date; used: Date | null }>(
        `SELECT id, email, name, role, disabled, "createdAt" AS created, greatest(
           (SELECT max("lastUsedAt") FROM session WHERE "userId" = "user".id),
           (SELECT max(last_used_at) FROM device WHERE user_id = "user".id)
         ) AS used
         FROM "user"
         WHERE (email LIKE $1 OR lower(name) LIKE $1) AND ($2::uuid IS NULL OR email > (SELECT email FROM "user" WHERE id = $2))
         ORDER BY email LIMIT $3`,
        [`${search.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`, isUuid(after) ? after : null, limit + 1],
      );
      const users = rows
        .slice(0, limit)
        .map(({ created, used, ...account }) => ({ ...account, createdAt: created.getTime(), lastUsedAt: used?.getTime() ?? 0 }));
      return { users, more: rows.length > limit };
    },

    async change(actorId, targetId, change) {
      if (!isUuid(targetId)) throw refuse('not-found');
      await transaction(db, async (tx) => {
        // All owners, in one order for everybody: two who end each other do it one after the other.
        const { rows } = await tx.query<Administered>(
          `SELECT id, role, disabled FROM "user" WHERE id IN ($1, $2) OR role = 'owner' ORDER BY id FOR UPDATE`,
          [actorId, targetId],
        );
        const [actor, target] = [actorId, targetId].map((id) => rows.find((row) => row.id === id));
        if (!actor) throw refuse('forbidden');
        if (!target) throw refuse('not-found');
        const otherOwners = rows.filter(({ id, role, disabled }) => role === 'owner' && !disabled && id !== targetId).length;
        const objection = findObjection(actor, target, change, otherOwners);
        if (objection !== undefined) throw refuse('forbidden', { detail: objection });
        const { role, disabled } = { ...target, ...change };
        await tx.query('UPDATE "user" SET role = $2, disabled = $3, "updatedAt" = now() WHERE id = $1', [targetId, role, disabled]);
        if (disabled) await tx.query('DELETE FROM session WHERE "userId" = $1', [targetId]);
      });
      options.stated();
    },
  };
}
