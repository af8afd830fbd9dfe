import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { issueAuthority, issueLeaf, type KeyPair } from '../material/issue-certificate.ts';
import { createKubeClient } from './client.ts';
import { connectByKubeconfig, type KubeConnection } from './connect.ts';

const LIFE = { now: Date.now(), lifeMs: 3_600_000 };

let authority: KeyPair;
let folder: string;
let server: Server;
const connections: KubeConnection[] = [];
/** What the server saw of each request. */
let seen: { token: string | undefined; certificate: string | undefined }[] = [];
let accepts: (token: string | undefined) => boolean = () => true;

beforeAll(async () => {
  authority = await issueAuthority({ cluster: 'test', ...LIFE });
  const { certificate, key } = await issueLeaf({ names: ['localhost'], authority, ...LIFE });
  const options = { cert: certificate, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: false };
  server = createServer(options, (request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '');
    const { raw } = (request.socket as TLSSocket).getPeerCertificate();
    seen.push({ token, certificate: raw && new X509Certificate(raw).subject });
    const status = accepts(token) ? 200 : 401;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ kind: 'Status', code: status }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(async () => {
  seen = [];
  accepts = () => true;
  folder = await mkdtemp(join(tmpdir(), 'starling-connect-'));
});
afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
  await rm(folder, { recursive: true });
});

async function connect(user: object, cluster: object = {}): Promise<KubeConnection> {
  const { port } = server.address() as AddressInfo;
  const file = join(folder, 'config');
  const ca = Buffer.from(authority.certificate).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'k', cluster: { server: `https://localhost:${port}`, 'certificate-authority-data': ca, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    'current-context': 'c',
  };
  await writeFile(file, JSON.stringify(config));
  const connection = connectByKubeconfig(file);
  connections.push(connection);
  return connection;
}

/** A program that gives a token: whatever the file has when it runs. */
async function commandFor(file: string): Promise<object> {
  const command = join(folder, 'give-token');
  const credential = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}';
  await writeFile(command, `#!/bin/sh\nprintf '${credential}' "$(cat ${file})"\n`, { mode: 0o700 });
  return { exec: { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' } };
}

const ask = (connection: KubeConnection) => createKubeClient(connection).request('GET', '/version');

describe('a connection by a kubeconfig', () => {
  it('sends its token, to a server of its authority alone', async () => {
    await ask(await connect({ token: 'secret-token' }));
    expect(seen).toMatchObject([{ token: 'secret-token' }]);
    const other = Buffer.from((await issueAuthority({ cluster: 'other', ...LIFE })).certificate).toString('base64');
    const refused = ask(await connect({ token: 'secret-token' }, { 'certificate-authority-data': other }));
    await expect(refused).rejects.toMatchObject({ status: 0 });
    expect(seen).toHaveLength(1);
  });

  it('asks for a new token when the one that it has is refused, once', async () => {
    const file = join(folder, 'token');
    await writeFile(file, 'first');
    const connection = await connect(await commandFor(file));
    await ask(connection);
    await writeFile(file, 'second');
    await ask(connection);
    accepts = (token) => token === 'second';
    await ask(connection);
    expect(seen.map(({ token }) => token)).toEqual(['first', 'first', 'first', 'second']);
    accepts = () => false;
    await expect(ask(connection)).rejects.toMatchObject({ status: 401 });
    expect(seen).toHaveLength(6);
  });

  it('shows its certificate, and a new one when the file is replaced', async () => {
    const files = { 'client-certificate': join(folder, 'tls.crt'), 'client-key': join(folder, 'tls.key') };
    const write = async (name: string) => {
      const { certificate, key } = await issueLeaf({ names: [name], authority, ...LIFE });
      await writeFile(files['client-certificate'], certificate);
      await writeFile(files['client-key'], key);
    };
    await write('one');
    const connection = await connect(files);
    await ask(connection);
    await ask(connection);
    await write('two');
    await ask(connection);
    expect(seen.map(({ certificate }) => certificate)).toEqual(['CN=one', 'CN=one', 'CN=two']);
  });

  it('says what is wrong with it', async () => {
    await expect(connect({}, { 'proxy-url': 'http://proxy' })).rejects.toThrow('remove proxy-url');
    const file = join(folder, 'empty');
    await writeFile(file, '{"clusters":[],"users":[],"contexts":[]}');
    expect(() => connectByKubeconfig(file)).toThrow('set current-context');
  });
});
