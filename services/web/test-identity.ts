import { randomBytes, randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { IdentityService } from '@starling/contracts/rpc';
import { requireService } from '@starling/platform/rpc';
import type { Platform, Service } from '@starling/platform/service';

/** Identity's side of its contract, with accounts and sessions in memory. */
export interface IdentityStandIn extends Service {
  sessions: Map<string, { user: string; id: string }>;
  minted: number;
  fail: Code | undefined;
}

export function standInForIdentity({ minter }: Platform): IdentityStandIn {
  const accounts = new Map<string, { user: string; password: string }>();
  const standIn: IdentityStandIn = {
    sessions: new Map(),
    minted: 0,
    fail: undefined,
    routes() {},
    async start() {},
    async stop() {},
    rpc(router) {
      function begin(user: string) {
        const session = randomBytes(16).toString('hex');
        standIn.sessions.set(session, { user, id: randomUUID() });
        return { session, user };
      }
      function check({ email, password }: { email: string; password: string }) {
        if (standIn.fail) throw new ConnectError('as asked', standIn.fail);
        const account = accounts.get(email);
        if (account?.password !== password) throw new ConnectError('no such account', Code.NotFound);
        return begin(account.user);
      }
      router.service(IdentityService, {
        signUp({ email, password }, context) {
          requireService(context, 'web');
          if (standIn.fail) throw new ConnectError('as asked', standIn.fail);
          if (accounts.has(email)) throw new ConnectError('exists', Code.AlreadyExists);
          const user = randomUUID();
          accounts.set(email, { user, password });
          return begin(user);
        },
        logIn: (request) => check(request),
        logOut({ session }) {
          standIn.sessions.delete(session);
          return {};
        },
        async mintToken({ session, origin: boundTo, socket }) {
          standIn.minted++;
          const live = standIn.sessions.get(session);
          if (standIn.fail) throw new ConnectError('as asked', standIn.fail);
          if (!live) throw new ConnectError('the session has ended', Code.NotFound);
          const claims = { user: live.user, session: live.id, scope: socket ? 'socket' : 'api', origin: boundTo } as const;
          return { ...(await minter.mintUserToken(claims)), user: live.user };
        },
        async issueToken(request) {
          const { user } = check(request);
          return { ...(await minter.mintUserToken({ user, session: randomUUID(), scope: 'api socket' })), user };
        },
      });
    },
  };
  return standIn;
}
