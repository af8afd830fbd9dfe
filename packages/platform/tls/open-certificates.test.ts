import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError } from '../config/index.ts';
import { type CertificateSet, readCertificateSet } from './certificate-set.ts';
import { openCertificates } from './open-certificates.ts';
import { certificateOf, isCertificateFor } from './peer-certificate.ts';
import { type Authority, type HeldFiles, holdFiles, issueSet, makeAuthority } from './test-certificates.ts';

const HOST = 'user.test';
let first: Authority;
let second: Authority;
beforeAll(async () => {
  [first, second] = await Promise.all([makeAuthority('the first'), makeAuthority('the second')]);
});

describe('a set of certificates', () => {
  it('is taken with an authority of several that has issued it', async () => {
    const set = await issueSet(first, HOST);
    // However they were joined.
    for (const ca of [`${second.ca}\n${first.ca}\n`, `${second.ca}${first.ca}`]) {
      const read = readCertificateSet({ ...set, ca }, Date.now());
      expect(read.ca.split('\n').filter((line) => line === '-----BEGIN CERTIFICATE-----')).toHaveLength(2);
    }
  });

  it('is refused when it cannot be used, with the reason', async () => {
    const [set, other] = [await issueSet(first, HOST), await issueSet(first, HOST)];
    const expired = await first.issue([{ type: 'dns', value: HOST }], new Date(Date.now() - 60_000));
    const reasonOf = (changes: Partial<CertificateSet>) => {
      try {
        readCertificateSet({ ...set, ...changes }, Date.now());
        return 'taken';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(reasonOf({})).toBe('taken');
    expect(reasonOf({ key: other.key })).toBe('the private key is not that of the certificate');
    expect(reasonOf({ key: set.key.slice(0, 80) })).toBe('the private key cannot be read');
    expect(reasonOf({ ca: second.ca })).toBe('none of the authorities has issued the certificate');
    expect(reasonOf({ ca: '' })).toBe('the authorities cannot be read as certificates in PEM');
    expect(reasonOf({ ca: first.ca + second.ca.slice(0, 100) })).toBe('the authorities cannot be read as certificates in PEM');
    expect(reasonOf({ cert: set.cert.slice(0, 200) })).toBe('the certificate cannot be read as certificates in PEM');
    expect(reasonOf(expired)).toMatch(/^the certificate has expired/);
  });
});

/** A server that says what it is sent back; each connection is told with the name that its certificate is for. */
async function serve(held: HeldFiles): Promise<{ port: number; peers: (string | undefined)[] }> {
  const peers: (string | undefined)[] = [];
  const server = createServer(held.certificates.serverOptions(), (socket) => {
    peers.push(socket.getPeerX509Certificate()?.subjectAltName);
    socket.on('error', () => {}).pipe(socket);
  });
  held.certificates.follow(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const open = new Set<TLSSocket>();
  server.on('secureConnection', (socket) => open.add(socket));
  onTestFinished(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, peers };
}

/** Resolves with a connection that has brought a word there and back; rejects when it was not let in. `tickets` get its sessions. */
async function open(port: number, options: ConnectionOptions, tickets: Buffer[] = []): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, servername: HOST, ...options });
  onTestFinished(() => void socket.destroy());
  socket.on('session', (session) => tickets.push(session));
  socket.write('hello');
  const [answer] = await Promise.race([
    once(socket, 'data'),
    once(socket, 'close').then(() => {
      throw new Error('closed');
    }),
  ]);
  expect(String(answer)).toBe('hello');
  return socket;
}

/** A server ends a connection after its handshake, by its side alone. */
const NOT_LET_IN = /^(closed|ECONNRESET)$/;
const refusal = (port: number, options: ConnectionOptions) =>
  open(port, options).then(
    () => 'let in',
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );

describe('certificates of files', () => {
  it('cannot be opened when they cannot be used', async () => {
    const set = await issueSet(first, HOST);
    await expect(holdFiles({ ...set, ca: second.ca })).rejects.toThrow(ConfigError);
    const nowhere = { authorities: '/nowhere/ca', certificate: '/nowhere/cert', key: '/nowhere/key' };
    const { log } = await holdFiles(set);
    await expect(openCertificates({ ...nowhere, logger: log.logger })).rejects.toThrow(/^the files of tls \(\/nowhere\/ca, .*ENOENT/);
  });

  it('let in whoever shows one of the same authority, and nobody else', async () => {
    const server = await holdFiles(await issueSet(first, HOST));
    const { port, peers } = await serve(server);
    const client = await issueSet(first, 'web.test');
    await open(port, client);
    expect(peers).toEqual(['DNS:web.test']);
    expect(await refusal(port, { ca: first.ca })).toBe('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
    const foreign = await issueSet(second, 'web.test');
    expect(await refusal(port, { ...foreign, ca: first.ca })).toMatch(NOT_LET_IN);
    expect(peers).toEqual(['DNS:web.test']);
    expect(server.log.entries().map(({ level, msg }) => [level, msg])).toContainEqual([
      40,
      'a connection was refused, as its certificate was not shown or not taken',
    ]);
  });

  it('do not lead to a server of another name, or of another authority', async () => {
    const { port } = await serve(await holdFiles(await issueSet(first, HOST)));
    const client = await issueSet(first, 'web.test');
    expect(await refusal(port, { ...client, servername: 'conversation.test' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await refusal(port, { ...client, ca: second.ca })).toBe('SELF_SIGNED_CERT_IN_CHAIN');
  });

  it('are replaced for new connections, and those from before go on', async () => {
    const server = await holdFiles(await issueSet(first, HOST));
    const { port } = await serve(server);
    const client = await issueSet(first, 'web.test');
    const before = await open(port, client);
    const shown = before.getPeerX509Certificate()?.fingerprint;
    const next = await issueSet(first, HOST);
    await server.replace(next);
    const after = await open(port, client);
    expect(after.getPeerX509Certificate()?.fingerprint).not.toBe(shown);
    before.write('still there');
    expect(String((await once(before, 'data'))[0])).toBe('still there');
  });

  it('stay when the new ones are half written or cannot be used, until they can', async () => {
    const server = await holdFiles(await issueSet(first, HOST));
    const { port } = await serve(server);
    const client = await issueSet(first, 'web.test');
    const shown = server.certificates.current().cert;
    const next = await issueSet(first, HOST);
    const complaints = () => server.log.entries().filter(({ level }) => level === 50);
    await server.replace({ cert: next.cert });
    await server.replace({ ca: second.ca });
    await server.replace({ ca: '' });
    expect(server.certificates.current().cert).toBe(shown);
    expect(complaints().map(({ reason }) => reason)).toEqual([
      'the private key is not that of the certificate',
      'the authorities cannot be read as certificates in PEM',
    ]);
    await open(port, client);
    await server.replace(next);
    expect(server.certificates.current().cert.trim()).toBe(next.cert);
    await open(port, client);
  });

  it('lead from one authority to the next: whom only the old one knows is refused in the end, also with a session from before', async () => {
    const server = await holdFiles(await issueSet(first, HOST));
    const { port } = await serve(server);
    const old = await issueSet(first, 'web.test');
    const both = `${first.ca}\n${second.ca}`;
    await server.replace({ ca: both });
    const tickets: Buffer[] = [];
    const held = await open(port, { ...old, ca: both }, tickets);
    // The way back is open while the set is the same …
    expect(tickets.length).toBeGreaterThan(0);
    const again = await open(port, { ...old, ca: both, session: tickets.at(-1) });
    expect(again.isSessionReused()).toBe(true);
    // … and closed when the authority is gone.
    await server.replace({ ...(await issueSet(second, HOST)), ca: second.ca });
    const { key, cert } = await issueSet(second, 'web.test');
    await open(port, { key, cert, ca: second.ca });
    expect(await refusal(port, { ...old, ca: both })).toMatch(NOT_LET_IN);
    expect(await refusal(port, { ...old, ca: both, session: tickets.at(-1) })).toMatch(NOT_LET_IN);
    held.write('still there');
    expect(String((await once(held, 'data'))[0])).toBe('still there');
  });
});

describe('the certificate behind a request', () => {
  it('is for the names and addresses that it holds, not for what its subject says', async () => {
    const held = await holdFiles(await issueSet(first, HOST, '127.0.0.9'));
    const { port } = await serve(held);
    const certificate = (await open(port, await issueSet(first, 'web.test'))).getPeerX509Certificate();
    if (!certificate) throw new Error('the server showed nothing');
    expect([HOST, '127.0.0.9', 'a server', 'test', '127.0.0.1'].map((host) => isCertificateFor(certificate, host))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(certificateOf({ socket: {} } as never)).toBeUndefined();
  });
});
