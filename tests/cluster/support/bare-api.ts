import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { waitUntil } from './conditions.ts';
import { stateFile } from './state-folder.ts';

const run = promisify(execFile);
const START_MS = 120_000;

/** A real API server with a real store, and nothing else of a cluster: nobody makes pods, or does anything with what is stored. */
export interface BareApi {
  /** Of somebody who may everything. */
  kubeconfig: string;
  kubectl(args: string[], input?: string): Promise<string>;
  close(): Promise<void>;
}

/** Starts one on this machine, from the programs of `npm run cluster:up`. */
export async function startBareApi(): Promise<BareApi> {
  const bin = process.env['K8S_BIN'] || stateFile('bin');
  const folder = await mkdtemp(join(tmpdir(), 'starling-bare-api-'));
  const [client, peer, api] = (await Promise.all([freePort(), freePort(), freePort()])) as [number, number, number];
  const key = join(folder, 'accounts.key');
  const tokens = join(folder, 'tokens.csv');
  const token = crypto.randomUUID();
  await run('openssl', ['genrsa', '-out', key, '2048']);
  await writeFile(tokens, `${token},tests,tests,system:masters\n`, { mode: 0o600 });

  function start(program: string, flags: Record<string, string>) {
    const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    const child = spawn(join(bin, program), args, { stdio: 'ignore', cwd: folder });
    const ended = once(child, 'close');
    return async () => {
      if (child.exitCode === null) child.kill('SIGKILL');
      await ended;
    };
  }

  const endStore = start('etcd', {
    'data-dir': join(folder, 'etcd'),
    'listen-client-urls': `http://127.0.0.1:${client}`,
    'advertise-client-urls': `http://127.0.0.1:${client}`,
    'listen-peer-urls': `http://127.0.0.1:${peer}`,
    'initial-advertise-peer-urls': `http://127.0.0.1:${peer}`,
    'initial-cluster': `default=http://127.0.0.1:${peer}`,
    'log-level': 'error',
    'unsafe-no-fsync': 'true',
  });
  const endApi = start('kube-apiserver', {
    'etcd-servers': `http://127.0.0.1:${client}`,
    'bind-address': '127.0.0.1',
    'secure-port': String(api),
    'cert-dir': join(folder, 'certificates'),
    'token-auth-file': tokens,
    'authorization-mode': 'RBAC',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': key,
    'service-account-signing-key-file': key,
    'service-cluster-ip-range': '10.250.0.0/16',
    // Pods of the test name accounts that nobody fills with tokens.
    'disable-admission-plugins': 'ServiceAccount',
  });
  const kubeconfig = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: `https://127.0.0.1:${api}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
  const file = join(folder, 'kubeconfig');
  await writeFile(file, kubeconfig, { mode: 0o600 });

  async function kubectl(args: string[], input?: string): Promise<string> {
    const started = run(join(bin, 'kubectl'), ['--kubeconfig', file, '--cache-dir', join(folder, 'cache'), ...args], {
      maxBuffer: 2 ** 28,
    });
    started.child.stdin?.end(input);
    return (await started).stdout;
  }

  await waitUntil('the API server to be ready', START_MS, async () => (await kubectl(['get', '--raw', '/readyz'])) === 'ok');
  return {
    kubeconfig,
    kubectl,
    async close() {
      await endApi();
      await endStore();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
