import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { FakeClock } from '@starling/testing/clock';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Authorities, advanceAuthorities, bundleOf, livesOf, PROJECTION_MS, signerOf } from './authorities.ts';
import { readCertificate } from './certificate.ts';
import { CERTIFIED, type Certificates, type HeldCertificates, issueCertificates, leafSecrets } from './certificates.ts';
import { issueAuthority } from './issue-certificate.ts';

const MINUTE = 60_000;
const LIVES = livesOf({ leafMinutes: 3, authorityMinutes: 6 });
type Files = HeldCertificates[keyof HeldCertificates];

let clock: FakeClock;
let state: Authorities | undefined;
let secrets: HeldCertificates;
/** What each pod has read: each kubelet brings a Secret's state to its pods some time after it was written. */
let history: { at: number; secrets: HeldCertificates }[];

beforeEach(() => {
  clock = new FakeClock();
  state = undefined;
  secrets = {};
  history = [];
});

/** As a pass of the operator: the authorities' state is written, then the Secrets. */
async function pass(): Promise<Certificates> {
  const now = clock.now();
  state = await advanceAuthorities(state, {
    secrets: leafSecrets(secrets),
    now,
    lives: LIVES,
    issue: () => issueAuthority({ cluster: 'chat', now, lifeMs: LIVES.authorityMs }),
  });
  const certificates = await issueCertificates(secrets, { name: 'chat', namespace: 'team', authorities: state, now, lives: LIVES });
  secrets = certificates.files;
  history.push({ at: now, secrets });
  return certificates;
}

/** What a pod has whose kubelet is that late. */
function projected(lateMs: number): HeldCertificates {
  return history.findLast(({ at }) => at <= clock.now() - lateMs)?.secrets ?? (history[0]?.secrets as HeldCertificates);
}

/** Why a client with these files would not take a server with those; undefined: it takes it. By the facts that TLS checks. */
function fault(client: Files, server: Files): string | undefined {
  const leaf = readCertificate(server?.certificate ?? '');
  const now = clock.now();
  if (!leaf || !client) return 'there is no certificate';
  if (now >= leaf.notAfter) return 'the leaf has ended';
  const authorities = (client.authorities.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).flatMap(
    (pem) => readCertificate(pem) ?? [],
  );
  const issuer = authorities.find(({ x509 }) => leaf.x509.checkIssued(x509) && leaf.x509.verify(x509.publicKey));
  if (!issuer) return 'the issuer is unknown';
  return now < issuer.notAfter ? undefined : 'the issuer has ended';
}

describe('certificates with a life of minutes', () => {
  it('let every two pods trust each other at every moment, whichever state each has, authorities included', async () => {
    await pass();
    const first = state?.held[0]?.certificate;
    const seen = new Set<string>();
    let most = 0;
    const end = clock.now() + 30 * MINUTE;
    while (clock.now() < end) {
      clock.advance(15_000);
      await pass();
      most = Math.max(most, state?.held.length ?? 0);
      for (const authority of state?.held ?? []) seen.add(authority.certificate);
      // A kubelet may be this late, and no two are alike.
      const pods = new Set([0, 30_000, 60_000, 90_000, PROJECTION_MS - 10_000].map(projected));
      for (const client of pods) for (const server of pods) expect(fault(client.web, server.delivery)).toBeUndefined();
    }
    expect(most).toBe(2);
    expect(seen.size).toBeGreaterThan(3);
    expect(bundleOf(state as Authorities)).not.toContain(first);
  }, 120_000);

  it('do so by TLS itself, through a change of authority', async () => {
    // Real ones, whose time is now: the steps in between are the same.
    clock = new FakeClock(Date.now());
    await pass();
    const before = secrets;
    const authorities = state as Authorities;
    const now = clock.now();
    state = { held: [...authorities.held, { ...(await issueAuthority({ cluster: 'chat', now, lifeMs: LIVES.authorityMs })) }] };
    await pass();
    const published = secrets;
    expect(published.web?.certificate).toBe(before.web?.certificate);
    state = { held: state.held.map((authority) => ({ ...authority, signsFrom: now })) };
    await pass();
    const renewed = secrets;
    expect(renewed.web?.certificate).not.toBe(before.web?.certificate);
    state = { held: state.held.slice(-1) };
    await pass();
    const dropped = secrets;
    const neighbours = [
      [before, published],
      [published, renewed],
      [renewed, dropped],
    ] as const;
    for (const [older, newer] of neighbours) {
      for (const [client, server] of [
        [older, newer],
        [newer, older],
        [newer, newer],
      ] as const)
        expect(await handshake(client.web, server.delivery)).toBe('taken');
    }
    // The other way round: what the order avoids is really refused.
    expect(await handshake(before.web, renewed.delivery)).not.toBe('taken');
  });
});

describe('the authorities', () => {
  it('do not go on while a Secret lacks the next one, nor while an old leaf serves', async () => {
    await pass();
    clock.advance(LIVES.authorityMs - LIVES.leafMs - PROJECTION_MS);
    await pass();
    expect(state?.held).toHaveLength(2);
    expect(state?.held[1]?.signsFrom).toBeUndefined();
    // The Secrets were not written: the operator died.
    const stale = history[0]?.secrets as HeldCertificates;
    secrets = { ...secrets, user: stale.user as NonNullable<Files> };
    const next = await advance();
    expect(next.held[1]?.signsFrom).toBeUndefined();
    await pass();
    await pass();
    expect(state?.held[1]?.signsFrom).toBe(clock.now() + PROJECTION_MS);
    clock.advance(PROJECTION_MS);
    await pass();
    const [old] = state?.held ?? [];
    secrets = { ...secrets, user: stale.user as NonNullable<Files> };
    clock.advance(PROJECTION_MS);
    expect((await advance()).held[0]).toEqual(old);
    await pass();
    await pass();
    clock.advance(PROJECTION_MS);
    await pass();
    expect(state?.held).toHaveLength(1);
  });

  it('that are lost are replaced while what they signed is trusted', async () => {
    await pass();
    const before = secrets;
    state = undefined;
    const { renewed } = await pass();
    expect(renewed).toEqual({});
    expect(state).toMatchObject({ held: [{}, {}] });
    expect(fault(secrets.web, before.delivery)).toBeUndefined();
    await pass();
    clock.advance(PROJECTION_MS);
    await pass();
    expect(Object.keys((await pass()).renewed)).toEqual([]);
    expect(fault(before.web, secrets.delivery)).toBe('the issuer is unknown');
    expect(fault(history.at(-3)?.secrets.web, secrets.delivery)).toBeUndefined();
  });

  it.each([
    ['whose certificate was spoilt', ({ held }: Authorities) => ({ held: held.map((one) => ({ ...one, certificate: 'spoilt' })) })],
    ['whose next one lost its key', ({ held }: Authorities) => ({ held: held.map((one, at) => (at === 0 ? one : { ...one, key: 'no' })) })],
  ])('%s leave trusted what serves, and come to an end by their own steps', async (_name, spoil) => {
    await pass();
    if (_name.includes('next')) while (state?.held.length !== 2) await go();
    const served = { ...secrets };
    state = spoil(state as Authorities);
    let step = await pass();
    expect(fault(secrets.web, served.user), 'a pod with the new files trusts one with the old ones').toBeUndefined();
    const end = clock.now() + 20 * MINUTE;
    while (clock.now() < end && (state.held.length !== 1 || signerOf(state, clock.now()) === undefined)) step = await go(step);
    expect(state.held).toHaveLength(1);
    expect(fault(secrets.web, secrets.user)).toBeUndefined();
  });

  /** Waits as the operator does: until the next step, or until it sees what it wrote itself. */
  async function go(last?: Certificates): Promise<Certificates> {
    const due = last === undefined ? 0 : last.nextStep - clock.now();
    clock.advance(Math.max(1_000, last && Object.keys(last.renewed).length === 0 ? due : 0));
    return pass();
  }

  it('sign at once where nothing is left that trusts another', async () => {
    await pass();
    clock.advance(LIVES.authorityMs + 1);
    await pass();
    await pass();
    expect(signerOf(state as Authorities, clock.now())).toBeDefined();
    const { renewed } = await pass();
    expect(renewed).toEqual({});
    expect(fault(secrets.web, secrets.delivery)).toBeUndefined();
  });
});

describe('a leaf', () => {
  it('is issued anew when it was edited, and only that one', async () => {
    await pass();
    const other = secrets.user as NonNullable<Files>;
    const web = secrets.web as NonNullable<Files>;
    for (const edited of [
      { ...web, key: other.key },
      { ...web, certificate: 'nonsense' },
      { ...other, authorities: web.authorities },
    ]) {
      secrets = { ...secrets, web: edited };
      expect(Object.keys((await pass()).renewed)).toEqual(['web']);
    }
  });

  it('is for the names of its Service, and of its pods where they have names', async () => {
    await pass();
    expect(readCertificate(secrets.web?.certificate ?? '')?.names).toEqual([
      'chat-web',
      'chat-web.team',
      'chat-web.team.svc',
      'chat-web.team.svc.cluster.local',
    ]);
    expect(readCertificate(secrets.redpanda?.certificate ?? '')?.names).toContain('*.chat-redpanda.team.svc');
    expect(Object.keys(secrets).sort()).toEqual([...CERTIFIED].sort());
  });
});

function advance(): Promise<Authorities> {
  const now = clock.now();
  return advanceAuthorities(state, {
    secrets: leafSecrets(secrets),
    now,
    lives: LIVES,
    issue: () => issueAuthority({ cluster: 'chat', now, lifeMs: LIVES.authorityMs }),
  });
}

/** A connection with client certificates, by name. */
async function handshake(client: Files, server: Files): Promise<string> {
  if (!client || !server) throw new Error('there are no files');
  const listener = createServer({
    key: server.key,
    cert: server.certificate,
    ca: server.authorities,
    requestCert: true,
    rejectUnauthorized: true,
  });
  listener.on('secureConnection', (socket) => socket.end('taken'));
  listener.on('tlsClientError', () => {});
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  try {
    return await new Promise<string>((resolve) => {
      const socket = connect({
        host: '127.0.0.1',
        port: (listener.address() as AddressInfo).port,
        servername: 'chat-delivery.team.svc',
        ca: client.authorities,
        key: client.key,
        cert: client.certificate,
      });
      socket.on('data', (data: Buffer) => resolve(data.toString()));
      socket.on('error', (error) => resolve(error.message));
      socket.on('close', () => resolve('closed'));
    });
  } finally {
    listener.close();
  }
}
