import type {
  CodeReply,
  ConfirmCodeRequest,
  PasskeyLogInRequest,
  SecondFactorReply,
  SecondFactorRequest,
  SessionReply,
  SignUpRequest,
  TokenReply,
} from '@starling/contracts/http';
import { renderProblem } from '@starling/contracts/problems';
import type { Clock } from '../clock.ts';
import { ApiError } from '../rest/errors.ts';
import type { Request } from '../rest/request.ts';
import type { LogInCredentials, LogInResult } from './log-in.ts';
import { ProgramSession } from './program-session.ts';
import { endOf, type SessionEnd } from './session-end.ts';
import { isUsable, received, type UserToken } from './user-token.ts';

/**
 * How the client proves who calls. `cookie`: in the browser, by the session's cookie. `password`: by a user token got
 * for email and password (and `code`, where the account has a second factor), refreshed before it expires; without them,
 * call `logIn`, or `signUp` and `confirmSignUp`, first.
 */
export type Auth = { kind: 'cookie' } | ({ kind: 'password' } & Partial<LogInCredentials>);

export interface Authority {
  /** Headers that go on a REST call. */
  headers(): Promise<Record<string, string>>;
  /** A call with these headers was answered `unauthenticated`. Returns whether it is worth another try with new ones. */
  rejected(error: ApiError, headers: Record<string, string>): boolean;
  /** A token for the socket that has not been used before if `fresh`. */
  socketToken(fresh: boolean): Promise<UserToken>;
  signUp(account: SignUpRequest): Promise<CodeReply>;
  confirmSignUp(confirm: ConfirmCodeRequest): Promise<SessionReply>;
  logIn(credentials: LogInCredentials): Promise<LogInResult>;
  completeLogIn(secondFactor: SecondFactorRequest): Promise<SessionReply>;
  passkeyLogIn(passkey: PasskeyLogInRequest): Promise<SessionReply>;
  linkSignOn(password: string): Promise<LogInResult>;
  logOut(): Promise<void>;
  /** The user's id, or null when nobody is logged in. */
  currentUser(): Promise<string | null>;
  /** The user has another email or password from now on. */
  credentialsChanged(change: { email?: string; password?: string }): void;
}

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
  /** The same, unless the account wants a second factor first. */
  const tryToBegin = async (path: string, body: unknown): Promise<LogInResult> => {
    const { body: reply } = await request<SessionReply | SecondFactorReply>({ method: 'POST', path, body });
    if ('challenge' in reply) return { secondFactor: reply };
    actFor(reply.user);
    return reply;
  };
  const authority: Authority = {
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
    signUp: async (account) => (await request<CodeReply>({ method: 'POST', path: '/v1/accounts', body: account })).body,
    confirmSignUp: (confirm) => begin('/v1/accounts/confirm', confirm),
    logIn: ({ email, password }) => tryToBegin('/v1/sessions', { email, password }),
    completeLogIn: (secondFactor) => begin('/v1/sessions/second-factor', secondFactor),
    passkeyLogIn: (passkey) => begin('/v1/passkey-log-in', passkey),
    linkSignOn: (password) => tryToBegin('/v1/sign-on/link', { password }),
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
    credentialsChanged() {},
  };
  return authority;
}

/** Programs are given their second factor's code with the password, and keep no cookie for what only pages do. */
function passwordAuthority(auth: Partial<LogInCredentials>, request: Request, clock: Clock): Authority {
  const { email, password, code } = auth;
  let session: ProgramSession | undefined;
  if (email !== undefined && password !== undefined) {
    session = begin(code === undefined ? { email, password } : { email, password, code });
  }
  /** What the accounts that wait for their codes will log in with, by the ids of the registrations. */
  const registrations = new Map<string, LogInCredentials>();

  function begin(credentials: LogInCredentials, device: string | null = null): ProgramSession {
    return new ProgramSession(credentials, device, request, clock);
  }

  async function current(fresh: boolean): Promise<UserToken> {
    if (!session) throw new ApiError(renderProblem('unauthenticated', { detail: 'Call logIn or signUp first.' }));
    return session.token(fresh);
  }

  async function forPagesOnly(): Promise<never> {
    throw new Error("This is for pages of the server, which have a cookie: a client with auth of kind 'password' logs in with logIn.");
  }

  return {
    headers: async () => ({ authorization: `Bearer ${(await current(false)).token}` }),
    rejected(_error, { authorization }) {
      if (authorization !== undefined) session?.rejected(authorization.slice('Bearer '.length));
      return true;
    },
    socketToken: current,
    async signUp(account) {
      const { body } = await request<CodeReply>({ method: 'POST', path: '/v1/accounts', body: account });
      registrations.set(body.id, { email: account.email, password: account.password });
      return body;
    },
    async confirmSignUp(confirm) {
      const { body } = await request<SessionReply>({ method: 'POST', path: '/v1/accounts/confirm', body: confirm });
      const credentials = registrations.get(confirm.id);
      registrations.delete(confirm.id);
      if (credentials) session = begin(credentials, session?.device);
      return body;
    },
    async logIn(credentials) {
      const next = begin(credentials, session?.device);
      const { user } = await next.token(true);
      session = next;
      return { user };
    },
    completeLogIn: forPagesOnly,
    passkeyLogIn: forPagesOnly,
    linkSignOn: forPagesOnly,
    async logOut() {
      await session?.end();
      session = undefined;
    },
    currentUser: async () => (session ? (await current(false)).user : null),
    credentialsChanged: (change) => session?.changeCredentials(change),
  };
}

function unlessLoggedOut(error: unknown): undefined {
  if (error instanceof ApiError && error.status === 401) return undefined;
  throw error;
}

/** Proofs that a call is tried with: while the server replaces its keys, one that is new may be of the old ones still. */
const PROOFS = 3;

/** Puts the authority's proof on each call; on a 401, again with a new one. */
export function authorise(request: Request, authority: Authority): Request {
  return async <T>(call: Parameters<Request>[0]) => {
    for (let left = PROOFS - 1; ; left--) {
      const headers = await authority.headers();
      try {
        return await request<T>({ ...call, headers: { ...call.headers, ...headers } });
      } catch (error) {
        const refused = error instanceof ApiError && error.code === 'unauthenticated' && authority.rejected(error, headers);
        if (!refused || left === 0) throw error;
      }
    }
  };
}
