import { transaction } from '@starling/platform/db';
import type pg from 'pg';

/** An account as the command line names it. */
export interface RecoveredAccount {
  id: string;
  email: string;
  name: string;
  role: string;
  disabled: boolean;
  secondFactor: boolean;
}

/** What whoever runs the server may do to an account when nobody can log in any more; undefined: no such account. */
export interface Recovery {
  find(email: string): Promise<RecoveredAccount | undefined>;
  listOwners(): Promise<RecoveredAccount[]>;
  /** Also enables it. */
  makeOwner(email: string): Promise<RecoveredAccount | undefined>;
  /** TOTP, recovery codes and passkeys are gone, and all sessions end: the password alone logs in. */
  removeSecondFactors(email: string): Promise<RecoveredAccount | undefined>;
}

const SELECTED = `SELECT id, email, name, role, disabled,
  EXISTS (SELECT FROM totp WHERE user_id = "user".id AND secret IS NOT NULL) AS "secondFactor" FROM "user"`;

/** @param db whose search path is identity's schema. Facts about the changes are sent by the service, now or when it runs again. */
export function createRecovery(db: pg.Pool): Recovery {
  async function change(email: string, work: (tx: pg.PoolClient, user: string) => Promise<unknown>): Promise<RecoveredAccount | undefined> {
    return transaction(db, async (tx) => {
      const { rows } = await tx.query<{ id: string }>('SELECT id FROM "user" WHERE email = lower($1) FOR UPDATE', [email]);
      const [found] = rows;
      if (!found) return undefined;
      await work(tx, found.id);
      const { rows: changed } = await tx.query<RecoveredAccount>(`${SELECTED} WHERE id = $1`, [found.id]);
      return changed[0];
    });
  }

  return {
    async find(email) {
      const { rows } = await db.query<RecoveredAccount>(`${SELECTED} WHERE email = lower($1)`, [email]);
      return rows[0];
    },

    async listOwners() {
      const { rows } = await db.query<RecoveredAccount>(`${SELECTED} WHERE role = 'owner' ORDER BY email`);
      return rows;
    },

    makeOwner: (email) =>
      change(email, (tx, user) =>
        tx.query(`UPDATE "user" SET role = 'owner', disabled = false, "updatedAt" = now() WHERE id = $1`, [user]),
      ),

    removeSecondFactors: (email) =>
      change(email, async (tx, user) => {
        for (const table of ['totp', 'recovery_code', 'passkey', 'second_factor_challenge'])
          await tx.query(`DELETE FROM ${table} WHERE user_id = $1`, [user]);
        await tx.query('DELETE FROM session WHERE "userId" = $1', [user]);
      }),
  };
}
