import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { ConversationService, UserService } from '@starling/contracts/rpc';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics } from '../metrics/index.ts';
import { createTestLogger } from '../telemetry/test-logger.ts';
import type { Minter, OnBehalfOf } from '../tokens/index.ts';
import { createTestTokens } from '../tokens/test-tokens.ts';
import { onBehalfOf, requireService, rpcUser } from './caller.ts';
import { isUnavailable } from './errors.ts';
import { serveRpc } from './network.ts';
import { type Callee, WAYS } from './test-calls.ts';

interface Handlers {
  findUsers?(users: string[], context: HandlerContext): Promise<string[]>;
  findPost?(context: HandlerContext): Promise<object>;
}

function routesOf(handlers: Handlers) {
  return (router: ConnectRouter) => {
    router.service(UserService, {
      findUsers: async ({ users }, context) => ({ users: (await handlers.findUsers?.(users, context)) ?? [] }),
    });
    router.service(ConversationService, { findPost: async (_request, context) => (await handlers.findPost?.(context)) ?? {} });
  };
}

async function createUser({ tokens }: Callee, user = 'ann'): Promise<OnBehalfOf> {
  const { token } = await tokens.issuers.identity.minter.mintUserToken({ user, session: 's1', scope: 'api' });
  return { user, session: 's1', token };
}

const post = { conversation: 'c', client: 'x', projected: 0 };

async function codeOf(call: Promise<unknown>): Promise<Code> {
  const error = await call.then(
    () => expect.fail('the call was answered'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return (error as ConnectError).code;
}

describe.each(Object.entries(WAYS))('a call %s', (_name, serve) => {
  let callee: Callee | undefined;
  async function start(handlers: Handlers): Promise<Callee> {
    callee = await serve(routesOf(handlers));
    return callee;
  }
  afterEach(() => callee?.close());

  it('is answered, with messages copied', async () => {
    const sent = ['a', 'ü☀️'];
    let received: string[] = [];
    const { as, tokens } = await start({
      async findUsers(users) {
        received = users;
        return [...users].reverse();
      },
    });
    expect((await as(tokens.issuers.web).users.findUsers({ users: sent })).users).toEqual(['ü☀️', 'a']);
    expect(received).toEqual(sent);
    expect(received).not.toBe(sent);
  });

  it('on behalf of a user reaches the callee as that user, with the whole chain', async () => {
    const seen: unknown[] = [];
    const started = await start({
      async findPost(context) {
        const { user, session, chain } = rpcUser(context);
        seen.push({ user, session, chain });
        return { position: 7, at: 8 };
      },
    });
    const ann = await createUser(started);
    const client = started.as(started.tokens.issuers.delivery).conversations;
    expect(await client.findPost(post, onBehalfOf({ ...ann, chain: ['web'] }))).toMatchObject({ position: 7, at: 8 });
    expect(seen).toEqual([{ user: 'ann', session: 's1', chain: ['delivery', 'web'] }]);
    // Nothing of the user stays with the client.
    expect(await codeOf(client.findPost(post))).toBe(Code.Unauthenticated);
  });

  it('of a service as itself is let through where it is named, and nowhere else', async () => {
    const started = await start({
      async findUsers(users, context) {
        requireService(context, 'web', 'operator');
        return users;
      },
    });
    const { web, delivery } = started.tokens.issuers;
    expect((await started.as(web).users.findUsers({ users: ['a'] })).users).toEqual(['a']);
    expect(await codeOf(started.as(delivery).users.findUsers({ users: ['a'] }))).toBe(Code.PermissionDenied);
    expect(await codeOf(started.as(web).users.findUsers({ users: ['a'] }, onBehalfOf(await createUser(started))))).toBe(
      Code.PermissionDenied,
    );
  });

  it('with wrong tokens does not reach the handler, and is not told why', async () => {
    let calls = 0;
    const started = await start({
      async findUsers(users) {
        calls++;
        return users;
      },
    });
    const { web, delivery } = started.tokens.issuers;
    const ann = await createUser(started);
    const bob = await createUser(started, 'bob');
    const minter = (hop: string): Minter => ({ ...web.minter, mintHopToken: async () => hop });
    const own = await web.minter.mintHopToken('conversation');
    const annsHop = await web.minter.mintHopToken('conversation', ann);
    const { token: foreign } = await delivery.minter.mintUserToken({ user: 'ann', session: 's1', scope: 'api' });
    const wrong: Record<string, () => Promise<unknown>> = {
      'no hop token': () => started.as({ ...web, minter: minter('') }).users.findUsers({}),
      garbage: () => started.as({ ...web, minter: minter('a.b.c') }).users.findUsers({}),
      'for another callee': () => started.as(web, 'user').users.findUsers({}),
      'the user token as hop token': () => started.as({ ...web, minter: minter(ann.token) }).users.findUsers({}, onBehalfOf(ann)),
      'the hop token of another user': () => started.as({ ...web, minter: minter(annsHop) }).users.findUsers({}, onBehalfOf(bob)),
      'for a user without the user token': () => started.as({ ...web, minter: minter(annsHop) }).users.findUsers({}),
      'minted by another key': () =>
        started.as({ ...web, minter: minter(`${own.slice(0, own.lastIndexOf('.'))}.${annsHop.split('.')[2]}`) }).users.findUsers({}),
      'a user token of another issuer': () => started.as(web).users.findUsers({}, onBehalfOf({ ...ann, token: foreign })),
    };
    for (const [name, call] of Object.entries(wrong)) {
      const error = await call().then(
        () => expect.fail(`${name} was let through`),
        (thrown: ConnectError) => thrown,
      );
      expect([name, error.code, error.rawMessage]).toEqual([name, Code.Unauthenticated, 'the tokens of this call are not valid']);
    }
    expect(calls).toBe(0);
    expect((await started.as(web).users.findUsers({ users: ['a'] })).users).toEqual(['a']);
  });

  it('does not show what went wrong inside, and logs it', async () => {
    const started = await start({
      findUsers: () => Promise.reject(Object.assign(new Error('password=hunter2 at 10.0.0.7'), { detail: 'hunter2' })),
      findPost: () => Promise.reject(Object.assign(new Error('terminating connection of hunter2'), { code: '57P01' })),
    });
    const { web } = started.tokens.issuers;
    const internal = await started
      .as(web)
      .users.findUsers({})
      .catch((error: ConnectError) => error);
    const away = await started
      .as(web)
      .conversations.findPost(post)
      .catch((error: ConnectError) => error);
    expect([internal, away].map((error) => (error as ConnectError).code)).toEqual([Code.Internal, Code.Unavailable]);
    for (const error of [internal, away] as ConnectError[]) {
      expect(`${error.message} ${JSON.stringify([...error.metadata.entries()])} ${JSON.stringify(error.details)}`).not.toMatch(
        /hunter2|password|10\.0\.0\.7/,
      );
      expect(isUnavailable(error)).toBe(true);
    }
    expect(started.log.text()).toContain('hunter2');
    expect(started.log.entries().map((entry) => entry['method'])).toEqual(['FindUsers', 'FindPost']);
  });

  it('shows errors that are meant for the caller', async () => {
    const started = await start({ findUsers: () => Promise.reject(new ConnectError('at most 3', Code.InvalidArgument)) });
    const error = await started
      .as(started.tokens.issuers.web)
      .users.findUsers({})
      .catch((thrown: ConnectError) => thrown);
    expect(error).toMatchObject({ code: Code.InvalidArgument, rawMessage: 'at most 3' });
    expect(isUnavailable(error)).toBe(false);
    expect(started.log.entries()).toEqual([]);
  });

  it('ends after its time, for the caller and for the callee', async () => {
    let ended: unknown;
    const started = await start({
      findUsers: (_users, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            ended = signal.reason;
            resolve([]);
          });
        }),
    });
    expect(await codeOf(started.as(started.tokens.issuers.web).users.findUsers({}, { timeoutMs: 100 }))).toBe(Code.DeadlineExceeded);
    await waitFor(() => ended);
  });

  it('of a method that the callee does not have is unimplemented', async () => {
    const started = await start({});
    expect(await codeOf(started.as(started.tokens.issuers.web).conversations.loadParticipations({ users: [] }))).toBe(Code.Unimplemented);
  });
});

describe('a server of calls', () => {
  it('ends what is under way, takes nothing more, and is gone', async () => {
    let finish: (() => void) | undefined;
    const serve = WAYS['over the network'];
    const callee = await serve?.(
      routesOf({
        findUsers: (users) =>
          new Promise((resolve) => {
            finish = () => resolve(users);
          }),
      }),
    );
    if (!callee) return expect.fail('there is no such way');
    const { users } = callee.as(callee.tokens.issuers.web);
    const underWay = users.findUsers({ users: ['a'] });
    await waitFor(() => finish);
    const closing = callee.close();
    const late = callee.as(callee.tokens.issuers.web).users.findUsers({ users: ['b'] });
    expect(await codeOf(late)).toBe(Code.Unavailable);
    finish?.();
    expect((await underWay).users).toEqual(['a']);
    await closing;
  });

  it('says that its port is taken', async () => {
    const { gate } = await createTestTokens();
    const options = { host: '127.0.0.1', gate, logger: createTestLogger().logger, metrics: createMetrics().of('test'), routes: () => {} };
    const first = await serveRpc({ ...options, port: 0 });
    await expect(serveRpc({ ...options, port: first.port })).rejects.toThrow('EADDRINUSE');
    await first.close();
  });
});
