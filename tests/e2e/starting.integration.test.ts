import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CodeReply } from '@starling/contracts/http';
import { makeCertificate } from '@starling/testing/certificates';
import { createTestDatabase } from '@starling/testing/database';
import { runStarling, type StarlingProcess, startStarlingProcess } from '@starling/testing/starling';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

describe('starting', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'starling-start-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** One sentence on the terminal, no stack trace, exit code 1. */
  async function expectRefusal(args: string[], sentence: RegExp): Promise<void> {
    const { code, output } = await runStarling(args);
    const complaint = output.split('\n').filter((line) => line.startsWith('Starling: '));
    expect(complaint).toEqual([expect.stringMatching(sentence)]);
    expect(output).not.toMatch(/\n\s+at /);
    expect(code).toBe(1);
  }

  it('says each step with its time and the URL last, and keeps everything in one directory', async () => {
    const starling = await startStarlingProcess();
    const lines = starling.output().trim().split('\n');
    for (const line of lines) expect(line).toMatch(/^ *\d+\.\d s {2}\S/);
    expect(lines[0]).toMatch(/creating the database/);
    expect(lines.at(-1)).toMatch(/Starling is ready: http:\/\/localhost:\d+$/);
    expect((await stat(join(starling.data, 'secrets'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(starling.data, 'secrets/keys/identity.jwk.json'))).mode & 0o777).toBe(0o600);
    await expectRefusal(['--data', starling.data, '--port', '0'], /Another Starling is running on/);
    await starling.remove();
  }, 60_000);

  it('refuses a port that is in use', async () => {
    const taken = createServer().listen(0);
    const { port } = taken.address() as AddressInfo;
    const starling = await startStarlingProcess();
    await starling.interrupt();
    await expectRefusal(['--data', starling.data, '--port', String(port)], new RegExp(`Port ${port} is in use`));
    taken.close();
    await starling.remove();
  });

  it.each([
    [['--prot', '1'], /Unknown option '--prot'/],
    [['--port', 'eighty'], /port.*must be integer/],
    [['--port', '70000'], /port.*must be <= 65535/],
    [['--registration', 'opne'], /registration: must be one of open, invite, closed$/],
    [['--tls-cert', 'x.pem'], /belong together/],
    [['--tls-cert', '/nowhere.pem', '--tls-key', '/nowhere.pem'], /\/nowhere\.pem, cannot be read \(ENOENT\)/],
    [['--database', 'mysql://x'], /not a PostgreSQL URL/],
    [['--database', 'postgres://nobody:secret@127.0.0.1:1/x'], /No PostgreSQL server answers/],
  ])('refuses %j', async (args, sentence) => {
    await expectRefusal(['--data', join(folder, 'refused'), ...args], sentence);
  });

  it('refuses a certificate that is none', async () => {
    const file = join(folder, 'bad.pem');
    await writeFile(file, 'not a certificate');
    await expectRefusal(['--data', join(folder, 'tls'), '--port', '0', '--tls-cert', file, '--tls-key', file], /--tls-cert and --tls-key/);
  });

  it('refuses a database whose user may not make roles, and one that a newer version wrote', async () => {
    const database = await createTestDatabase();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const role = `poor_${Date.now()}`;
    await client.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'poor'; CREATE SCHEMA log; CREATE TABLE log.migration_log (id serial, name text, run_on timestamp)`,
    );
    const poor = new URL(database.url);
    poor.username = role;
    poor.password = 'poor';
    await expectRefusal(['--data', join(folder, 'poor'), '--port', '0', '--database', poor.href], /give it CREATEROLE/);
    await client.query(`INSERT INTO log.migration_log (name, run_on) VALUES ('0999_from_the_future', now())`);
    await expectRefusal(['--data', join(folder, 'newer'), '--port', '0', '--database', database.url], /written by a newer Starling/);
    await client.query(`DROP ROLE ${role}`);
    await client.end();
    await database.drop();
  });

  it('prints what can be given', async () => {
    const { code, output } = await runStarling(['--help']);
    expect(code).toBe(0);
    for (const option of ['--data', '--port', '--database', '--tls-cert', '--tls-key']) expect(output).toContain(option);
  });

  describe('on a server and a certificate of its own', () => {
    let database: Awaited<ReturnType<typeof createTestDatabase>>;
    let starling: StarlingProcess;
    let certificate: Awaited<ReturnType<typeof makeCertificate>>;

    beforeAll(async () => {
      database = await createTestDatabase();
      certificate = await makeCertificate(folder, 'chat.example.org');
      starling = await startStarlingProcess([
        '--database',
        database.url,
        '--tls-cert',
        certificate.certFile,
        '--tls-key',
        certificate.keyFile,
      ]);
    });
    afterAll(async () => {
      await starling?.remove();
      await database?.drop();
    });

    function post(host: string, path: string, body: object): Promise<{ status: number | undefined; cookies: string[]; body: CodeReply }> {
      const headers = { host, origin: `https://${host}`, 'x-starling-request': '1', 'content-type': 'application/json' };
      return new Promise((resolve, reject) => {
        const call = request(
          `${starling.url}${path}`,
          { method: 'POST', ca: certificate.cert, servername: 'chat.example.org', headers },
          async (answer) =>
            resolve({
              status: answer.statusCode,
              cookies: answer.headers['set-cookie'] ?? [],
              body: JSON.parse((await answer.toArray()).join('')) as CodeReply,
            }),
        );
        call.on('error', reject).end(JSON.stringify(body));
      });
    }

    it('serves the client by HTTPS under any name, with a cookie that only HTTPS carries', async () => {
      expect(starling.url).toMatch(/^https:\/\/localhost:/);
      const account = { email: 'ann@example.org', password: 'correct horse battery', name: 'Ann' };
      const elsewhere = await post('chat.example.org', '/v1/accounts', { ...account, email: 'bob@example.org' });
      expect(elsewhere).toMatchObject({ status: 202, body: { id: expect.any(String) } });
      expect(elsewhere.body.code).toBeUndefined();
      const { body: begun } = await post(new URL(starling.url).host, '/v1/accounts', account);
      const reply = await post('chat.example.org', '/v1/accounts/confirm', { id: begun.id, code: begun.code });
      expect(reply.status).toBe(201);
      expect(reply.cookies).toContainEqual(expect.stringMatching(/^__Host-starling=.*; Path=\/.*; HttpOnly; Secure; SameSite=Lax$/));
    });

    it('refuses a second Starling on the same database', async () => {
      await expectRefusal(['--data', join(folder, 'second'), '--port', '0', '--database', database.url], /Another Starling is running on/);
    });
  });
});
