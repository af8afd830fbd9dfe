import { isUuid } from '@starling/contracts/schema';
import type { Clock } from '@starling/platform/clock';
import { transaction } from '@starling/platform/db';
import type pg from 'pg';
import type { Codes } from './codes.ts';
import type { MailQueue } from './mail-queue.ts';
import type { Asked } from './registrations.ts';

const LIFE_MS = 3_600_000;

/** Changes of email that wait for the code that went to the new address; one for each user. */
export interface EmailChanges {
  /** Takes the wish down instead of the one before, with a code to the new address and a note to the present one. */
  begin(change: { user: string; email: string; oldEmail: string }): Promise<Asked>;
  /** The address of a user's own change. */
  find(user: string, id: string): Promise<string | undefined>;
  /** Ends those of the user, if there are any: with a change that was confirmed, or of a password. */
  removeOf(tx: pg.PoolClient, user: string): Promise<void>;
  sweep(): Promise<void>;
}

export function createEmailChanges(options: { db: pg.Pool; clock: Clock; codes: Codes; queue: MailQueue }): EmailChanges {
  const { db, clock, codes, queue } = options;
  const now = () => new Date(clock.now());

  return {
    begin({ user, email, oldEmail }) {
      return transaction(db, async (tx) => {
        const { rows } = await tx.query<{ id: string }>(
          `INSERT INTO email_change (user_id, email, expires_at) VALUES ($1, $2, $3)
           ON CONFLICT (user_id) DO UPDATE SET id = gen_random_uuid(), email = $2, expires_at = $3 RETURNING id`,
          [user, email, new Date(clock.now() + LIFE_MS)],
        );
        const { id: subject } = rows[0] as { id: string };
        const issued = await codes.issue(tx, { purpose: 'email-change', subject, email });
        await queue.add(tx, { kind: 'code', subject: issued.id, email });
        await queue.add(tx, { kind: 'email-change-asked', subject: null, email: oldEmail });
        return { ...issued, subject };
      });
    },

    async find(user, id) {
      if (!isUuid(id)) return undefined;
      const { rows } = await db.query<{ email: string }>(
        'SELECT email FROM email_change WHERE user_id = $1 AND id = $2 AND expires_at > $3',
        [user, id, now()],
      );
      return rows[0]?.email;
    },

    async removeOf(tx, user) {
      await tx.query('DELETE FROM email_change WHERE user_id = $1', [user]);
    },

    async sweep() {
      await db.query('DELETE FROM email_change WHERE expires_at < $1', [now()]);
    },
  };
}
