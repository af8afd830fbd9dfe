import { randomBytes, randomUUID } from 'node:crypto';
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect';
import type { SystemRole } from '@starling/contracts/permissions';
import type { ProblemName } from '@starling/contracts/problems';
import {
  AccountsService,
  AdministrationService,
  PasskeysService,
  SecondFactorService,
  SessionsService,
  SignOnService,
} from '@starling/contracts/rpc';
import { rpcUser } from '@starling/platform/rpc';
import type { Platform, Service } from '@starling/platform/service';
import type { UserIdentity } from '@starling/platform/tokens';

/** What was asked of identity: the method, its message, and on whose behalf, if anybody's. */
interface AskedCall {
  method: string;
  request: Record<string, unknown>;
  user: UserIdentity | undefined;
}

interface Live {
  user: string;
  id: string;
  role: SystemRole;
}

/**
 * No identity, but its side of the contract for web's tests: it keeps sessions in memory, believes every code `123456`
 * and every password `a long enough password`, and tells what it was asked. Nothing else of the real one is in it.
 */
export interface FakeIdentity extends Service {
  /** Session token → whose it is. */
  sessions: Map<string, Live>;
  calls: AskedCall[];
  /** Thrown at every call. */
  fail: ConnectError | undefined;
  /** So many of the next calls for users are refused, here and by the services behind web, as for tokens that are not valid. */
  tokensToRefuse: number;
  /** Accounts want a second factor. */
  secondFactor: boolean;
  /** How the next sign-on ends. */
  signOnEnds: 'begun' | 'secondFactor' | 'link';
  askedFor(method: string): AskedCall | undefined;
}

export const PASSWORD = 'a long enough password';
export const CODE = '123456';
const EXPIRES = 1_900_000_000_000;
const INVITE = { id: randomUUID(), email: '', role: 'guest', usesLeft: 3, expiresAt: EXPIRES, createdBy: randomUUID() };

/** How identity names a problem (rpc/refuse.ts there). */
export function refusal(problem: ProblemName, code: Code, extra: Record<string, string> = {}): ConnectError {
  return new ConnectError(problem, code, { 'starling-problem': problem, ...extra });
}

export function createFakeIdentity({ minter }: Platform): FakeIdentity {
  const users = new Map<string, string>();
  const wanted = () => ({ challenge: 'challenge-secret', methods: ['totp', 'recovery-code'], expiresAt: EXPIRES });

  function begin(email: string) {
    const user = users.get(email) ?? randomUUID();
    users.set(email, user);
    const session = randomBytes(16).toString('hex');
    fake.sessions.set(session, { user, id: randomUUID(), role: 'member' });
    return { session, user, device: `device-${randomBytes(8).toString('hex')}` };
  }

  function check(email: string, password: string) {
    if (password !== PASSWORD) throw refusal('wrong-credentials', Code.Unauthenticated);
    return begin(email);
  }

  function confirm(code: string) {
    if (code !== CODE) throw refusal('wrong-code', Code.Unauthenticated);
  }

  async function issue(live: Live, device = '') {
    const claims = { user: live.user, session: live.id, role: live.role, scope: 'api socket' } as const;
    return { ...(await minter.mintUserToken(claims)), user: live.user, refreshToken: 'refresh.0.mac', refreshExpiresAt: EXPIRES, device };
  }

  const fake: FakeIdentity = {
    sessions: new Map(),
    calls: [],
    fail: undefined,
    tokensToRefuse: 0,
    secondFactor: false,
    signOnEnds: 'begun',
    askedFor: (method) => fake.calls.findLast((call) => call.method === method),
    routes() {},
    async start() {},
    async stop() {},
    rpc(router) {
      router.service(
        AccountsService,
        noted({
          describeEntry: () => ({ registration: 'invite', mail: true, providers: [{ id: 'corp', name: 'Corp' }] }),
          register: ({ client }) => ({ id: randomUUID(), expiresAt: EXPIRES, code: client?.local ? CODE : '' }),
          resendRegistrationCode: ({ id }) => ({ id, expiresAt: EXPIRES }),
          confirmRegistration({ code }) {
            confirm(code);
            return begin('ada@example.org');
          },
          requestPasswordReset: () => ({}),
          resetPassword: () => ({}),
          describeAccount: () => ({ email: 'ada@example.org', role: 'owner', hasPassword: true, hasTotp: true, recoveryCodesLeft: 7 }),
          changePassword: () => ({}),
          requestEmailChange: () => ({ id: randomUUID(), expiresAt: EXPIRES }),
          confirmEmailChange: () => ({}),
        }),
      );
      router.service(
        SessionsService,
        noted({
          logIn({ email, password }) {
            const value = check(email, password);
            return { result: fake.secondFactor ? { case: 'secondFactor', value: wanted() } : { case: 'begun', value } };
          },
          completeLogIn({ code }) {
            confirm(code);
            return begin('ada@example.org');
          },
          logOut({ session }) {
            fake.sessions.delete(session);
            return {};
          },
          async mintToken({ session, origin, socket }) {
            const live = fake.sessions.get(session);
            if (!live) throw refusal('unauthenticated', Code.Unauthenticated);
            const claims = { user: live.user, session: live.id, role: live.role, scope: socket ? 'socket' : 'api', origin } as const;
            return { ...(await minter.mintUserToken(claims)), user: live.user };
          },
          issueToken({ email, password }) {
            const { session, device } = check(email, password);
            return issue(fake.sessions.get(session) as Live, device);
          },
          refreshToken({ refreshToken }) {
            if (refreshToken !== 'refresh.0.mac') throw refusal('unauthenticated', Code.Unauthenticated);
            return issue({ user: users.get('ada@example.org') ?? randomUUID(), id: randomUUID(), role: 'member' });
          },
          revokeRefreshToken: () => ({}),
          listSessions: (_request, context) => ({
            sessions: [
              { id: rpcUser(context).session, createdAt: 1, lastUsedAt: 2, userAgent: 'agent', address: '192.0.2.1', current: true },
            ],
          }),
          endSession: () => ({}),
          endAllSessions: () => ({}),
        }),
      );
      router.service(
        SecondFactorService,
        noted({
          beginTotp: () => ({ secret: 'ABCDEFGH', uri: 'otpauth://totp/x' }),
          confirmTotp({ code }) {
            confirm(code);
            return { codes: ['one', 'two'] };
          },
          removeTotp: () => ({}),
          newRecoveryCodes: () => ({ codes: ['three'] }),
        }),
      );
      router.service(
        PasskeysService,
        noted({
          beginPasskey: () => ({ id: randomUUID(), options: '{"rp":{"id":"localhost"}}' }),
          addPasskey: ({ name }) => ({ id: randomUUID(), name, createdAt: 5 }),
          listPasskeys: () => ({ passkeys: [{ id: randomUUID(), name: 'key', createdAt: 5 }] }),
          removePasskey: () => ({}),
          beginPasskeyLogIn: () => ({ id: randomUUID(), options: '{"rpId":"localhost"}' }),
          passkeyLogIn: () => begin('ada@example.org'),
        }),
      );
      router.service(
        SignOnService,
        noted({
          beginSignOn({ provider }) {
            if (provider !== 'corp') throw refusal('not-found', Code.NotFound);
            return { url: 'https://idp.example/authorize?state=s', flow: 'flow-secret' };
          },
          finishSignOn() {
            if (fake.signOnEnds === 'begun') return { result: { case: 'begun', value: begin('ada@example.org') } };
            if (fake.signOnEnds === 'secondFactor') return { result: { case: 'secondFactor', value: wanted() } };
            return { result: { case: 'link', value: { link: 'link-secret', email: 'ada@example.org', provider: 'Corp' } } };
          },
          linkSignOn({ password }) {
            const value = check('ada@example.org', password);
            return { result: fake.secondFactor ? { case: 'secondFactor', value: wanted() } : { case: 'begun', value } };
          },
        }),
      );
      router.service(
        AdministrationService,
        noted({
          listUsers: () => ({
            users: [
              { id: randomUUID(), email: 'ada@example.org', name: 'Ada', role: 'owner', disabled: false, createdAt: 1, lastUsedAt: 0 },
            ],
            more: true,
          }),
          setDisabled: () => ({}),
          setRole: () => ({}),
          createInvite: ({ email }) => ({ invite: { ...INVITE, email }, token: 'invite-secret' }),
          listInvites: () => ({ invites: [INVITE] }),
          revokeInvite: () => ({}),
        }),
      );
    },
  };

  type Handler = (request: Record<string, unknown>, context: HandlerContext) => unknown;

  /** The same handlers; each call is taken down first. */
  function noted<T extends object>(handlers: T): T {
    const wrapped = Object.entries(handlers as Record<string, Handler>).map(([method, handler]) => [
      method,
      async (request: Record<string, unknown>, context: HandlerContext) => {
        const user = userBehind(context);
        fake.calls.push({ method, request, user });
        if (fake.fail) throw fake.fail;
        if (user && fake.tokensToRefuse-- > 0) throw new ConnectError('the tokens of this call are not valid', Code.Unauthenticated);
        return handler(request, context);
      },
    ]);
    return Object.fromEntries(wrapped) as T;
  }

  return fake;
}

function userBehind(context: HandlerContext): UserIdentity | undefined {
  try {
    return rpcUser(context);
  } catch {
    return undefined;
  }
}
