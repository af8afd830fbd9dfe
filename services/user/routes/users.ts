import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Profile } from '@starling/contracts/events';
import { CardsRequest, ProfileChange, UserSearchQuery } from '@starling/contracts/http';
import { transaction } from '@starling/platform/db';
import { callingUser, ProblemError } from '@starling/platform/http';
import { insertFacts, type OutboxRelay } from '@starling/platform/outbox';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import type Type from 'typebox';
import { searchPrefix } from '../domain/fold.ts';
import { lockProfile, searchProfiles, selectProfile, selectProfiles, updateProfile } from '../store/profiles.ts';

const SEARCH_RESULTS = 20;
/** A user who has just signed up is waited for: their account comes first, and their profile by the log. */
const PROFILE_WAIT_MS = 2_000;
const PROFILE_POLL_MS = 50;

export function userRoutes(app: FastifyInstance, options: { db: pg.Pool; relay: OutboxRelay }): void {
  const { db, relay } = options;

  app.get<{ Querystring: Type.Static<typeof UserSearchQuery> }>(
    '/v1/users',
    { schema: { querystring: UserSearchQuery }, config: { right: 'directory.search' } },
    async (request) => {
      const { search } = request.query;
      const prefix = searchPrefix(search);
      return {
        users: prefix === undefined ? [] : await searchProfiles(db, prefix, search.trim().replace(/^@/, '').toLowerCase(), SEARCH_RESULTS),
      };
    },
  );

  app.post<{ Body: CardsRequest }>(
    '/v1/users/cards',
    { schema: { body: CardsRequest }, config: { right: 'profiles.use' } },
    async (request) => ({
      users: await selectProfiles(db, request.body.users),
    }),
  );

  app.get('/v1/users/me', { config: { right: 'profiles.use' } }, async (request) => waitForProfile(db, callingUser(request).user));

  app.patch<{ Body: ProfileChange }>(
    '/v1/users/me',
    { schema: { body: ProfileChange }, config: { right: 'profiles.use' } },
    async (request) => {
      const { user } = callingUser(request);
      await waitForProfile(db, user);
      const profile = await transaction(db, (tx) => changeProfile(tx, user, request.body));
      relay.wake();
      return profile;
    },
  );
}

/** Throws a {@link ProblemError}: the handle is taken. */
async function changeProfile(tx: pg.PoolClient, user: string, change: ProfileChange): Promise<Profile> {
  const held = await lockProfile(tx, user);
  if (!held) throw new ProblemError('not-found');
  const { handle = held.handle, name = held.name } = change;
  if (handle === held.handle && name === held.name) return held;
  const profile: Profile = { id: user, handle, name, rev: held.rev + 1 };
  if (!(await updateProfile(tx, profile))) throw new ProblemError('handle-taken');
  await insertFacts(tx, [{ id: randomUUID(), key: user, rev: profile.rev, kind: 'profile.updated', value: { profile } }]);
  return profile;
}

async function waitForProfile(db: pg.Pool, user: string): Promise<Profile> {
  const deadline = Date.now() + PROFILE_WAIT_MS;
  for (;;) {
    const profile = await selectProfile(db, user);
    if (profile) return profile;
    if (Date.now() >= deadline) throw new ProblemError('behind', { retryAfter: 1 });
    await delay(PROFILE_POLL_MS);
  }
}
