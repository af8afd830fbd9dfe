import type { Profile } from '@starling/contracts/events';
import { isUniqueViolation } from '@starling/platform/db';
import type pg from 'pg';
import { searchTerms } from '../domain/fold.ts';
import { deriveHandle, numberHandle } from '../domain/handle.ts';

type Queryable = pg.Pool | pg.PoolClient;

const COLUMNS = 'id, handle, name, rev';
/** How many terms a search walks at most: a person has several, and one letter begins very many. */
const TERMS_WALKED = 400;

export async function selectProfile(db: Queryable, id: string): Promise<Profile | undefined> {
  const { rows } = await db.query<Profile>(`SELECT ${COLUMNS} FROM profile WHERE id = $1`, [id]);
  return rows[0];
}

/** The profiles of these users, by handle; those that do not exist are left out. */
export async function selectProfiles(db: Queryable, ids: string[]): Promise<Profile[]> {
  const { rows } = await db.query<Profile>(`SELECT ${COLUMNS} FROM profile WHERE id = ANY($1) ORDER BY handle`, [ids]);
  return rows;
}

export async function selectExisting(db: Queryable, ids: string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>('SELECT id FROM profile WHERE id = ANY($1)', [ids]);
  return rows.map((row) => row.id);
}

/** Profiles one of whose terms begins with `prefix`: exactly this handle first, then in the order of those terms. */
export async function searchProfiles(db: Queryable, prefix: string, handle: string, limit: number): Promise<Profile[]> {
  // `^@` is "begins with": no character of the prefix means anything else, and the index on terms serves it.
  const { rows } = await db.query<Profile>(
    `WITH found AS (
       SELECT profile, min(term) AS term FROM (
         SELECT profile, term FROM search_term WHERE term ^@ $1 ORDER BY term, profile LIMIT $4
       ) AS walked GROUP BY profile
     )
     SELECT ${COLUMNS} FROM profile JOIN found ON found.profile = profile.id
     ORDER BY (handle = $2) DESC, found.term, handle LIMIT $3`,
    [prefix, handle, limit, TERMS_WALKED],
  );
  return rows;
}

/**
 * Makes the profile of a new user, with a handle that nobody has. Returns undefined when the user has one: applying the
 * same event again changes nothing.
 */
export async function insertProfile(tx: pg.PoolClient, user: string, name: string): Promise<Profile | undefined> {
  if (await selectProfile(tx, user)) return undefined;
  const base = deriveHandle(name);
  for (let handle = base; ; handle = await nextOfSeries(tx, base)) {
    // Waits for a transaction that is about to take the same handle, and then passes it by without an error.
    const { rows } = await tx.query<Profile>(
      `INSERT INTO profile (id, handle, name, rev) VALUES ($1, $2, $3, 1)
       ON CONFLICT ON CONSTRAINT profile_handle_unique DO NOTHING RETURNING ${COLUMNS}`,
      [user, handle, name],
    );
    const profile = rows[0];
    if (!profile) continue;
    await insertTerms(tx, profile);
    return profile;
  }
}

async function nextOfSeries(tx: pg.PoolClient, base: string): Promise<string> {
  const { rows } = await tx.query<{ last: number }>(
    `INSERT INTO handle_series (base, last) VALUES ($1, 2)
     ON CONFLICT (base) DO UPDATE SET last = handle_series.last + 1 RETURNING last`,
    [base],
  );
  return numberHandle(base, rows[0]?.last ?? 2);
}

/** Locks the profile until the transaction ends. */
export async function lockProfile(tx: pg.PoolClient, id: string): Promise<Profile | undefined> {
  const { rows } = await tx.query<Profile>(`SELECT ${COLUMNS} FROM profile WHERE id = $1 FOR UPDATE`, [id]);
  return rows[0];
}

/** Writes a profile's new state; false when another user has its handle, and then the transaction can only be given up. */
export async function updateProfile(tx: pg.PoolClient, profile: Profile): Promise<boolean> {
  try {
    await tx.query('UPDATE profile SET handle = $2, name = $3, rev = $4 WHERE id = $1', [
      profile.id,
      profile.handle,
      profile.name,
      profile.rev,
    ]);
  } catch (error) {
    if (isUniqueViolation(error, 'profile_handle_unique')) return false;
    throw error;
  }
  await tx.query('DELETE FROM search_term WHERE profile = $1', [profile.id]);
  await insertTerms(tx, profile);
  return true;
}

async function insertTerms(tx: pg.PoolClient, profile: Profile): Promise<void> {
  await tx.query('INSERT INTO search_term (profile, term) SELECT $1, unnest($2::text[])', [profile.id, searchTerms(profile)]);
}
