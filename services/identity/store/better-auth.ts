import type { Logger } from '@starling/platform/telemetry';
import { betterAuth } from 'better-auth';
import { bearer } from 'better-auth/plugins/bearer';
import type pg from 'pg';
import { hashPassword, verifyPassword } from '../domain/password.ts';

const DAY_SECONDS = 86_400;

const PASSWORD_LENGTH = { minimum: 10, maximum: 128 };

/**
 * Better Auth on this service's own pool. It is called in-process and serves no HTTP, so that its cookies, its rate
 * limiter and its checks of origins have no part here. Given a pool, it runs a sign-up (user, credential account and
 * session) in one transaction.
 */
export function createBetterAuth(options: { db: pg.Pool; secret: string; logger: Logger }) {
  return betterAuth({
    // Nothing is served there: it keeps Better Auth from guessing.
    baseURL: 'http://identity.invalid',
    secret: options.secret,
    database: options.db,
    emailAndPassword: {
      enabled: true,
      minPasswordLength: PASSWORD_LENGTH.minimum,
      maxPasswordLength: PASSWORD_LENGTH.maximum,
      password: { hash: hashPassword, verify: ({ password, hash }) => verifyPassword(password, hash) },
    },
    session: { expiresIn: 30 * DAY_SECONDS, updateAge: DAY_SECONDS, cookieCache: { enabled: false } },
    advanced: { database: { generateId: 'uuid' } },
    // Lets a session's token come in as a bearer token, since there are no cookies.
    plugins: [bearer()],
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // Its other levels name email addresses, and so do the causes that it passes along.
    logger: { level: 'error', log: (_level, message) => options.logger.error({ from: 'better-auth' }, message) },
  });
}
