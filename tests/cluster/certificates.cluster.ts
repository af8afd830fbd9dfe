import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import type { IssuedTokensReply } from '@starling/contracts/http';
import { SERVICE_NAMES } from '@starling/contracts/services';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, logIn, openSocket, readCursor, refresh } from '../e2e/program.ts';
import { type SteadyLoad, startSteadyLoad } from '../e2e/steady-load.ts';
import { readSecret } from './support/database.ts';
import { nameOf, readyPods } from './support/delivery-pods.ts';
import { codesOf, createNamespace, deleteNamespace, waitUntil } from './support/index.ts';
import { makeAccount } from './support/person.ts';
import { bringUp, ensureOperator, NAME, urlOf } from './support/small-cluster.ts';
import { Talk } from './support/talk.ts';
import { throughTunnel } from './support/tunnel.ts';

/** The shortest that there are. */
const LIVES = { leafMinutes: 3, authorityMinutes: 6 };
const COMPONENTS = [...SERVICE_NAMES, 'postgres', 'redpanda'];
const PEOPLE = { people: 4, groups: 4 };
const POSTS_PER_SECOND = 25;
const REQUESTS_PER_SECOND = 10;
/** A whole rotation of the authority, with the time that Secrets take to reach pods between its steps. */
const ROTATED_MS = 960_000;
const SERVED_MS = 180_000;
const RPC_PORT = 9443;

describe('certificates that live for minutes', () => {
  let namespace: string;
  let url: string;
  let talk: Talk;
  let tokens: IssuedTokensReply;
  let firstAuthority: string;

  beforeAll(async () => {
    await ensureOperator();
    namespace = await createNamespace('certificates');
    url = urlOf(namespace);
    await bringUp(namespace, { certificates: LIVES });
    const findCode = codesOf(namespace, NAME);
    talk = await Talk.begin(url, findCode, PEOPLE);
    tokens = await logIn(url, await makeAccount(url, 'Asker', findCode));
    firstAuthority = fingerprintsOf((await readSecret(namespace, `${NAME}-web-tls`))['ca.crt'])[0] ?? expect.fail('no authority');
  }, 600_000);
  afterAll(async () => {
    talk?.stop();
    await deleteNamespace(namespace);
  });

  async function expectAnswer(expected: number, answering: Promise<Response>): Promise<void> {
    const answer = await answering;
    const text = await answer.text();
    if (answer.status !== expected) throw new Error(`${new URL(answer.url).pathname} was answered ${answer.status}: ${text}`);
  }

  /** Every service is asked, and each way from one to another is taken: by HTTP, by RPC, to the database and the brokers. */
  const askers: ((number: number) => Promise<void>)[] = [
    () => expectAnswer(200, call(url, 'GET', '/v1/users?search=person', tokens)),
    () => expectAnswer(200, call(url, 'GET', '/v1/snapshot', tokens)),
    () => expectAnswer(200, call(url, 'GET', '/v1/sessions', tokens)),
    (number) => expectAnswer(200, call(url, 'PATCH', '/v1/users/me', { ...tokens, body: { name: `Asker ${number}` } })),
    async () => {
      const [person = expect.fail('nobody')] = talk.people;
      await expectAnswer(200, call(url, 'PUT', `/v1/conversations/private/${person.id}`, tokens));
    },
    async () => {
      const [person = expect.fail('nobody')] = talk.people;
      const reply = await call(url, 'PUT', `/v1/conversations/private/${person.id}`, tokens);
      const { id } = (await reply.json()) as { id: string };
      await expectAnswer(201, call(url, 'POST', `/v1/conversations/${id}/messages`, { ...tokens, body: { client: v7(), body: 'asked' } }));
    },
    async () => {
      const reply = await refresh(url, tokens.refreshToken);
      if (reply.status !== 200) throw new Error(`the refresh was answered ${reply.status}: ${await reply.text()}`);
      tokens = (await reply.json()) as IssuedTokensReply;
    },
    async () => {
      const socket = await openSocket(url, tokens.token, await readCursor(url, tokens.token));
      socket.terminate();
    },
  ];

  it('are replaced with their authority under load: no request fails, and no socket closes', async () => {
    const since = performance.now();
    talk.start(POSTS_PER_SECOND);
    const asking: SteadyLoad = startSteadyLoad({
      perSecond: REQUESTS_PER_SECOND,
      // One after another: the refresh token changes hands.
      atOnce: 1,
      act: (number) => askers[number % askers.length]?.(number) ?? expect.fail('no asker'),
    });
    const leaves = new Map(COMPONENTS.map((component) => [component, new Set<string>()]));
    const authorities = new Set<string>();
    try {
      await waitUntil('the authority to be another, and the first one to be forgotten', ROTATED_MS, async () => {
        const bundles = await Promise.all(
          COMPONENTS.map(async (component) => {
            const { 'tls.crt': leaf, 'ca.crt': bundle } = await readSecret(namespace, `${NAME}-${component}-tls`);
            for (const print of fingerprintsOf(leaf)) leaves.get(component)?.add(print);
            return fingerprintsOf(bundle);
          }),
        );
        for (const print of bundles.flat()) authorities.add(print);
        if (asking.failures.length > 0) return true;
        return bundles.every((bundle) => !bundle.includes(firstAuthority));
      });
      // What is in the Secrets is what the pods serve, a moment later.
      await waitUntil('every pod to serve a certificate of the new authority', SERVED_MS, async () => {
        const [bundle = ''] = [(await readSecret(namespace, `${NAME}-web-tls`))['ca.crt']];
        const served = await Promise.all(SERVICE_NAMES.map((service) => servedBy(namespace, service)));
        return served.every((certificate) => authoritiesOf(bundle).some((authority) => certificate.verify(authority.publicKey)));
      });
    } finally {
      await asking.stop();
    }
    const { posts, sockets, closes } = await talk.endSound();
    const seconds = (performance.now() - since) / 1000;
    const counts = [...leaves].map(([component, prints]) => `${component} ${prints.size}`).join(', ');
    console.log(
      `${seconds.toFixed(0)} s: ${authorities.size} authorities, leaves: ${counts}; ${asking.done} requests, ${posts} posts sound over ${sockets} sockets`,
    );
    expect(asking.failures).toEqual([]);
    expect(asking.done).toBeGreaterThan(seconds);
    expect(closes).toEqual([]);
    expect(sockets).toBe(PEOPLE.people);
    expect(talk.people.flatMap(({ attendance }) => attendance.absences)).toEqual([]);
    expect(authorities.size).toBeGreaterThan(1);
    for (const prints of leaves.values()) expect(prints.size).toBeGreaterThan(2);
  }, 1_500_000);
});

function authoritiesOf(bundle = ''): X509Certificate[] {
  return (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((pem) => new X509Certificate(pem));
}

function fingerprintsOf(bundle: string | undefined): string[] {
  return authoritiesOf(bundle).map(({ fingerprint256 }) => fingerprint256);
}

/** The certificate that a pod of the service shows to whoever calls. */
async function servedBy(namespace: string, service: string): Promise<X509Certificate> {
  const [pod = expect.fail(`no pod of ${service}`)] = await readyPods(namespace, service);
  return throughTunnel(
    namespace,
    nameOf(pod),
    RPC_PORT,
    (port) =>
      new Promise((resolve, reject) => {
        // Whoever only looks has no certificate of their own, and is sent away after this.
        const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
        socket.once('secureConnect', () => {
          const certificate = socket.getPeerX509Certificate();
          socket.destroy();
          if (certificate) resolve(certificate);
          else reject(new Error(`${service} showed no certificate`));
        });
        socket.once('error', reject);
      }),
  );
}
