import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeApiServer } from '../../operator/kube/test-fake-api-server.ts';
import type { KubeObject } from '../../operator/kube/types.ts';
import { BenchError, type Figure, positiveInteger, type Scenario, type ScenarioContext } from '../scenario.ts';
import { createControllers } from './controllers.ts';
import { type OperatorProcess, startOperatorProcess } from './operator-process.ts';

const MEGABYTE = 1_000_000;
/** Beyond what one ChatCluster takes, for a hundred. */
const MEMORY_GOAL_MEGABYTES = 60;
const PATIENCE_MS = 600_000;

/**
 * What the operator costs: its process runs against an API in memory, whose controllers are played, first until all
 * ChatClusters are Ready, then anew with everything at rest.
 */
export const operator: Scenario = {
  name: 'operator',
  summary: 'CPU of reconciles, and memory with many ChatClusters beside that with one',
  options: {
    clusters: { describe: 'ChatClusters', default: '100' },
    reconciles: { describe: 'reconciles without anything to do, that are measured; in quick runs a third', default: '600' },
  },
  async run({ quick, options, note }) {
    const clusters = positiveInteger(options, 'clusters');
    const reconciles = Math.ceil(positiveInteger(options, 'reconciles') / (quick ? 3 : 1));
    const one = await measure(1, reconciles, note);
    const many = await measure(clusters, reconciles, note);
    return figuresOf(clusters, one, many);
  },
};

interface Measured {
  /** Until Ready, per ChatCluster. */
  installCpuMs: number;
  /** Per reconcile without anything to do. */
  reconcileCpuMs: number;
  memoryBytes: number;
}

function figuresOf(clusters: number, one: Measured, many: Measured): Figure[] {
  const alone = { peer: undefined, peerName: undefined };
  const names = `${clusters} ChatClusters`;
  return [
    {
      figure: `memory with ${names}`,
      unit: 'MB',
      ours: many.memoryBytes / MEGABYTE,
      peer: one.memoryBytes / MEGABYTE,
      peerName: 'with one',
    },
    {
      figure: `memory more with ${names} than with one`,
      unit: 'MB',
      ours: (many.memoryBytes - one.memoryBytes) / MEGABYTE,
      ...alone,
      goal: { atMost: MEMORY_GOAL_MEGABYTES },
    },
    {
      figure: `CPU of a reconcile with nothing to do, ${names}`,
      unit: 'ms',
      ours: many.reconcileCpuMs,
      peer: one.reconcileCpuMs,
      peerName: 'with one',
    },
    { figure: 'CPU from apply to Ready, per ChatCluster', unit: 'ms', ours: many.installCpuMs, ...alone },
  ];
}

async function measure(count: number, reconciles: number, note: ScenarioContext['note']): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-operator-'));
  const api = new FakeApiServer();
  await api.start();
  const names = Array.from({ length: count }, (_, index) => `team-${index}`);
  for (const namespace of names) api.put(pathOf(namespace), chatCluster(namespace));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, JSON.stringify(kubeconfigOf(api.url)));
  let running: OperatorProcess | undefined;
  try {
    const begun = performance.now();
    running = await startOperatorProcess(kubeconfig, await freePort());
    const before = (await running.read()).cpuSeconds;
    const control = createControllers(api);
    await until('all ChatClusters are Ready', async () => {
      control();
      return names.every((namespace) => isReady(api.read(pathOf(namespace))));
    });
    const installCpuMs = (((await running.read()).cpuSeconds - before) / count) * 1_000;
    note(`${count} ChatClusters: Ready after ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
    await running.stop();

    running = await startOperatorProcess(kubeconfig, await freePort());
    const at = running;
    await until('each ChatCluster was looked at', async () => (await at.read()).reconciles >= count && (await at.read()).idle);
    const rounds = Math.ceil(reconciles / count);
    const writes = countWrites(api);
    const [start, end] = [await at.read(), await reconcileAll(api, names, at, rounds)];
    const done = end.reconciles - start.reconciles;
    const reconcileCpuMs = ((end.cpuSeconds - start.cpuSeconds) / done) * 1_000;
    if (countWrites(api) > writes) throw new BenchError('the operator wrote something though nothing was to be done');
    note(
      `${count} ChatClusters: ${done} reconciles at ${reconcileCpuMs.toFixed(2)} ms of CPU, ${(end.memoryBytes / MEGABYTE).toFixed(0)} MB`,
    );
    return { installCpuMs, reconcileCpuMs, memoryBytes: end.memoryBytes };
  } finally {
    await running?.stop();
    await api.stop();
    await rm(folder, { recursive: true });
  }
}

/** Lets the watch tell of each ChatCluster so many times, and waits each time until all were looked at. */
async function reconcileAll(api: FakeApiServer, names: readonly string[], at: OperatorProcess, rounds: number) {
  let reading = await at.read();
  for (let round = 0; round < rounds; round += 1) {
    const wanted = reading.reconciles + names.length;
    for (const namespace of names)
      api.change(pathOf(namespace), 'bench', (object) => ({
        ...object,
        metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, 'bench.starling.chat/round': String(round) } },
      }));
    await until('all were reconciled', async () => {
      reading = await at.read();
      return reading.reconciles >= wanted && reading.idle;
    });
  }
  return reading;
}

/** Of anything but the Lease. */
function countWrites(api: FakeApiServer): number {
  return api.requests.filter(({ method, path }) => method !== 'GET' && !path.includes('/leases')).length;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new BenchError(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function pathOf(namespace: string): string {
  return `/apis/starling.chat/v1alpha1/namespaces/${namespace}/chatclusters/chat`;
}

function chatCluster(namespace: string) {
  return {
    apiVersion: 'starling.chat/v1alpha1',
    kind: 'ChatCluster',
    metadata: { name: 'chat', namespace, generation: 1 },
    spec: { host: `${namespace}.example.com` },
  };
}

function isReady(cluster: KubeObject | undefined): boolean {
  const conditions = (cluster?.status?.['conditions'] ?? []) as { type: string; status: string }[];
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** Plain HTTP is taken only where no certificate is asked for. */
function kubeconfigOf(server: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'bench', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'bench', user: {} }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    'current-context': 'bench',
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
