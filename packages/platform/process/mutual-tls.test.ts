import { once } from 'node:events';
import { get as getPlain, request as requestPlain } from 'node:http';
import { Agent, request, type Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { ConversationService } from '@starling/contracts/rpc';
import { waitFor } from '@starling/testing/wait-for';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { callingUser, createHttpServer, HOP_HEADER, openIngress, requireUserCaller } from '../http/index.ts';
import { createMetrics } from '../metrics/index.ts';
import { createNetworkTransport, serveRpc } from '../rpc/index.ts';
import { createTestLogger } from '../telemetry/test-logger.ts';
import type { CertificateSet } from '../tls/certificate-set.ts';
import type { Certificates } from '../tls/index.ts';
import { type Authority, type HeldFiles, holdFiles, issueSet, makeAuthority } from '../tls/test-certificates.ts';
import { createTestTokens, type TestTokens } from '../tokens/test-tokens.ts';

type Name = 'web' | 'delivery' | 'conversation';

let authority: Authority;
let tokens: TestTokens;
let held: Record<Name, HeldFiles>;
let addresses: { http: number; rpc: number; ingress: number };

beforeAll(async () => {
  authority = await makeAuthority('the authority');
});

/** What `conversation` listens on in a cluster: HTTP and gRPC by certificates, and the same HTTP for an ingress. */
beforeEach(async () => {
  tokens = await createTestTokens();
  const { logger } = createTestLogger();
  const open = async (...hosts: string[]) => holdFiles(await issueSet(authority, ...hosts));
  held = {
    web: await open('web.test'),
    delivery: await open('delivery.test'),
    conversation: await open('conversation.test', '127.0.0.1'),
  };
  const { certificates } = held.conversation;
  const gate = tokens.gateOf('conversation', (service) => `${service}.test`);
  const app = createHttpServer({ logger, tls: certificates.serverOptions() });
  certificates.follow(app.server as unknown as Server);
  app.get('/open', async () => 'open');
  app.register((scope, _options, done) => {
    requireUserCaller(scope, gate);
    scope.get('/who', { config: { right: 'profiles.use' } }, async (call) => callingUser(call).user);
    done();
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const ingress = await openIngress(app, {
    host: '127.0.0.1',
    port: 0,
    upgrade(_request, stream) {
      stream.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      stream.pipe(stream);
    },
  });
  const rpc = await serveRpc({
    host: '127.0.0.1',
    port: 0,
    gate,
    logger,
    metrics: createMetrics().of('conversation'),
    certificates,
    routes: (router) =>
      router.service(ConversationService, {
        loadParticipations: ({ users }) => ({ at: [], participations: users.map((user) => ({ user })) }),
      }),
  });
  addresses = { http: (app.server.address() as AddressInfo).port, rpc: rpc.port, ingress: ingress.port };
  onTestFinished(async () => {
    await Promise.all([ingress.close(), app.close(), rpc.close()]);
  });
});

async function headersFor(user: string): Promise<Record<string, string>> {
  const { token } = await tokens.issuers.identity.minter.mintUserToken({ user, session: 's', role: 'member', scope: 'api' });
  const hop = await tokens.issuers.web.minter.mintHopToken('conversation', { user, session: 's', token });
  return { authorization: `Bearer ${token}`, [HOP_HEADER]: hop };
}

/** Asks `conversation` by the certificate of a service, or without any. */
async function ask(path: string, as: Name | undefined, options: { headers?: Record<string, string>; agent?: Agent } = {}): Promise<string> {
  const { ca, cert, key } = held[as ?? 'web'].certificates.current();
  const agent = options.agent ?? new Agent({ maxCachedSessions: 0 });
  const own = as && { cert, key };
  const asked = request({ host: '127.0.0.1', port: addresses.http, path, ca, ...own, ...options, agent });
  asked.end();
  const [answer] = await once(asked, 'response');
  let text = `${answer.statusCode} `;
  for await (const chunk of answer) text += chunk;
  return text.slice(0, 20).split('{')[0] ?? '';
}

/** Knows whom to believe, and has nothing to show. */
function withoutOwn(certificates: Certificates): Certificates {
  return { ...certificates, current: () => ({ ca: certificates.current().ca }) as CertificateSet };
}

function caller(as: Name | undefined, { mints = 'delivery', host = '127.0.0.1' }: { mints?: 'delivery' | 'web'; host?: string } = {}) {
  const transport = createNetworkTransport({
    callee: 'conversation',
    baseUrl: `https://${host}:${addresses.rpc}`,
    minter: tokens.issuers[mints].minter,
    certificates: as ? held[as].certificates : withoutOwn(held.delivery.certificates),
  });
  const client = createClient(ConversationService, transport);
  return async (user: string) => (await client.loadParticipations({ users: [user] })).participations.map((each) => each.user).join();
}

const NOT_LET_IN = /^(Internal|Unavailable)$/;
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'answered',
    (error: unknown) => Code[ConnectError.from(error).code],
  );

describe('a service that proves itself and its callers by certificates', () => {
  it('answers a service by HTTP and gRPC', async () => {
    expect(await ask('/who', 'web', { headers: await headersFor('ann') })).toBe('200 ann');
    expect(await caller('delivery')('ann')).toBe('ann');
  });

  it('answers nobody without a certificate', async () => {
    await expect(ask('/open', undefined)).rejects.toThrow(/certificate required|ECONNRESET|hang up/);
    expect(await codeOf(caller(undefined)('ann'))).toMatch(NOT_LET_IN);
    await expect(once(getPlain({ host: '127.0.0.1', port: addresses.http, path: '/open' }), 'response')).rejects.toThrow();
  });

  it('refuses the tokens of a service to whoever has the certificate of another', async () => {
    expect(await ask('/who', 'delivery', { headers: await headersFor('ann') })).toBe('401 ');
    expect(await codeOf(caller('web')('ann'))).toBe('Unauthenticated');
  });

  it('is not called by a service that finds another name there', async () => {
    held.conversation.certificates.close();
    await held.conversation.replace(await issueSet(authority, 'conversation.test'));
    expect(await codeOf(caller('delivery')('ann'))).toMatch(NOT_LET_IN);
    await expect(ask('/open', 'web')).rejects.toThrow(/does not match certificate's altnames/);
  });
});

describe('the ingress of a service', () => {
  const askIngress = async (path: string, headers: Record<string, string> = {}) => {
    const [answer] = await once(getPlain({ host: '127.0.0.1', port: addresses.ingress, path, headers, agent: false }), 'response');
    answer.resume();
    return answer.statusCode;
  };

  it('has the same routes, but none for services', async () => {
    expect(await askIngress('/open')).toBe(200);
    expect(await askIngress('/nowhere')).toBe(404);
    expect(await askIngress('/who', await headersFor('ann'))).toBe(401);
  });

  it('hands sockets over, and answers what is no HTTP', async () => {
    const asked = requestPlain({
      host: '127.0.0.1',
      port: addresses.ingress,
      headers: { connection: 'Upgrade', upgrade: 'echo' },
    }).end();
    const [, socket] = await once(asked, 'upgrade');
    socket.write('hello');
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    socket.destroy();
    const broken = connect(addresses.ingress, '127.0.0.1');
    broken.write('nonsense\r\n\r\n');
    expect(String((await once(broken, 'data'))[0])).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json/s);
    broken.destroy();
  });
});

it('loses no call, request or socket while certificates and authority are replaced', { timeout: 60_000 }, async () => {
  const asked = requestPlain({ host: '127.0.0.1', port: addresses.ingress, headers: { connection: 'Upgrade', upgrade: 'echo' } }).end();
  const [, socket] = await once(asked, 'upgrade');
  const keepAlive = new Agent({ keepAlive: true, maxSockets: 1 });
  const steady = caller('delivery');
  const headers = await headersFor('ann');
  const counts = { calls: 0, requests: 0 };
  const failures: unknown[] = [];
  let ended = false;
  const work = async (what: keyof typeof counts, once: () => Promise<string>, expected: string) => {
    while (!ended)
      await once().then(
        (answer) => (answer === expected ? counts[what]++ : failures.push(answer)),
        (error: unknown) => failures.push(error),
      );
  };
  const working = [
    work('calls', () => steady('ann'), 'ann'),
    work('calls', () => caller('delivery')('ann'), 'ann'),
    work('requests', () => ask('/who', 'web', { headers, agent: keepAlive }), '200 ann'),
    work('requests', () => ask('/who', 'web', { headers }), '200 ann'),
  ];
  const progress = async () => {
    const { calls, requests } = counts;
    await waitFor(() => failures.length > 0 || (counts.calls > calls + 20 && counts.requests > requests + 20));
  };
  const hosts: Record<Name, string[]> = {
    web: ['web.test'],
    delivery: ['delivery.test'],
    conversation: ['conversation.test', '127.0.0.1'],
  };
  const names = Object.keys(hosts) as Name[];
  const next = await makeAuthority('the next authority');
  // One after the other, as the files reach the pods: new leaves, both authorities, leaves of the next one, it alone.
  const step = async (change: (name: Name) => Promise<Parameters<HeldFiles['replace']>[0]>) => {
    for (const name of names) {
      await held[name].replace(await change(name));
      await progress();
    }
  };
  const both = `${authority.ca}\n${next.ca}`;
  await step((name) => issueSet(authority, ...hosts[name]));
  await step(async () => ({ ca: both }));
  await step(async (name) => ({ ...(await issueSet(next, ...hosts[name])), ca: both }));
  await step(async () => ({ ca: next.ca }));
  ended = true;
  await Promise.all(working);
  expect(failures).toEqual([]);
  socket.write('still there');
  expect(String((await once(socket, 'data'))[0])).toBe('still there');
  socket.destroy();
  keepAlive.destroy();
});
