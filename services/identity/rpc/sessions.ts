import type { ConnectRouter, HandlerContext } from '@connectrpc/connect';
import { SessionsService } from '@starling/contracts/rpc';
import { requireRight, rpcUser } from '@starling/platform/rpc';
import type { Minter, UserIdentity } from '@starling/platform/tokens';
import type { AfterFirstFactor, SecondFactors } from '../domain/log-in.ts';
import type { Accounts } from '../store/accounts.ts';
import type { Refreshable, RefreshTokens } from '../store/refresh-tokens.ts';
import type { Sessions } from '../store/sessions.ts';
import { refuse } from './refuse.ts';

/** Logging in and out, and turning sessions into tokens. */
export function sessionsRpc(
  router: ConnectRouter,
  options: {
    accounts: Accounts;
    sessions: Sessions;
    refreshTokens: RefreshTokens;
    secondFactors: SecondFactors;
    afterFirstFactor: AfterFirstFactor;
    minter: Minter;
  },
): void {
  const { accounts, sessions, refreshTokens, secondFactors, afterFirstFactor, minter } = options;

  async function issue({ user, id: session, role, refreshToken, refreshExpiresAt }: Refreshable, device: string) {
    const minted = await minter.mintUserToken({ user, session, role, scope: 'api socket' });
    return { ...minted, user, refreshToken, refreshExpiresAt, device };
  }

  router.service(SessionsService, {
    async logIn({ email, password, client }, context) {
      const { id, proof } = await accounts.checkCredentials({ email, password }, client, context.signal);
      return { result: await afterFirstFactor(id, client, proof) };
    },

    async completeLogIn({ challenge, method, code, client }) {
      return sessions.begin(await secondFactors.complete({ challenge, method, code, client }), client);
    },

    async logOut({ session }) {
      await sessions.end(session);
      return {};
    },

    async mintToken({ session, origin, socket }) {
      const live = await sessions.find(session);
      if (!live) throw refuse('unauthenticated');
      const { user, id, role } = live;
      return { ...(await minter.mintUserToken({ user, session: id, role, scope: socket ? 'socket' : 'api', origin })), user };
    },

    async issueToken({ email, password, code, client }, context) {
      const { id, proof } = await accounts.checkCredentials({ email, password }, client, context.signal);
      if ((await secondFactors.methodsOf(id)).length > 0) {
        if (code === '') throw refuse('second-factor-required');
        if (!(await secondFactors.checkCode(id, code, client))) throw refuse('wrong-code');
      }
      const begun = await refreshTokens.begin(id, client, proof);
      return issue(begun, begun.device);
    },

    async refreshToken({ refreshToken, client }) {
      const next = await refreshTokens.rotate(refreshToken);
      if (!next) throw refuse('unauthenticated');
      return issue(next, client?.device ?? '');
    },

    async revokeRefreshToken({ refreshToken }) {
      await refreshTokens.revoke(refreshToken);
      return {};
    },

    async listSessions(_request, context) {
      const { user, session } = ownerOf(context);
      return { sessions: await sessions.list(user, session) };
    },

    async endSession({ id }, context) {
      const { user } = ownerOf(context);
      if (!(await sessions.endById(user, id))) throw refuse('not-found');
      return {};
    },

    async endAllSessions({ keepCurrent }, context) {
      const { user, session } = ownerOf(context);
      await sessions.endAll(user, keepCurrent ? session : undefined);
      return {};
    },
  });
}

function ownerOf(context: HandlerContext): UserIdentity {
  const user = rpcUser(context);
  requireRight(user, 'account.use');
  return user;
}
