import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { IssuedTokensReply } from '@starling/contracts/http';
import type { Cursor } from '@starling/contracts/log';
import { SERVICE_NAMES, type ServiceName } from '@starling/contracts/services';
import type { ProcessConfig } from '@starling/platform/process';
import { createLogger } from '@starling/platform/telemetry';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { type Authority, makeAuthority } from '@starling/testing/certificates';
import { createTestDatabase, type TestDatabase } from '@starling/testing/database';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { readOptions } from '../../processes/options.ts';
import { findPort } from '../../processes/ports.ts';
import { setUp } from '../../processes/set-up.ts';
import { call, logIn, makeAccount, openSocket, readCursor } from './program.ts';
import { startSteadyLoad } from './steady-load.ts';

const POLL_MS = 200;
const DRAIN_SECONDS = 3;
/** An address of this machine for each service, as a cluster has a name for each: certificates tell them apart. */
const HOSTS = {
  ...(Object.fromEntries(SERVICE_NAMES.map((name, index) => [name, `127.0.0.${index + 11}`])) as Record<ServiceName, string>),
  // People come to it by the name of localhost.
  web: '127.0.0.1',
};

interface Leaf {
  cert: string;
  key: string;
}

await describeWithOwnBrokers('services that prove themselves by certificates', { count: 1 }, (brokers) => {
  let folder: string;
  let database: TestDatabase;
  let authority: Authority;
  let configs: Record<ServiceName, ProcessConfig>;
  const children = new Map<ServiceName, ChildProcess>();
  let output = '';

  beforeAll(async () => {
    [folder, database, authority] = await Promise.all([
      mkdtemp(join(tmpdir(), 'starling-mutual-')),
      createTestDatabase(),
      makeAuthority('of the installation'),
    ]);
    const options = readOptions(['--kafka', brokers.brokers.join(','), '--postgres', database.url, '--data', folder, '--delivery', '1']);
    if (options === 'help') throw new Error('these are no options');
    const plans = await setUp(options, {
      logger: createLogger({ service: 'test', level: 'fatal' }),
      say: () => {},
      ports: () => findPort('127.0.0.1'),
      deliveryUrl: 'https://to-be.set',
    });
    const ports = new Map(plans.map((plan) => [plan.service, plan.ports]));
    const peers = Object.fromEntries(
      SERVICE_NAMES.map((name) => [
        name,
        { http: `https://${HOSTS[name]}:${ports.get(name)?.http}`, rpc: `https://${HOSTS[name]}:${ports.get(name)?.rpc}` },
      ]),
    ) as ProcessConfig['peers'];
    const written = await Promise.all(
      plans.map(async ({ service, configFile }) => {
        const config = JSON.parse(await readFile(configFile, 'utf8')) as ProcessConfig;
        Object.assign(config, { host: HOSTS[service], peers, tls: { ...tlsOf(service), pollMs: POLL_MS } });
        if (service === 'web' || service === 'delivery') config.ports.ingress = await findPort(HOSTS[service]);
        if (service === 'delivery') (config.service as { drainSeconds: number }).drainSeconds = DRAIN_SECONDS;
        await writeFile(configFile, JSON.stringify(config));
        await give(service, authority.ca, await issue(service));
        return [service, config] as const;
      }),
    );
    configs = Object.fromEntries(written) as Record<ServiceName, ProcessConfig>;
    for (const { service, configFile } of plans) {
      const main = fileURLToPath(new URL(`../../services/${service}/main.ts`, import.meta.url));
      const child = spawn(process.execPath, [main, '--config', configFile], { stdio: ['ignore', 'pipe', 'pipe'] });
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      children.set(service, child);
    }
    await waitFor(async () => (await Promise.all(SERVICE_NAMES.map(isReady))).every(Boolean), {
      deadline: 60_000,
      describe: 'the services to be ready',
    });
  }, 180_000);
  afterAll(async () => {
    const ends = [...children.values()].map((child) => (child.exitCode === null ? once(child, 'exit') : undefined));
    for (const child of children.values()) child.kill('SIGTERM');
    await Promise.all(ends);
    await database?.drop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  function tlsOf(service: ServiceName): { authorities: string; certificate: string; key: string } {
    const file = (name: string) => join(folder, `${service}.${name}`);
    return { authorities: file('ca.crt'), certificate: file('tls.crt'), key: file('tls.key') };
  }
  const issue = (service: ServiceName, by = authority) => by.issue([{ type: 'ip', value: HOSTS[service] }]);
  async function give(service: ServiceName, ca: string, leaf: Leaf): Promise<void> {
    const files = tlsOf(service);
    await writeFile(files.authorities, ca);
    await writeFile(files.certificate, leaf.cert);
    await writeFile(files.key, leaf.key);
  }
  const isReady = async (service: ServiceName) =>
    (await fetch(`http://${HOSTS[service]}:${configs[service].ports.side}/readyz`).catch(() => undefined))?.status === 200;
  const ingressOf = (service: 'web' | 'delivery') =>
    `http://${service === 'web' ? 'localhost' : HOSTS[service]}:${configs[service].ports.ingress}`;

  /** The fingerprint of what a service shows; `undefined`: whoever shows this is not let in. */
  async function shownBy(service: ServiceName, port: 'http' | 'rpc', ca: string, own: Partial<Leaf>): Promise<string | undefined> {
    const socket = connect({ host: HOSTS[service], port: configs[service].ports[port], ca, ...own, ALPNProtocols: ['h2', 'http/1.1'] });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    const refused = new Promise<undefined>((resolve) => socket.on('close', () => resolve(undefined)));
    const shown = once(socket, 'secureConnect').then(async () => {
      const fingerprint = socket.getPeerX509Certificate()?.fingerprint;
      // In TLS 1.3 a client is done before the server has looked at its certificate; the answer comes after that.
      socket.write(port === 'rpc' ? 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' : 'GET /v1/nowhere HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'data');
      return fingerprint;
    });
    return Promise.race([refused, shown.catch(() => undefined)]);
  }

  it('let nobody in at any port between them without a certificate of theirs', async () => {
    const other = await makeAuthority('another one');
    const own = await issue('web');
    for (const service of SERVICE_NAMES)
      for (const port of ['http', 'rpc'] as const) {
        // Those without RPC do not listen there.
        if (port === 'rpc' && (service === 'web' || service === 'delivery' || service === 'user')) continue;
        const shown = await Promise.all([own, {}, await issue('web', other)].map((leaf) => shownBy(service, port, authority.ca, leaf)));
        expect([service, port, shown.map(Boolean)]).toEqual([service, port, [true, false, false]]);
      }
  });

  it('and lose no request, call or socket while leaves and authority are replaced', { timeout: 180_000 }, async () => {
    const url = ingressOf('web');
    const [ann, bob] = [await makeAccount(url, 'Ann'), await makeAccount(url, 'Bob')];
    const holder: IssuedTokensReply = await logIn(url, ann);
    const { token } = holder;
    const group = await waitFor(async () => {
      const body = { name: 'Certificates', participants: [bob.user] };
      const reply = await call(url, 'POST', '/v1/conversations', { token, body, headers: { 'idempotency-key': v7() } });
      return reply.status === 201 && ((await reply.json()) as { id: string }).id;
    });
    const cursor: Cursor = await readCursor(url, token);
    const socket = await openSocket(ingressOf('delivery'), token, cursor);
    onTestFinished(() => socket.terminate());

    const expectStatus = async (expected: number, answering: Promise<Response>) => {
      const reply = await answering;
      const text = await reply.text();
      if (reply.status !== expected) throw new Error(`${reply.status}: ${text}`);
    };
    const message = () => ({ client: v7(), body: 'again' });
    const next = await makeAuthority('the next one');
    const both = `${authority.ca}\n${next.ca}`;
    const loads = {
      // web → delivery by HTTP, delivery → conversation by gRPC at times.
      posts: startSteadyLoad({
        perSecond: 20,
        atOnce: 4,
        act: () => expectStatus(201, call(url, 'POST', `/v1/conversations/${group}/messages`, { token, body: message() })),
      }),
      // web → conversation by HTTP.
      reads: startSteadyLoad({ perSecond: 20, atOnce: 4, act: () => expectStatus(200, call(url, 'GET', '/v1/snapshot', { token })) }),
      // web → identity by gRPC.
      sessions: startSteadyLoad({
        perSecond: 10,
        atOnce: 2,
        act: () => expectStatus(200, call(url, 'GET', '/v1/sessions', { token })),
      }),
      sends: startSteadyLoad({
        perSecond: 20,
        atOnce: 4,
        act: async () => {
          const answer = await socket.post(group, 'again');
          if (answer !== 'ack') throw new Error(answer);
        },
      }),
    };
    const all = Object.values(loads);
    const failures = () => all.flatMap((load) => load.failures);
    const progress = async () => {
      const before = all.map(({ done }) => done);
      await waitFor(() => failures().length > 0 || all.every(({ done }, index) => done > (before[index] ?? 0) + 5), { deadline: 30_000 });
    };
    /** Resolves when every service shows what it was given. */
    const replaceAll = async (ca: string, leafOfAll: (service: ServiceName) => Promise<Leaf>) => {
      for (const service of SERVICE_NAMES) {
        const leaf = await leafOfAll(service);
        await give(service, ca, leaf);
        const { fingerprint } = new X509Certificate(leaf.cert);
        await waitFor(async () => (await shownBy(service, 'http', both, leaf)) === fingerprint, { deadline: 10_000 });
        await progress();
      }
    };
    await progress();
    await replaceAll(authority.ca, (service) => issue(service));
    await replaceAll(both, (service) => issue(service));
    await replaceAll(both, (service) => issue(service, next));
    await replaceAll(next.ca, (service) => issue(service, next));
    await Promise.all(all.map((load) => load.stop()));
    expect(failures()).toEqual([]);
    expect(socket.closed).toBeUndefined();
    // The old authority is nobody any more.
    const old = await issue('web');
    for (const service of SERVICE_NAMES) expect(await shownBy(service, 'http', both, old)).toBeUndefined();
    // A service may have looked while its files were being written, and then keeps what it had.
    const expected = /"certificates that have changed cannot be used; those from before stay"/;
    expect(output.split('\n').filter((line) => /"level":(50|60)/.test(line) && !expected.test(line))).toEqual([]);
  });

  it('and say what is wrong when the certificates are not there, or peers are to be reached without', async () => {
    const refusalOf = async (changes: Partial<ProcessConfig>) => {
      const config = join(folder, 'refused.json');
      await writeFile(config, JSON.stringify({ ...configs.user, ...changes }));
      const main = fileURLToPath(new URL('../../services/user/main.ts', import.meta.url));
      const child = spawn(process.execPath, [main, '--config', config], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      await once(child, 'close');
      expect(child.exitCode).toBe(1);
      return text
        .split('\n')
        .filter((line) => line.includes('"level":60'))
        .map((line) => (JSON.parse(line) as { msg: string }).msg);
    };
    const { peers, tls } = configs.user;
    expect(await refusalOf({ peers: { ...peers, web: { ...peers.web, http: 'http://127.0.0.1:1' } } })).toEqual([
      'peers.web.http must be an https:// URL, since there is tls',
    ]);
    expect(await refusalOf({ ...(tls && { tls: { ...tls, key: tlsOf('web').key } }) })).toEqual([
      expect.stringMatching(/^the files of tls \(.*\) cannot be used: the private key is not that of the certificate$/),
    ]);
  });

  it('and that drain when they are told to end: unready at once, the others still served, and then gone', { timeout: 60_000 }, async () => {
    const url = ingressOf('web');
    const ann = await makeAccount(url, 'Ann');
    const { token } = await logIn(url, ann);
    const socket = await openSocket(ingressOf('delivery'), token, await readCursor(url, token));
    onTestFinished(() => socket.terminate());
    const child = children.get('delivery') as ChildProcess;
    const ended = once(child, 'exit');
    const began = performance.now();
    child.kill('SIGTERM');
    const readiness = async () => {
      const answer = await fetch(`http://${HOSTS.delivery}:${configs.delivery.ports.side}/readyz`);
      return [answer.status, await answer.text()];
    };
    await waitFor(async () => (await readiness())[0] === 503);
    expect((await readiness())[1]).toContain('stopping');
    expect((await fetch(`${ingressOf('delivery')}/v1/nowhere`)).status).toBe(401);
    await waitFor(() => socket.closed !== undefined, { deadline: DRAIN_SECONDS * 1_000 + 5_000 });
    expect(socket.closed).toBe(1012);
    expect(await ended).toEqual([0, null]);
    expect(performance.now() - began).toBeLessThan(DRAIN_SECONDS * 1_000 + 10_000);
  });
});
