import type pg from 'pg';

export type MailKind = 'code' | 'reset' | 'email-change-asked' | 'email-changed' | 'password-changed';

/** A mail that is to be sent. `subject` is the row that it is about: of a code, or of a password reset. */
export interface MailJob {
  id: string;
  kind: MailKind;
  subject: string | null;
  email: string;
}

/** How long it is tried: as long as what is in the mail is of use. */
const GIVE_UP_AFTER: Record<MailKind, string> = {
  code: '10 minutes',
  reset: '30 minutes',
  'email-change-asked': '1 day',
  'email-changed': '1 day',
  'password-changed': '1 day',
};
/** Longer than a sending may take, so that no two send the same mail. */
const LEASE = '30 seconds';
const RETRY_AT_MOST_SECONDS = 60;

/**
 * Mail that waits, in the database: written in the transaction of what it is about, sent afterwards, at least once. A
 * job holds neither code nor link. Its times are the database's, which all processes share.
 */
export interface MailQueue {
  /** Adds a job in the transaction of the caller, who wakes the mailer after the commit. */
  add(tx: pg.PoolClient, job: Omit<MailJob, 'id'>): Promise<void>;
  /** Takes jobs whose time has come. One that is neither removed nor postponed comes back: its process may have been killed. */
  claim(atMost: number): Promise<MailJob[]>;
  /** It was sent, or is of no use any more. */
  remove(id: string): Promise<void>;
  /** It could not be sent: it is tried again after 1, 2, 4, … 60 s. */
  postpone(id: string): Promise<void>;
  /** It was not tried to the end: somebody else may at once. */
  release(id: string): Promise<void>;
  /** Removes what is not worth trying any more; returns how many. */
  giveUp(): Promise<number>;
}

export function createMailQueue(db: pg.Pool): MailQueue {
  return {
    async add(tx, { kind, subject, email }) {
      await tx.query('INSERT INTO mail_job (kind, subject, email, give_up_at) VALUES ($1, $2, $3, now() + $4::interval)', [
        kind,
        subject,
        email,
        GIVE_UP_AFTER[kind],
      ]);
    },

    async claim(atMost) {
      const { rows } = await db.query<MailJob>(
        `UPDATE mail_job SET attempts = attempts + 1, next_at = now() + $2::interval WHERE id IN (
           SELECT id FROM mail_job WHERE next_at <= now() AND give_up_at > now() ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED
         ) RETURNING id, kind, subject, email`,
        [atMost, LEASE],
      );
      return rows;
    },

    async remove(id) {
      await db.query('DELETE FROM mail_job WHERE id = $1', [id]);
    },

    async postpone(id) {
      await db.query(
        "UPDATE mail_job SET next_at = now() + least($2, power(2, least(attempts, 10) - 1)) * interval '1 second' WHERE id = $1",
        [id, RETRY_AT_MOST_SECONDS],
      );
    },

    async release(id) {
      await db.query('UPDATE mail_job SET next_at = now() WHERE id = $1', [id]);
    },

    async giveUp() {
      const { rowCount } = await db.query('DELETE FROM mail_job WHERE give_up_at <= now()');
      return rowCount ?? 0;
    },
  };
}
