import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderRedpanda } from './redpanda.ts';
import { EXTERNAL, inputOf, MINIMAL, PRODUCTION, pick } from './test-inputs.ts';

const run = promisify(execFile);
const filesOf = (spec = MINIMAL): Record<string, string> => pick(renderRedpanda(inputOf(spec)), 'ConfigMap', 'acme-redpanda').data;
const setOf = (spec = MINIMAL) => pick(renderRedpanda(inputOf(spec)), 'StatefulSet', 'acme-redpanda').spec;

describe('brokers', () => {
  it('are not rendered where the log is another’s', () => {
    expect(renderRedpanda(inputOf(EXTERNAL))).toEqual([]);
  });

  it('that are three find each other before any is ready, and start together', () => {
    const { spec } = pick(renderRedpanda(inputOf(PRODUCTION)), 'Service', 'acme-redpanda');
    expect(spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    expect(setOf(PRODUCTION)).toMatchObject({ podManagementPolicy: 'Parallel', replicas: 3 });
    const { redpanda } = parse(filesOf(PRODUCTION)['redpanda.yaml'] ?? '');
    expect(redpanda.seed_servers.map(({ host }: { host: { address: string } }) => host.address)).toEqual(
      [0, 1, 2].map((ordinal) => `acme-redpanda-${ordinal}.acme-redpanda.chat.svc`),
    );
    expect(redpanda.empty_seed_starts_cluster).toBe(false);
    expect(redpanda).not.toHaveProperty('node_id');
  });

  it('acknowledge what is on disk, and make no topic unasked', () => {
    const settings = parse(filesOf(PRODUCTION)['bootstrap.yaml'] ?? '');
    expect(settings).toMatchObject({ auto_create_topics_enabled: false, write_caching_default: 'disabled', default_topic_replications: 3 });
    for (const text of Object.values(filesOf(PRODUCTION))) expect(text).not.toMatch(/developer_mode|--mode|dev-container|unsafe/);
  });

  it('let nobody in without a password, and talk by TLS only', () => {
    const { redpanda } = parse(filesOf()['redpanda.yaml'] ?? '');
    const settings = parse(filesOf()['bootstrap.yaml'] ?? '');
    expect(settings).toMatchObject({
      enable_sasl: true,
      kafka_enable_authorization: true,
      admin_api_require_auth: true,
      superusers: ['starling-administrator'],
    });
    expect(redpanda.kafka_api).toEqual([{ name: 'internal', address: '0.0.0.0', port: 9093, authentication_method: 'sasl' }]);
    for (const tls of [redpanda.rpc_server_tls, ...redpanda.kafka_api_tls])
      expect(tls).toMatchObject({
        enabled: true,
        cert_file: '/etc/starling/tls/tls.crt',
        key_file: '/etc/starling/tls/tls.key',
        truststore_file: '/etc/starling/tls/ca.crt',
      });
    expect(redpanda.rpc_server_tls.require_client_auth).toBe(true);
    expect(redpanda.kafka_api_tls.map(({ name }: { name: string }) => name)).toEqual(
      redpanda.kafka_api.map(({ name }: { name: string }) => name),
    );
  });

  it('run as their own user, with room to write, and are asked whether they themselves are ready', () => {
    const pod = setOf().template.spec;
    expect(pod.securityContext).toMatchObject({ runAsUser: 101, fsGroup: 101 });
    const [container] = pod.containers;
    expect(container.readinessProbe.httpGet).toEqual({ path: '/v1/status/ready', port: 'admin' });
    const writable = container.volumeMounts
      .filter(({ readOnly }: { readOnly?: boolean }) => !readOnly)
      .map(({ mountPath }: { mountPath: string }) => mountPath);
    expect(writable.sort()).toEqual(['/etc/redpanda', '/tmp', '/var/lib/redpanda/data']);
    expect(pod.initContainers.map(({ name, image }: { name: string; image: string }) => [name, image])).toEqual([
      ['prepare', container.image],
    ]);
  });
});

describe('the scripts', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redpanda-'));
    for (const name of ['templates', 'config', 'administrator', 'bin']) await mkdir(join(folder, name));
    for (const [name, text] of Object.entries(filesOf(PRODUCTION))) await writeFile(join(folder, 'templates', name), moved(text));
  });

  afterEach(() => rm(folder, { recursive: true }));

  /** With the container's folders at places of the test's own. */
  function moved(text: string): string {
    return text
      .replaceAll('"/etc/starling/redpanda/', `"${folder}/templates/`)
      .replaceAll('"/etc/redpanda/', `"${folder}/config/`)
      .replaceAll('/etc/starling/broker-administrator/', `${folder}/administrator/`);
  }

  it('put the pod’s own name in its place, with nothing but the shell', async () => {
    const environment = { PATH: '/nowhere', POD_NAME: 'acme-redpanda-2', SERVICE_HOST: 'acme-redpanda.chat.svc' };
    await run('/bin/sh', [join(folder, 'templates/prepare.sh')], { env: environment });
    const { redpanda } = parse(await readFile(join(folder, 'config/redpanda.yaml'), 'utf8'));
    const own = 'acme-redpanda-2.acme-redpanda.chat.svc';
    expect(redpanda.advertised_kafka_api).toEqual([{ name: 'internal', address: own, port: 9093 }]);
    expect(redpanda.advertised_rpc_api).toEqual({ address: own, port: 33145 });
    const rest = { ...redpanda, advertised_kafka_api: undefined, advertised_rpc_api: undefined };
    const template = parse(filesOf(PRODUCTION)['redpanda.yaml'] ?? '').redpanda;
    expect(rest).toEqual({ ...template, advertised_kafka_api: undefined, advertised_rpc_api: undefined });
    expect(parse(await readFile(join(folder, 'config/.bootstrap.yaml'), 'utf8'))).toEqual(
      parse(filesOf(PRODUCTION)['bootstrap.yaml'] ?? ''),
    );
  });

  it('start the broker within its memory, with the administrator in no file or argument', async () => {
    await writeFile(join(folder, 'administrator/username'), 'starling-administrator');
    await writeFile(join(folder, 'administrator/password'), 'p$a"s s\n');
    await writeFile(join(folder, 'bin/rpk'), '#!/bin/sh\nprintf "%s\\n" "$RP_BOOTSTRAP_USER" "$@"\n', { mode: 0o755 });
    const { stdout } = await run('/bin/sh', [join(folder, 'templates/start.sh')], { env: { PATH: `${folder}/bin:/bin:/usr/bin` } });
    const [user, ...args] = stdout.trim().split('\n');
    expect(user).toBe('starling-administrator:p$a"s s:SCRAM-SHA-512');
    expect(args.slice(0, 2)).toEqual(['redpanda', 'start']);
    // 8 GiB and two cores: see the production sample.
    for (const flag of ['--overprovisioned', '--lock-memory=false', '--smp=2', '--memory=6553M', '--reserve-memory=0M'])
      expect(args).toContain(flag);
  });
});
