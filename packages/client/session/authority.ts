import type { LogInRequest, SessionReply, SignUpRequest, TokenReply } from '@starling/contracts/http';
import { renderProblem } from '@starling/contracts/problems';
import type { Clock } from '../clock.ts';
import { ApiError } from '../rest/errors.ts';
import type { Reply, Request } from '../rest/request.ts';

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
  /** A call was answered 401. Returns whether it is worth another try with new headers. */
  rejected(): boolean;
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

export function createAuthority(auth: Auth, request: Request, clock: Clock): Authority {
  return auth.kind === 'cookie' ? cookieAuthority(request, clock) : passwordAuthority(auth, request, clock);
}

function cookieAuthority(request: Request, clock: Clock): Authority {
  let token: UserToken | undefined;
  const session = async (path: string, body: unknown) => {
    token = undefined;
    return (await request<SessionReply>({ method: 'POST', path, body })).body;
  };
  return {
    keepsSession: true,
    headers: async () => ({}),
    rejected: () => false,
    async socketToken(fresh) {
      if (fresh || !isUsable(token, clock))
        token = received(await request<TokenReply>({ method: 'POST', path: '/v1/socket-token' }), clock);
      return token;
    },
    signUp: (account) => session('/v1/accounts', account),
    logIn: (credentials) => session('/v1/sessions', credentials),
    async logOut() {
      token = undefined;
      await request({ method: 'DELETE', path: '/v1/sessions/current', repeatable: true }).catch(unlessLoggedOut);
    },
    async currentUser() {
      const call = { method: 'GET', path: '/v1/sessions/current', repeatable: true } as const;
      return (await request<SessionReply>(call).catch(unlessLoggedOut))?.body.user ?? null;
    },
  };
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
    const send = async () => request<T>({ ...call, headers: { ...call.headers, ...(await authority.headers()) } });
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'unauthenticated' && authority.rejected())) throw error;
      return send();
    }
  };
}
