import { randomBytes } from 'node:crypto';
import type { SystemRole } from '@starling/contracts/permissions';
import { transaction } from '@starling/platform/db';
import type { Logger } from '@starling/platform/telemetry';
import type pg from 'pg';
import type { ClientContext } from '../domain/client-context.ts';
import { deriveKey } from '../domain/keys.ts';
import { encodeRefreshToken, isGenuine, judgeRefresh, parseRefreshToken } from '../domain/refresh-token.ts';
import type { BetterAuth } from './better-auth.ts';
import { type LiveSession, SESSION_LIFE, type Sessions } from './sessions.ts';

const SEED_BYTES = 32;

/** A session of a program, with the token that gets it its next user token. Times are ms. */
export interface Refreshable extends LiveSession {
  refreshToken: string;
  refreshExpiresAt: number;
}

/** Sessions of clients without cookies. One family of refresh tokens is one log-in and one session. */
export interface RefreshTokens {
  /** Begins a session. `proof` and what is thrown: as of Sessions. */
  begin(user: string, client: ClientContext | undefined, proof?: string): Promise<Refreshable & { device: string }>;
  /**
   * The successor of a refresh token; the same one again within a grace of 10 s. A token that was replaced before that
   * ends its session, and no other. Undefined: the session has ended, or the token is not genuine, which changes nothing.
   */
  rotate(token: string): Promise<Refreshable | undefined>;
  /** Ends the session of a genuine token; one that has ended is no error. */
  revoke(token: string): Promise<void>;
}

interface SessionRow {
  id: string;
  user: string;
  role: SystemRole;
  seed: Buffer;
  generation: number;
  rotated_ago: number;
  expires: Date;
}

/** `stated`: called after the commit of what writes facts. */
export function createRefreshTokens(options: {
  db: pg.Pool;
  auth: BetterAuth;
  sessions: Sessions;
  secret: string;
  logger: Logger;
  stated(): void;
}): RefreshTokens {
  const { db, auth, sessions, logger, stated } = options;
  const key = deriveKey(options.secret, 'refresh tokens');

  /** The session of a genuine token, held against others until the transaction ends. */
  async function lock(tx: pg.PoolClient, text: string): Promise<{ row: SessionRow; presented: number } | undefined> {
    const token = parseRefreshToken(text);
    if (!token) return undefined;
    const { rows } = await tx.query<SessionRow>(
      `SELECT session.id, "userId" AS user, role, "refreshSeed" AS seed, "refreshGeneration" AS generation, "expiresAt" AS expires,
         (extract(epoch FROM clock_timestamp() - "refreshRotatedAt") * 1000)::float8 AS rotated_ago
       FROM session JOIN "user" ON "user".id = "userId"
       WHERE session.id = $1 AND "expiresAt" > now() AND "refreshSeed" IS NOT NULL AND NOT disabled FOR UPDATE OF session`,
      [token.session],
    );
    const [row] = rows;
    return row && isGenuine(key, token, row.seed) ? { row, presented: token.generation } : undefined;
  }

  function present({ id, user, role, seed, generation, expires }: SessionRow): Refreshable {
    return {
      id,
      user,
      role,
      refreshToken: encodeRefreshToken(key, { session: id, generation }, seed),
      refreshExpiresAt: expires.getTime(),
    };
  }

  async function setNext(tx: pg.PoolClient, row: Omit<SessionRow, 'expires' | 'rotated_ago'>): Promise<SessionRow> {
    const { rows } = await tx.query<{ expires: Date }>(
      `UPDATE session SET "refreshSeed" = $2, "refreshGeneration" = $3, "refreshRotatedAt" = clock_timestamp(),
         "lastUsedAt" = now(), "expiresAt" = now() + ${SESSION_LIFE}
       WHERE id = $1 RETURNING "expiresAt" AS expires`,
      [row.id, row.seed, row.generation],
    );
    return { ...row, rotated_ago: 0, expires: (rows[0] as { expires: Date }).expires };
  }

  return {
    async begin(user, client, proof) {
      const { device, row } = await auth.transaction(async (tx) => {
        const { id, role, device } = await sessions.beginWithin(tx, user, client, proof);
        return { device, row: await setNext(tx, { id, user, role, seed: randomBytes(SEED_BYTES), generation: 1 }) };
      });
      return { ...present(row), device };
    },

    async rotate(token) {
      const outcome = await transaction(db, async (tx) => {
        const held = await lock(tx, token);
        if (!held) return undefined;
        const { row, presented } = held;
        const verdict = judgeRefresh(presented, row.generation, row.rotated_ago);
        if (verdict === 'repeat') return { verdict, row };
        if (verdict === 'rotate') return { verdict, row: await setNext(tx, { ...row, generation: row.generation + 1 }) };
        await tx.query('DELETE FROM session WHERE id = $1', [row.id]);
        return { verdict, row };
      });
      if (outcome?.verdict !== 'reuse') return outcome && present(outcome.row);
      const { id: sid, user } = outcome.row;
      // `session` would be redacted.
      logger.warn({ sid, user }, 'a refresh token came that was replaced before: somebody else may have it, and its session has ended');
      stated();
      return undefined;
    },

    async revoke(token) {
      const ended = await transaction(db, async (tx) => {
        const held = await lock(tx, token);
        if (held) await tx.query('DELETE FROM session WHERE id = $1', [held.row.id]);
        return held !== undefined;
      });
      if (ended) stated();
    },
  };
}
