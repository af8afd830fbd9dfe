import type { LogInRequest, SessionReply, SignUpRequest, TokenReply } from '@starling/contracts/http';
import { renderProblem } from '@starling/contracts/problems';
import type { Clock } from '../clock.ts';
import { ApiError } from '../rest/errors.ts';
import type { Reply, Request } from '../rest/request.ts';
import { endOf, type SessionEnd } from './session-end.ts';

/**
 * How the client proves who calls. `cookie`: in the browser, by the session's cookie. `password`: by a user token got
 * for email and password, renewed before it expires; without them, call `logIn` or `signUp` first.
 */
export type Auth = { kind: 'cookie' } | { kind: 'password'; email?: string; password?: string };

/** A user token with its times on this machine's clock, ms. */
export interface UserToken {
  user: string;
  token: string;
  receivedAt: number;
  expiresAt: number;
}

export interface Authority {
  /** A new token is of the same session, so that an open socket takes it. */
  keepsSession: boolean;
  /** Headers that go on a REST call. */
  headers(): Promise<Record<string, string>>;
  /** A call with these headers was answered `unauthenticated`. Returns whether it is worth another try with new ones. */
  rejected(error: ApiError, headers: Record<string, string>): boolean;
  /** A token for the socket that has not been used before if `fresh`. */
  socketToken(fresh: boolean): Promise<UserToken>;
  signUp(account: SignUpRequest): Promise<SessionReply>;
  logIn(credentials: LogInRequest): Promise<SessionReply>;
  logOut(): Promise<void>;
  /** The user's id, or null when nobody is logged in. */
  currentUser(): Promise<string | null>;
}

/** A token is renewed when less than this part of its life is left. */
const RESERVE = 0.3;

/** @param ended hears that the session of the cookie has ended, or is somebody else's. */
export function createAuthority(auth: Auth, request: Request, clock: Clock, ended: (end: SessionEnd) => void): Authority {
  return auth.kind === 'cookie' ? cookieAuthority(request, clock, ended) : passwordAuthority(auth, request, clock);
}

function cookieAuthority(request: Request, clock: Clock, ended: (end: SessionEnd) => void): Authority {
  let token: UserToken | undefined;
  /**
   * The cookie is the browser's, and may become somebody else's in another tab: each call says for whom it is meant.
   * Another object for each session, so that a late answer to a call of an earlier one ends nothing.
   */
  let headers: Record<string, string> = {};
  const actFor = (user: string) => {
    token = undefined;
    headers = { 'x-starling-user': user };
  };
  const begin = async (path: string, body: unknown) => {
    const { body: session } = await request<SessionReply>({ method: 'POST', path, body });
    actFor(session.user);
    return session;
  };
  const authority: Authority = {
    keepsSession: true,
    headers: async () => headers,
    rejected(error, used) {
      if (used === headers) ended(endOf(error));
      return false;
    },
    async socketToken(fresh) {
      if (!fresh && isUsable(token, clock)) return token;
      const reply = await authorise(request, authority)<TokenReply>({ method: 'POST', path: '/v1/socket-token' });
      if (headers['x-starling-user'] !== reply.body.user) actFor(reply.body.user);
      token = received(reply, clock);
      return token;
    },
    signUp: (account) => begin('/v1/accounts', account),
    logIn: (credentials) => begin('/v1/sessions', credentials),
    async logOut() {
      await request({ method: 'DELETE', path: '/v1/sessions/current', headers, repeatable: true }).catch(unlessLoggedOut);
      token = undefined;
      headers = {};
    },
    async currentUser() {
      const call = { method: 'GET', path: '/v1/sessions/current', repeatable: true } as const;
      const user = (await request<SessionReply>(call).catch(unlessLoggedOut))?.body.user ?? null;
      if (user !== null) actFor(user);
      return user;
    },
  };
  return authority;
}

function passwordAuthority(auth: { email?: string; password?: string }, request: Request, clock: Clock): Authority {
  let credentials = auth.email !== undefined && auth.password !== undefined ? { email: auth.email, password: auth.password } : undefined;
  let token: UserToken | undefined;
  let asking: Promise<UserToken> | undefined;

  async function ask(): Promise<UserToken> {
    if (!credentials) throw new ApiError(renderProblem('unauthenticated', { detail: 'Call logIn or signUp first.' }));
    token = received(await request<TokenReply>({ method: 'POST', path: '/v1/token', body: credentials, repeatable: true }), clock);
    return token;
  }

  async function current(fresh: boolean): Promise<UserToken> {
    if (!fresh && isUsable(token, clock)) return token;
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  async function logIn({ email, password }: LogInRequest): Promise<SessionReply> {
    credentials = { email, password };
    token = undefined;
    return { user: (await current(true)).user };
  }

  return {
    // Each token for a password begins a session: a socket lives as long as its own token, and then resumes with another.
    keepsSession: false,
    headers: async () => ({ authorization: `Bearer ${(await current(false)).token}` }),
    rejected() {
      token = undefined;
      return true;
    },
    socketToken: current,
    async signUp(account) {
      const { body } = await request<SessionReply>({ method: 'POST', path: '/v1/accounts', body: account });
      credentials = { email: account.email, password: account.password };
      token = undefined;
      return body;
    },
    logIn,
    async logOut() {
      credentials = undefined;
      token = undefined;
    },
    currentUser: async () => (credentials ? (await current(false)).user : null),
  };
}

function isUsable(token: UserToken | undefined, clock: Clock): token is UserToken {
  if (!token) return false;
  return token.expiresAt - clock.now() > RESERVE * (token.expiresAt - token.receivedAt);
}

/** Reckons with the server's clock, since this machine's may be hours off. */
function received({ body, serverTime }: Reply<TokenReply>, clock: Clock): UserToken {
  const now = clock.now();
  return { user: body.user, token: body.token, receivedAt: now, expiresAt: now + body.expiresAt - (serverTime ?? now) };
}

function unlessLoggedOut(error: unknown): undefined {
  if (error instanceof ApiError && error.status === 401) return undefined;
  throw error;
}

/** Puts the authority's proof on each call; on a 401, once more with a new one. */
export function authorise(request: Request, authority: Authority): Request {
  return async <T>(call: Parameters<Request>[0]) => {
    const send = (headers: Record<string, string>) => request<T>({ ...call, headers: { ...call.headers, ...headers } });
    const headers = await authority.headers();
    try {
      return await send(headers);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'unauthenticated' && authority.rejected(error, headers))) throw error;
      return send(await authority.headers());
    }
  };
}
