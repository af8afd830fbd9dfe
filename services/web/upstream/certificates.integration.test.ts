import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttpServer, type ProblemError } from '@starling/platform/http';
import { createLogger } from '@starling/platform/telemetry';
import { type Certificates, openCertificates } from '@starling/platform/tls';
import { type Authority, makeAuthority } from '@starling/testing/certificates';
import { waitFor } from '@starling/testing/wait-for';
import { expect, onTestFinished, test } from 'vitest';
import { createNetworkUpstream } from './index.ts';

const logger = createLogger({ service: 'test', level: 'silent' });

interface Held extends Certificates {
  replace(ca: string, leaf: { cert: string; key: string }): Promise<void>;
}

async function hold(ca: string, leaf: { cert: string; key: string }): Promise<Held> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-upstream-'));
  const [authorities, certificate, key] = ['ca', 'cert', 'key'].map((name) => join(folder, name)) as [string, string, string];
  const write = async (bundle: string, issued: { cert: string; key: string }) => {
    await Promise.all([writeFile(authorities, bundle), writeFile(certificate, issued.cert), writeFile(key, issued.key)]);
  };
  await write(ca, leaf);
  const certificates = await openCertificates({ authorities, certificate, key, logger });
  onTestFinished(async () => {
    certificates.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    ...certificates,
    async replace(bundle, issued) {
      await write(bundle, issued);
      await certificates.look();
    },
  };
}

const leafOf = (authority: Authority, host: string) =>
  authority.issue(host === '127.0.0.1' ? [{ type: 'ip', value: host }] : [{ type: 'dns', value: host }]);

async function serve(certificates: Certificates): Promise<string> {
  const app = createHttpServer({ logger, tls: certificates.serverOptions() });
  certificates.follow(app.server as unknown as Server);
  app.post('/v1/things', async (request) => request.body);
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  return `https://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

function createUpstream(origin: string, certificates: Certificates) {
  const upstream = createNetworkUpstream({ user: origin, conversation: origin, delivery: origin }, certificates);
  onTestFinished(() => upstream.close());
  const send = async () => {
    const body = Buffer.from('{"a":1}');
    const answer = await upstream.forward('user', {
      method: 'POST',
      url: '/v1/things',
      headers: { 'content-type': 'application/json' },
      body,
    });
    return `${answer.status} ${answer.body}`;
  };
  return { upstream, send };
}

test('loses no request while the certificates on both sides and their authority are replaced', async () => {
  const [first, next] = await Promise.all([makeAuthority('the first'), makeAuthority('the next')]);
  const server = await hold(first.ca, await leafOf(first, '127.0.0.1'));
  const client = await hold(first.ca, await leafOf(first, 'web.test'));
  const { send } = createUpstream(await serve(server), client);
  const failures: unknown[] = [];
  let answered = 0;
  let ended = false;
  const work = async () => {
    while (!ended)
      await send().then(
        (answer) => (answer === '200 {"a":1}' ? answered++ : failures.push(answer)),
        (error: unknown) => failures.push(error),
      );
  };
  const working = [work(), work(), work()];
  const both = `${first.ca}\n${next.ca}`;
  for (const [bundle, issuer] of [
    [first.ca, first],
    [both, first],
    [both, next],
    [next.ca, next],
  ] as const)
    for (const [side, host] of [
      [server, '127.0.0.1'],
      [client, 'web.test'],
    ] as const) {
      await side.replace(bundle, await leafOf(issuer, host));
      const before = answered;
      await waitFor(() => failures.length > 0 || answered > before + 20);
    }
  // A new connection, of which the old authority would know nothing.
  const again = createUpstream(await serve(server), client);
  expect(await again.send()).toBe('200 {"a":1}');
  ended = true;
  await Promise.all(working);
  expect(failures).toEqual([]);
});

test('sends nothing to whoever is not whom the origin names, and gets nothing from whoever does not know it', async () => {
  const [authority, other] = await Promise.all([makeAuthority('ours'), makeAuthority('another')]);
  const client = await hold(authority.ca, await leafOf(authority, 'web.test'));
  const problem = async (origin: string, certificates: Certificates, method = 'GET') =>
    createUpstream(origin, certificates)
      .upstream.forward('user', { method, url: '/v1/things', headers: {}, body: undefined })
      .then(
        ({ status }) => status,
        (error: ProblemError) => error.problemName,
      );
  const origin = await serve(await hold(authority.ca, await leafOf(authority, '127.0.0.1')));
  expect(await problem(origin, client)).toBe(404);
  const elsewhere = await serve(await hold(authority.ca, await leafOf(authority, 'user.test')));
  expect(await problem(elsewhere, client)).toBe('unavailable');
  expect(await problem(elsewhere, client, 'POST')).toBe('unavailable');
  const stranger = await hold(`${authority.ca}\n${other.ca}`, await leafOf(other, 'web.test'));
  expect(await problem(origin, stranger)).toBe('unavailable');
});
