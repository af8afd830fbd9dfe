import { randomUUID } from 'node:crypto';
import { decodeEvent } from '@starling/platform/events';
import { insertFacts } from '@starling/platform/outbox';
import type { CountedRecord } from '@starling/platform/projection';
import type pg from 'pg';
import { insertProfile } from '../store/profiles.ts';

/** Gives each new user a profile, and states it. Everything else on the topic is this service's own or not its concern. */
export async function createProfiles(tx: pg.PoolClient, records: CountedRecord[]): Promise<void> {
  for (const record of records) {
    if (record.parsed.kind !== 'user.created') continue;
    const created = decodeEvent('user.created', record.value);
    if (!created || created.user !== record.key) throw new Error('this user.created is not of its shape, or of another user');
    const profile = await insertProfile(tx, created.user, created.name);
    if (profile)
      await insertFacts(tx, [{ id: randomUUID(), key: profile.id, rev: profile.rev, kind: 'profile.updated', value: { profile } }]);
  }
}
