import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@starling/client';
import { checkConnection, createPool, migrate } from '@starling/platform/db';
import type { ProcessConfig } from '@starling/platform/process';
import { createLogger } from '@starling/platform/telemetry';
import { openAuthority } from '@starling/platform/tls';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { type Authority, makeAuthority } from '@starling/testing/certificates';
import { type SecuredDatabase, startSecuredDatabase } from '@starling/testing/database';
import { runStarlingServices, type StarlingServices, startStarlingServices } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startSeverableProxy } from '../chaos/severable-proxy.ts';
import { probeAccess, writeVoidRecords } from './broker-access.ts';

const PASSWORD = 'correct horse battery';
const SERVICE = fileURLToPath(new URL('../../services/user/main.ts', import.meta.url));
const SETTINGS = { url: '--postgres', ca: '--postgres-ca' };

/** What the brokers let each service do: to read (r) and to write (w) each topic. */
const ACCESS = {
  identity: { conversations: '--', receipts: '--', users: 'rw', ephemeral: '--' },
  user: { conversations: '--', receipts: '--', users: 'rw', ephemeral: '--' },
  conversation: { conversations: 'rw', receipts: 'r-', users: 'r-', ephemeral: '--' },
  delivery: { conversations: 'rw', receipts: 'r-', users: 'r-', ephemeral: 'rw' },
  web: { conversations: '--', receipts: '--', users: 'r-', ephemeral: '--' },
};

let folder: string;
let authority: Authority;
let database: SecuredDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-secured-'));
  authority = await makeAuthority('the authority of the database');
  database = await startSecuredDatabase(await authority.issue([{ type: 'dns', value: 'localhost' }]));
}, 120_000);
afterAll(async () => {
  await database?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function write(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

describe('the database by TLS', () => {
  const check = (host: string, ca: string) => checkConnection({ url: database.url(host), ca, settings: SETTINGS });
  const show = async (...names: Parameters<Authority['issue']>[0]) => database.show(await authority.issue(names));

  it('is reached by a name that its certificate is for, whatever the URL says of TLS, and by no other', async () => {
    await waitFor(() => check('localhost', authority.ca).then(() => true), { describe: 'the certificate' });
    await expect(check('127.0.0.1', authority.ca)).rejects.toThrow(
      /^The server 127\.0\.0\.1:\d+ shows a certificate that is not for this host/,
    );
    const careless = `${database.url('127.0.0.1')}?sslmode=no-verify&uselibpqcompat=true`;
    await expect(checkConnection({ url: careless, ca: authority.ca, settings: SETTINGS })).rejects.toThrow(/not for this host name/);
    // The server takes no others: what succeeds was by TLS.
    await expect(checkConnection({ url: database.url('localhost'), settings: SETTINGS })).rejects.toThrow(/refuses the user/);
  });

  it('is reached by an address that its certificate is for, and by no name', async () => {
    await show({ type: 'ip', value: '127.0.0.1' });
    await waitFor(() => check('127.0.0.1', authority.ca).then(() => true), { describe: 'the other certificate' });
    await expect(check('localhost', authority.ca)).rejects.toThrow(
      /^The server localhost:\d+ shows a certificate that is not for this host/,
    );
    await show({ type: 'dns', value: 'localhost' });
    await waitFor(() => check('localhost', authority.ca).then(() => true), { describe: 'the first certificate' });
  });

  it('is verified by what is the authority when a pool connects: no query fails while one follows another', async () => {
    const file = await write('bundle.pem', authority.ca);
    const logger = createLogger({ service: 'test', level: 'silent' });
    const bundle = await openAuthority('the bundle', { file, pollMs: 20, logger });
    const next = await makeAuthority('the next authority of the database');
    const pool = createPool({ url: database.url('localhost'), ca: bundle.current, max: 2, logger, applicationName: 'test' });
    onTestFinished(async () => {
      bundle.close();
      await pool.end();
      await show({ type: 'dns', value: 'localhost' });
    });
    // A connection of its own for each, so that each is verified.
    const query = async () => {
      const client = await pool.connect();
      client.release(true);
    };
    const names: Parameters<Authority['issue']>[0] = [{ type: 'dns', value: 'localhost' }];
    const step = async (pem: string) => {
      await write('bundle.pem', pem);
      const count = (text: string) => text.split('BEGIN CERTIFICATE').length;
      await waitFor(() => count(bundle.current()) === count(pem) && bundle.current().includes(pem.slice(0, 200)));
      for (let time = 0; time < 5; time++) await query();
    };
    await step(`${authority.ca}\n${next.ca}`);
    await database.show(await next.issue(names));
    await waitFor(async () => {
      await query();
      return checkConnection({ url: database.url('localhost'), ca: next.ca, settings: SETTINGS }).then(() => true);
    });
    await step(next.ca);
    // What is no authority is not taken.
    await write('bundle.pem', 'half a fi');
    await query();
    expect(bundle.current().trim()).toBe(next.ca);
  });

  it('is verified by migrations and pools too', async () => {
    const other = (await makeAuthority('another')).ca;
    const admin = { adminUrl: database.url('localhost'), schema: 'verified', secret: 'secret', sets: [] };
    await expect(migrate({ ...admin, ca: other })).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    const url = await migrate({ ...admin, ca: authority.ca });
    const logger = createLogger({ service: 'test', level: 'silent' });
    for (const [ca, expected] of [
      [authority.ca, { ssl: true }],
      [other, { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }],
    ] as const) {
      const pool = createPool({ url, ca, logger, applicationName: 'test' });
      const outcome = await pool.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()').then(
        ({ rows }) => rows[0],
        (error) => error,
      );
      expect(outcome).toMatchObject(expected);
      await pool.end();
    }
  });
});

await describeWithOwnBrokers(
  'a process for each service, on a Kafka and a PostgreSQL that take only who proves who they are',
  { count: 1, secured: true },
  (kafka) => {
    let services: StarlingServices;
    /** What leads to both, as options. */
    let right: Record<string, string>;
    let otherAuthority: string;
    let wrongPassword: string;

    beforeAll(async () => {
      if (!kafka.secured) throw new Error('the broker has no secured listener');
      const { brokers, ca, sasl } = kafka.secured;
      otherAuthority = await write('other-ca.pem', (await makeAuthority('another')).ca);
      wrongPassword = await write('wrong-password', 'sesame');
      right = {
        '--kafka': brokers.join(','),
        '--kafka-ca': await write('kafka-ca.pem', ca),
        '--kafka-user': sasl.username,
        '--kafka-password-file': await write('kafka-password', `${sasl.password}\n`),
        '--postgres': database.url('localhost'),
        '--postgres-ca': await write('postgres-ca.pem', authority.ca),
      };
      const { '--kafka': _, '--postgres': databaseUrl = '', ...more } = right;
      services = await startStarlingServices({ brokers, databaseUrl, delivery: 1, args: Object.entries(more).flat() });
      await writeVoidRecords({
        ...(await brokerLoginOf('web')),
        user: sasl.username,
        passwordFile: right['--kafka-password-file'] ?? '',
      });
    }, 180_000);
    afterAll(() => services?.stop(), 60_000);

    /** The way to the brokers in a service's configuration. */
    async function brokerLoginOf(service: string): Promise<ProcessConfig['kafka']> {
      const file = join(services.data, 'config', `${service === 'delivery' ? 'delivery-1' : service}.json`);
      return (JSON.parse(await readFile(file, 'utf8')) as ProcessConfig).kafka;
    }

    it('carry a message', async () => {
      const join = async (person: string) => {
        const client = createClient({ baseUrl: services.url, auth: { kind: 'password' } });
        onTestFinished(() => client.stop());
        const { id, code = '' } = await client.signUp({ email: `${person}.${v7()}@example.org`, password: PASSWORD, name: person });
        const { user } = await client.confirmSignUp({ id, code });
        client.start();
        await waitFor(() => client.getState().connection === 'live', { deadline: 20_000 });
        return { client, id: user };
      };
      const [ann, bob] = [await join('Ann'), await join('Bob')];
      await waitFor(async () => (await ann.client.searchUsers('bob')).some((profile) => profile.id === bob.id));
      const { id } = await ann.client.createGroup('By TLS', [bob.id], v7());
      await waitFor(() => bob.client.getState().conversations.length === 1);
      await bob.client.openConversation(id);
      expect(await ann.client.send(id, 'for you alone').outcome).toMatchObject({ status: 'ok' });
      await waitFor(() =>
        bob.client
          .getState()
          .ranges.get(id)
          ?.messages.some((message) => message.body === 'for you alone'),
      );
    });

    it.each(Object.entries(ACCESS))(
      '%s does on the log what it needs to, and the brokers refuse it all else',
      { timeout: 60_000 },
      async (service, expected) => {
        const kafka = await brokerLoginOf(service);
        expect(kafka.user).toBe(`starling-${service}`);
        expect((await stat(kafka.passwordFile ?? '')).mode & 0o777).toBe(0o600);
        expect(await probeAccess(kafka)).toEqual(expected);
      },
    );

    describe('started with', () => {
      /** One sentence on the terminal, no stack trace, exit code 1. */
      async function expectRefusal(changes: Record<string, string>, sentence: RegExp): Promise<void> {
        const { code, output } = await runStarlingServices(Object.entries({ ...right, ...changes }).flat());
        expect(output.split('\n').filter((line) => line.startsWith('Starling: '))).toEqual([expect.stringMatching(sentence)]);
        expect(output).not.toMatch(/\n\s+at |"stack"|sesame/);
        expect(code).toBe(1);
      }
      const changed = (changes: Partial<URL>) => Object.assign(new URL(right['--postgres'] ?? ''), changes).href;

      it('another authority of the database', () =>
        expectRefusal(
          { '--postgres-ca': otherAuthority },
          /^Starling: The server localhost:\d+ shows .* authority did not issue: check the CA certificate in --postgres-ca\.$/,
        ));

      it('a name that is not the database’s', () =>
        expectRefusal(
          { '--postgres': changed({ hostname: '127.0.0.1' }) },
          /^Starling: The server 127\.0\.0\.1:\d+ shows .* not for this host name: check the host in --postgres,/,
        ));

      it('a wrong password of the database', () =>
        expectRefusal(
          { '--postgres': changed({ password: 'sesame' }) },
          /^Starling: The server .* refuses the user "postgres": check .* in --postgres,/,
        ));

      it('a database that is not there', () =>
        expectRefusal(
          { '--postgres': changed({ pathname: '/nowhere' }) },
          /^Starling: There is no database "nowhere" on localhost:\d+: .* in --postgres\.$/,
        ));

      it('a database that does not answer', () =>
        expectRefusal(
          { '--postgres': changed({ port: '1' }) },
          /^Starling: No PostgreSQL server answers on localhost:1 \(ECONNREFUSED\): check .* in --postgres,/,
        ));

      it('another authority of the broker', () =>
        expectRefusal(
          { '--kafka-ca': otherAuthority },
          /^Starling: the Kafka brokers localhost:\d+ show a certificate that the configured authority did not issue/,
        ));

      it('a name that is not the broker’s', () =>
        expectRefusal(
          { '--kafka': right['--kafka']?.replace('localhost', '127.0.0.1') ?? '' },
          /^Starling: the Kafka brokers 127\.0\.0\.1:\d+ show .* not for this host name/,
        ));

      it('a wrong password of the broker', () =>
        expectRefusal(
          { '--kafka-password-file': wrongPassword },
          /^Starling: the Kafka brokers localhost:\d+ refused user starling: check/,
        ));

      it('a user of the brokers who is no administrator', async () => {
        const { user = '', passwordFile = '' } = await brokerLoginOf('identity');
        await expectRefusal(
          { '--kafka-user': user, '--kafka-password-file': passwordFile },
          /^Starling: the Kafka brokers localhost:\d+ do not let user starling-identity set access rules: name an administrator/,
        );
      });

      it('a user of the brokers, and no TLS', async () => {
        const { '--kafka-ca': _, ...plain } = right;
        const { output } = await runStarlingServices(Object.entries(plain).flat());
        expect(output).toMatch(/^Starling: --kafka-user needs --kafka-ca: /m);
      });

      it('a broker that does not answer', () =>
        expectRefusal({ '--kafka': 'localhost:1' }, /^Starling: the Kafka brokers localhost:1 cannot be reached \(ECONNREFUSED\)/));

      it('files that are none', async () => {
        await expectRefusal(
          { '--postgres-ca': '/nowhere.pem' },
          /^Starling: the file of --postgres-ca, \/nowhere\.pem, cannot be read \(ENOENT\)/,
        );
        await expectRefusal({ '--postgres-ca': wrongPassword }, /^Starling: the file of --postgres-ca, .* holds no certificate in PEM/);
        await expectRefusal(
          { '--kafka-password-file': '/nowhere' },
          /^Starling: the file of --kafka-password-file, \/nowhere, cannot be read/,
        );
      });
    });

    describe('of which one is started with', () => {
      type Change = (config: ProcessConfig) => Partial<ProcessConfig> | Promise<Partial<ProcessConfig>>;

      interface Run {
        child: ChildProcess;
        side: string;
        entries(): { level: number; msg: string; reason?: string }[];
        output(): string;
        ended: Promise<unknown>;
      }

      async function findPort(): Promise<number> {
        const server = createServer().listen(0, '127.0.0.1');
        await once(server, 'listening');
        const { port } = server.address() as AddressInfo;
        await new Promise((resolve) => server.close(resolve));
        return port;
      }

      /** A second process of the service `user`, by the configuration of the first one with changes. */
      async function start(change: Change): Promise<Run> {
        const config = JSON.parse(await readFile(join(services.data, 'config/user.json'), 'utf8')) as ProcessConfig;
        config.ports = { http: await findPort(), rpc: await findPort(), side: await findPort() };
        const file = await write(`user.${config.ports.side}.json`, JSON.stringify({ ...config, ...(await change(config)) }));
        const child = spawn(process.execPath, [SERVICE, '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
        onTestFinished(() => void child.kill('SIGKILL'));
        let printed = '';
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
        return {
          child,
          side: `http://127.0.0.1:${config.ports.side}`,
          output: () => printed,
          entries: () => printed.split('\n').flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : [])),
          ended: once(child, 'close'),
        };
      }

      async function changeUrl(config: ProcessConfig, changes: Partial<URL>): Promise<Partial<ProcessConfig>> {
        const url = new URL((await readFile(config.databaseUrlFile, 'utf8')).trim());
        return { databaseUrlFile: await write(`url.${config.ports.side}`, Object.assign(url, changes).href) };
      }

      it.each<[string, Change, RegExp]>([
        [
          'another authority of the database',
          () => ({ databaseAuthority: otherAuthority }),
          /^The server localhost:\d+ shows .* did not issue: check the CA certificate in .*other-ca\.pem\.$/,
        ],
        [
          'a name that is not the database’s',
          (config) => changeUrl(config, { hostname: '127.0.0.1' }),
          /^The server 127\.0\.0\.1:\d+ shows .* not for this host name/,
        ],
        [
          'a wrong password of the database',
          (config) => changeUrl(config, { password: 'sesame' }),
          /^The server localhost:\d+ refuses the user "starling_user": check/,
        ],
        [
          'a database that is not there',
          (config) => changeUrl(config, { pathname: '/nowhere' }),
          /^There is no database "nowhere" on localhost:\d+:/,
        ],
        [
          'another authority of the broker',
          ({ kafka }) => ({ kafka: { ...kafka, tlsAuthority: otherAuthority } }),
          /^the Kafka brokers localhost:\d+ show a certificate that the configured authority did not issue/,
        ],
        [
          'a name that is not the broker’s',
          ({ kafka }) => ({ kafka: { ...kafka, brokers: kafka.brokers.map((broker) => broker.replace('localhost', '127.0.0.1')) } }),
          /^the Kafka brokers 127\.0\.0\.1:\d+ show .* not for this host name/,
        ],
        [
          'a wrong password of the broker',
          ({ kafka }) => ({ kafka: { ...kafka, passwordFile: wrongPassword } }),
          /^the Kafka brokers localhost:\d+ refused user starling-user: check/,
        ],
        [
          'a file that is none',
          () => ({ databaseAuthority: '/nowhere.pem' }),
          /^the file of databaseAuthority, \/nowhere\.pem, cannot be read \(ENOENT\)/,
        ],
      ])('%s', async (_, change, sentence) => {
        const { child, entries, output, ended } = await start(change);
        await ended;
        expect(entries().filter(({ level }) => level === 60)).toEqual([expect.objectContaining({ msg: expect.stringMatching(sentence) })]);
        expect(output()).not.toMatch(/\n\s+at |"stack"|sesame|"msg":"ready"/);
        expect(child.exitCode).toBe(1);
      });

      /** A way to a server of this machine that is closed. */
      async function closedWay(port: number) {
        const proxy = await startSeverableProxy({ host: '127.0.0.1', port });
        onTestFinished(() => proxy.close());
        proxy.cut();
        return proxy;
      }
      const isReady = async ({ side }: Run) => (await fetch(`${side}/readyz`)).status === 200;
      const complaints = ({ entries }: Run, sentence: RegExp) =>
        entries().filter(({ level, reason }) => level === 40 && sentence.test(reason ?? ''));

      async function interrupt({ child, ended }: Run): Promise<void> {
        child.kill('SIGTERM');
        await ended;
        expect(child.exitCode).toBe(0);
      }

      it('a broker that does not answer: it lives, waits and says so until the broker is there', { timeout: 90_000 }, async () => {
        const [broker = ''] = right['--kafka']?.split(',') ?? [];
        const way = await closedWay(Number(broker.split(':')[1]));
        const run = await start(({ kafka }) => ({ kafka: { ...kafka, brokers: [`localhost:${way.port}`] } }));
        await waitFor(() => complaints(run, /^the Kafka brokers localhost:\d+ cannot be reached/).length >= 2, { deadline: 60_000 });
        expect((await fetch(`${run.side}/healthz`)).status).toBe(200);
        expect(await (await fetch(`${run.side}/readyz`)).text()).toBe('starting\n');
        way.mend();
        await waitFor(() => isReady(run), { deadline: 20_000, describe: 'the service to be ready' });
        await interrupt(run);
      });

      it('a broker that does not answer, and is told to end: it does', { timeout: 90_000 }, async () => {
        const run = await start(({ kafka }) => ({ kafka: { ...kafka, brokers: ['localhost:1'] } }));
        await waitFor(() => complaints(run, /^the Kafka brokers localhost:1 cannot be reached \(ECONNREFUSED\)/).length, {
          deadline: 60_000,
        });
        await interrupt(run);
      });

      it('a database that does not answer: it is ready all the same, and says so until the database is there', {
        timeout: 90_000,
      }, async () => {
        const way = await closedWay(Number(new URL(database.url('localhost')).port));
        const run = await start((config) => changeUrl(config, { port: String(way.port) }));
        const missing = () => complaints(run, /^No PostgreSQL server answers on localhost:\d+/).length;
        await waitFor(() => missing() >= 2, { deadline: 60_000 });
        await waitFor(() => isReady(run), { deadline: 20_000, describe: 'the service to be ready' });
        way.mend();
        await waitFor(() => run.entries().some(({ msg }) => msg === 'the database answers'), { deadline: 20_000 });
        await interrupt(run);
      });

      it('a database that refuses it when it is back: it ends', { timeout: 90_000 }, async () => {
        const way = await closedWay(Number(new URL(database.url('localhost')).port));
        const run = await start((config) => changeUrl(config, { port: String(way.port), password: 'sesame' }));
        await waitFor(() => isReady(run), { deadline: 20_000, describe: 'the service to be ready' });
        way.mend();
        await run.ended;
        expect(run.entries().filter(({ level }) => level === 60)).toEqual([
          expect.objectContaining({ msg: expect.stringMatching(/^The server localhost:\d+ refuses the user/) }),
        ]);
        expect(run.child.exitCode).toBe(1);
      });
    });
  },
);
