import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { IdentityService } from '@starling/contracts/rpc';
import { isLine } from '@starling/contracts/schema';
import { requireService } from '@starling/platform/rpc';
import type { Minter, UserTokenClaims } from '@starling/platform/tokens';
import { TooManyWaiting, type Turns } from '../domain/turns.ts';
import { type Accounts, AccountsUnavailable } from '../store/accounts.ts';

const NAME_CHARACTERS = 80;

/** Web's calls, made as itself: nobody else may turn credentials or sessions into tokens. */
export function identityRpc(
  router: ConnectRouter,
  options: { accounts: Accounts; passwordTurns: Turns; minter: Minter; signedUp(): void },
): void {
  const { accounts, passwordTurns, minter } = options;

  async function mint(claims: UserTokenClaims): Promise<{ token: string; expiresAt: number; user: string }> {
    return { ...(await minter.mintUserToken(claims)), user: claims.user };
  }

  async function logIn(credentials: { email: string; password: string }, context: HandlerContext) {
    const begun = await withPassword(passwordTurns, context, () => accounts.logIn(credentials));
    if (!begun) throw new ConnectError('there is no account with this email and password', Code.NotFound);
    return begun;
  }

  router.service(IdentityService, {
    async signUp({ email, password, name }, context) {
      requireService(context, 'web');
      if (!isLine(name) || [...name].length > NAME_CHARACTERS) throw new ConnectError('the name is not acceptable', Code.InvalidArgument);
      const begun = await withPassword(passwordTurns, context, () => accounts.signUp({ email, password, name }));
      if (begun === 'exists') throw new ConnectError('there is an account with this email', Code.AlreadyExists);
      if (begun === 'unacceptable') throw new ConnectError('the email or the password is not acceptable', Code.InvalidArgument);
      options.signedUp();
      return { session: begun.token, user: begun.user };
    },

    async logIn({ email, password }, context) {
      requireService(context, 'web');
      const begun = await logIn({ email, password }, context);
      return { session: begun.token, user: begun.user };
    },

    async logOut({ session }, context) {
      requireService(context, 'web');
      await accounts.endSession(session);
      return {};
    },

    async mintToken({ session, origin, socket }, context) {
      requireService(context, 'web');
      const live = await concealed(() => accounts.useSession(session));
      if (!live) throw new ConnectError('the session has ended', Code.NotFound);
      return mint({ user: live.user, session: live.id, scope: socket ? 'socket' : 'api', origin });
    },

    async issueToken({ email, password }, context) {
      requireService(context, 'web');
      const begun = await logIn({ email, password }, context);
      const live = await concealed(() => accounts.useSession(begun.token));
      if (!live) throw new ConnectError('the session has ended', Code.NotFound);
      const issued = await mint({ user: live.user, session: live.id, scope: 'api socket' });
      // Nobody was given the session's own token: it is of no use beyond this one.
      await accounts.limitSession(begun.token, issued.expiresAt);
      return issued;
    },
  });
}

/** Runs what hashes a password when its turn comes: the turn comes before the database connection. */
async function withPassword<T>(turns: Turns, context: HandlerContext, work: () => Promise<T>): Promise<T> {
  try {
    return await turns.take(context.signal, () => concealed(work));
  } catch (error) {
    throw error instanceof TooManyWaiting ? new ConnectError('too many wait for a password to be checked', Code.ResourceExhausted) : error;
  }
}

async function concealed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof AccountsUnavailable ? new ConnectError(error.message, Code.Unavailable) : error;
  }
}
