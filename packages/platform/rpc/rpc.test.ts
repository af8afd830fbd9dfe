import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import type { SystemRole } from '@starling/contracts/permissions';
import { ConversationService } from '@starling/contracts/rpc';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics } from '../metrics/index.ts';
import { createTestLogger } from '../telemetry/test-logger.ts';
import type { OnBehalfOf } from '../tokens/index.ts';
import { createTestTokens } from '../tokens/test-tokens.ts';
import { onBehalfOf, requireRight, rpcUser } from './caller.ts';
import { isUnavailable } from './errors.ts';
import { serveRpc } from './network.ts';
import { type Callee, WAYS } from './test-calls.ts';

interface Handlers {
  load?(users: string[], context: HandlerContext): Promise<string[]>;
  findPost?(context: HandlerContext): Promise<object>;
}

function routesOf(handlers: Handlers) {
  return (router: ConnectRouter) => {
    router.service(ConversationService, {
      loadParticipations: async ({ users }, context) => ({
        participations: ((await handlers.load?.(users, context)) ?? []).map((user) => ({ user })),
      }),
      findPost: async (_request, context) => (await handlers.findPost?.(context)) ?? {},
    });
  };
}

async function createUser({ tokens }: Callee, user = 'ann', role: SystemRole = 'member'): Promise<OnBehalfOf> {
  const { token } = await tokens.issuers.identity.minter.mintUserToken({ user, session: 's1', role, scope: 'api' });
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
      async load(users) {
        received = users;
        return [...users].reverse();
      },
    });
    expect(await as(tokens.issuers.delivery).load(sent)).toEqual(['ü☀️', 'a']);
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

  it('is let through only as the table of calls has it: who, for whom, which method', async () => {
    let calls = 0;
    const started = await start({
      async load(users) {
        calls++;
        return users;
      },
      async findPost() {
        calls++;
        return {};
      },
    });
    const { web, delivery, conversation } = started.tokens.issuers;
    const ann = await createUser(started);
    expect(await started.as(delivery).load(['a'])).toEqual(['a']);
    expect(await started.as(delivery).conversations.findPost(post, onBehalfOf(ann))).toBeDefined();
    const others = [
      started.as(web).load(['a']),
      started.as(conversation).load(['a']),
      started.as(delivery).load(['a'], onBehalfOf(ann)),
      started.as(delivery).conversations.findPost(post),
      started.as(web).conversations.findPost(post, onBehalfOf(ann)),
      started.as(delivery).conversations.findPost(post, onBehalfOf({ ...ann, chain: ['user'] })),
    ];
    expect(await Promise.all(others.map(codeOf))).toEqual(others.map(() => Code.Unauthenticated));
    expect(calls).toBe(2);
    expect(started.log.text()).toContain('web may not call');
  });

  it('for a user whose role lacks a right is refused, with the name of the problem', async () => {
    const started = await start({
      async findPost(context) {
        requireRight(rpcUser(context), 'accounts.administer');
        return { position: 1, at: 1 };
      },
    });
    const { conversations } = started.as(started.tokens.issuers.delivery);
    const error = await conversations.findPost(post, onBehalfOf(await createUser(started))).catch((thrown: ConnectError) => thrown);
    expect(error).toMatchObject({ code: Code.PermissionDenied });
    expect((error as ConnectError).metadata.get('starling-problem')).toBe('forbidden');
    const admin = await createUser(started, 'ann', 'admin');
    expect(await conversations.findPost(post, onBehalfOf(admin))).toMatchObject({ position: 1 });
  });

  it('with wrong tokens does not reach the handler, and is not told why', async () => {
    let calls = 0;
    const started = await start({
      async load(users) {
        calls++;
        return users;
      },
      async findPost() {
        calls++;
        return {};
      },
    });
    const { web, delivery } = started.tokens.issuers;
    const ann = await createUser(started);
    const bob = await createUser(started, 'bob');
    const withHop = (hop: string) => started.as({ ...delivery, minter: { ...delivery.minter, mintHopToken: async () => hop } });
    const own = await delivery.minter.mintHopToken('conversation');
    const annsHop = await delivery.minter.mintHopToken('conversation', ann);
    const { token: foreign } = await web.minter.mintUserToken({ user: 'ann', session: 's1', role: 'member', scope: 'api' });
    const wrong: Record<string, () => Promise<unknown>> = {
      'no hop token': () => withHop('').load([]),
      garbage: () => withHop('a.b.c').load([]),
      'for another callee': () => started.as(delivery, 'user').load([]),
      'the user token as hop token': () => withHop(ann.token).conversations.findPost(post, onBehalfOf(ann)),
      'the hop token of another user': () => withHop(annsHop).conversations.findPost(post, onBehalfOf(bob)),
      'for a user without the user token': () => withHop(annsHop).conversations.findPost(post),
      'minted by another key': () => withHop(`${own.slice(0, own.lastIndexOf('.'))}.${annsHop.split('.')[2]}`).load([]),
      'a user token of another issuer': () => started.as(delivery).conversations.findPost(post, onBehalfOf({ ...ann, token: foreign })),
    };
    for (const [name, call] of Object.entries(wrong)) {
      const error = await call().then(
        () => expect.fail(`${name} was let through`),
        (thrown: ConnectError) => thrown,
      );
      expect([name, error.code, error.rawMessage]).toEqual([name, Code.Unauthenticated, 'the tokens of this call are not valid']);
    }
    expect(calls).toBe(0);
    expect(await started.as(delivery).load(['a'])).toEqual(['a']);
  });

  it('does not show what went wrong inside, and logs it', async () => {
    const started = await start({
      load: () => Promise.reject(Object.assign(new Error('password=hunter2 at 10.0.0.7'), { detail: 'hunter2' })),
      findPost: () => Promise.reject(Object.assign(new Error('terminating connection of hunter2'), { code: '57P01' })),
    });
    const caller = started.as(started.tokens.issuers.delivery);
    const ann = await createUser(started);
    const internal = await caller.load([]).catch((error: ConnectError) => error);
    const away = await caller.conversations.findPost(post, onBehalfOf(ann)).catch((error: ConnectError) => error);
    expect([internal, away].map((error) => (error as ConnectError).code)).toEqual([Code.Internal, Code.Unavailable]);
    for (const error of [internal, away] as ConnectError[]) {
      expect(`${error.message} ${JSON.stringify([...error.metadata.entries()])} ${JSON.stringify(error.details)}`).not.toMatch(
        /hunter2|password|10\.0\.0\.7/,
      );
      expect(isUnavailable(error)).toBe(true);
    }
    expect(started.log.text()).toContain('hunter2');
    expect(started.log.entries().map((entry) => entry['method'])).toEqual(['LoadParticipations', 'FindPost']);
  });

  it('shows errors that are meant for the caller', async () => {
    const started = await start({ load: () => Promise.reject(new ConnectError('at most 3', Code.InvalidArgument)) });
    const error = await started
      .as(started.tokens.issuers.delivery)
      .load([])
      .catch((thrown: ConnectError) => thrown);
    expect(error).toMatchObject({ code: Code.InvalidArgument, rawMessage: 'at most 3' });
    expect(isUnavailable(error)).toBe(false);
    expect(started.log.entries()).toEqual([]);
  });

  it('ends after its time, for the caller and for the callee', async () => {
    let ended: unknown;
    const started = await start({
      load: (_users, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            ended = signal.reason;
            resolve([]);
          });
        }),
    });
    expect(await codeOf(started.as(started.tokens.issuers.delivery).load([], { timeoutMs: 100 }))).toBe(Code.DeadlineExceeded);
    await waitFor(() => ended);
  });

  it('of a method that the callee does not have is unimplemented', async () => {
    const started = await start({});
    expect(
      await codeOf(started.as(started.tokens.issuers.delivery).conversations.loadParticipation({ conversation: 'c', user: 'u' })),
    ).toBe(Code.Unimplemented);
  });
});

describe('a server of calls', () => {
  it('ends what is under way, takes nothing more, and is gone', async () => {
    let finish: (() => void) | undefined;
    const serve = WAYS['over the network'];
    const callee = await serve?.(
      routesOf({
        load: (users) =>
          new Promise((resolve) => {
            finish = () => resolve(users);
          }),
      }),
    );
    if (!callee) return expect.fail('there is no such way');
    const caller = callee.as(callee.tokens.issuers.delivery);
    const underWay = caller.load(['a']);
    await waitFor(() => finish);
    const closing = callee.close();
    const late = callee.as(callee.tokens.issuers.delivery).load(['b']);
    expect(await codeOf(late)).toBe(Code.Unavailable);
    finish?.();
    expect(await underWay).toEqual(['a']);
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
