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
  /** The password alone logs in from then on. */
  removeSecondFactors(email: string): Promise<RemovedFactors | undefined>;
}

/** How many of each there were. */
export interface RemovedFactors {
  authenticators: number;
  recoveryCodes: number;
  passkeys: number;
  sessions: number;
}

const SELECTED = `SELECT id, email, name, role, disabled,
  EXISTS (SELECT FROM totp WHERE user_id = "user".id AND secret IS NOT NULL) AS "secondFactor" FROM "user"`;

/** @param db whose search path is identity's schema. Facts about the changes are sent by the service, now or when it runs again. */
export function createRecovery(db: pg.Pool): Recovery {
  async function change<T>(email: string, work: (tx: pg.PoolClient, user: string) => Promise<T>): Promise<T | undefined> {
    return transaction(db, async (tx) => {
      const { rows } = await tx.query<{ id: string }>('SELECT id FROM "user" WHERE email = lower($1) FOR UPDATE', [email]);
      return rows[0] && work(tx, rows[0].id);
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
      change(email, async (tx, user) => {
        await tx.query(`UPDATE "user" SET role = 'owner', disabled = false, "updatedAt" = now() WHERE id = $1`, [user]);
        const { rows } = await tx.query<RecoveredAccount>(`${SELECTED} WHERE id = $1`, [user]);
        return rows[0] as RecoveredAccount;
      }),

    removeSecondFactors: (email) =>
      change(email, async (tx, user) => {
        const remove = async (from: string) => (await tx.query(`DELETE FROM ${from} = $1`, [user])).rowCount ?? 0;
        await remove('second_factor_challenge WHERE user_id');
        return {
          authenticators: await remove('totp WHERE user_id'),
          recoveryCodes: await remove('recovery_code WHERE user_id'),
          passkeys: await remove('passkey WHERE user_id'),
          sessions: await remove('session WHERE "userId"'),
        };
      }),
  };
}
