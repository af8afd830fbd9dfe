import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renderPostgres } from './postgres.ts';
import { EXTERNAL, inputOf, MINIMAL, pick } from './test-inputs.ts';

const rendered = renderPostgres(inputOf(MINIMAL));
const { data: files } = pick(rendered, 'ConfigMap', 'acme-postgres');

describe('the database', () => {
  const pod = pick(rendered, 'StatefulSet', 'acme-postgres').spec.template.spec;
  const [container] = pod.containers;

  it('is not rendered where it is another’s', () => {
    expect(renderPostgres(inputOf(EXTERNAL))).toEqual([]);
  });

  it('lets in by TLS and password alone', () => {
    const rules = files['pg_hba.conf']
      .trim()
      .split('\n')
      .map((line: string) => line.split(/\s+/));
    expect(rules).toEqual([
      ['local', 'all', 'all', 'scram-sha-256'],
      ['hostssl', 'all', 'all', 'all', 'scram-sha-256'],
    ]);
    for (const option of ['ssl=on', 'ssl_key_file=/etc/starling/tls/tls.key', 'password_encryption=scram-sha-256'])
      expect(files['run.sh']).toContain(`-c ${option}`);
  });

  it('reads its key as its group, which is no more than it accepts of a file of root', () => {
    expect(pod.securityContext).toMatchObject({ runAsUser: 999, fsGroup: 999 });
    const { secret } = pod.volumes.find(({ name }: { name: string }) => name === 'tls');
    expect(secret.defaultMode & ~0o640).toBe(0);
  });

  it('keeps data in a folder of its volume, and the password in a file', () => {
    const env = Object.fromEntries(container.env.map(({ name, value }: { name: string; value: string }) => [name, value]));
    const [volume] = container.volumeMounts.filter(({ name }: { name: string }) => name === 'data');
    expect(env['PGDATA'].startsWith(`${volume.mountPath}/`)).toBe(true);
    expect(env).toMatchObject({ POSTGRES_DB: 'starling', POSTGRES_PASSWORD_FILE: '/etc/starling/postgres-administrator/password' });
  });
});

describe('what runs the server', () => {
  let folder: string;
  let child: ChildProcess;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postgres-'));
    await mkdir(join(folder, 'bin'));
    await writeFile(join(folder, 'tls.crt'), 'one');
  });

  afterEach(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true });
  });

  const seen = () => readFile(join(folder, 'seen'), 'utf8').catch(() => '');
  const untilSeen = (text: string) =>
    waitFor(async () => (await seen()).includes(text), { deadline: 15_000, describe: `${text} in ${folder}/seen` });

  /** A server that tells which signals it got. It makes its data folder, with its pid, as PostgreSQL does. */
  async function start(options: { ensure?: string } = {}): Promise<void> {
    const server = `#!/usr/bin/env node
      const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
      const tell = (text) => appendFileSync('${folder}/seen', text + '\\n');
      process.on('SIGHUP', () => tell('HUP'));
      process.on('SIGTERM', () => { tell('TERM'); process.exit(9); });
      process.on('SIGINT', () => { tell('INT'); process.exit(3); });
      mkdirSync(process.env.PGDATA, { recursive: true });
      writeFileSync(process.env.PGDATA + '/postmaster.pid', process.pid + '\\n');
      tell('serves ' + process.argv.slice(2, 5).join(' '));
      setInterval(() => {}, 1000);`;
    await writeFile(join(folder, 'bin/docker-entrypoint.sh'), server, { mode: 0o755 });
    if (options.ensure !== undefined)
      await writeFile(join(folder, 'bin/docker-ensure-initdb.sh'), `#!/bin/sh\n${options.ensure}\n`, { mode: 0o755 });
    const script = files['run.sh'].replaceAll('/etc/starling/tls/tls.crt"', `${folder}/tls.crt"`).replace('sleep 5', 'sleep 0.1');
    expect(script).toContain(folder);
    await writeFile(join(folder, 'run.sh'), script);
    const path = `${folder}/bin:${join(process.execPath, '..')}:/usr/bin:/bin`;
    child = spawn('/bin/sh', [join(folder, 'run.sh')], {
      env: { PATH: path, PGDATA: join(folder, 'data') },
      detached: true,
      stdio: 'ignore',
    });
  }

  it('tells it when the certificate has changed, once', async () => {
    await start();
    await untilSeen('serves postgres -c listen_addresses=*');
    expect(await seen()).not.toContain('HUP');
    await writeFile(join(folder, 'tls.crt'), 'two');
    await untilSeen('HUP');
    await writeFile(join(folder, 'tls.crt'), 'three');
    await untilSeen('HUP\nHUP');
    expect(child.exitCode).toBeNull();
  });

  it('ends it quickly at TERM, waits for it, and ends as it did', async () => {
    await start();
    await untilSeen('serves');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([3, null]);
    expect(await seen()).toMatch(/INT\n$/);
  });

  it('ends with a server that ends by itself', async () => {
    await start();
    await untilSeen('serves');
    const ended = once(child, 'exit');
    process.kill(Number(await readFile(join(folder, 'data/postmaster.pid'), 'utf8')), 'SIGKILL');
    expect(await ended).toEqual([128 + 9, null]);
  });

  it('makes the database beside its place: a first start that ends half-way leaves nothing that looks whole', async () => {
    await start({ ensure: 'mkdir "$PGDATA" && touch "$PGDATA/half" && exit 4' });
    expect(await once(child, 'exit')).toEqual([4, null]);
    await start({ ensure: `[ ! -e "$PGDATA/half" ] && mkdir "$PGDATA" && touch "$PGDATA/whole" && echo made >>${folder}/seen` });
    await untilSeen('serves');
    expect(await seen()).toMatch(/^made\nserves/);
    expect(await readFile(join(folder, 'data/whole'), 'utf8')).toBe('');
  });
});
