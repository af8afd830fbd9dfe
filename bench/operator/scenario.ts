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
/** Between two changes of one ChatCluster: longer than the operator gathers changes (100 ms), so that each is reconciled by itself. */
const SAME_AGAIN_MS = 125;
/** Between two changes of any: slower than it reconciles. */
const NEXT_MS = 25;

/**
 * What the operator costs: its process runs against an API in memory, whose controllers are played, first until all
 * ChatClusters are Ready, then anew with everything at rest.
 */
export const operator: Scenario = {
  name: 'operator',
  summary: 'CPU of reconciles, and memory with many ChatClusters beside that with one',
  options: {
    clusters: { describe: 'ChatClusters', default: '100' },
    reconciles: { describe: 'changes without anything to do, each of which makes it reconcile; in quick runs a third', default: '300' },
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
  /** Of the process that made them all Ready. */
  installedBytes: number;
  /** Per reconcile without anything to do. */
  reconcileCpuMs: number;
  /** Of the process after it, which has done nothing else. */
  restBytes: number;
}

function figuresOf(clusters: number, one: Measured, many: Measured): Figure[] {
  const alone = { peer: undefined, peerName: undefined };
  const names = `${clusters} ChatClusters`;
  const memory = (when: string, ours: number, peer: number): Figure[] => [
    { figure: `memory ${when}, ${names}`, unit: 'MB', ours: ours / MEGABYTE, peer: peer / MEGABYTE, peerName: 'with one' },
    {
      figure: `memory ${when}, more than with one`,
      unit: 'MB',
      ours: (ours - peer) / MEGABYTE,
      ...alone,
      goal: { atMost: MEMORY_GOAL_MEGABYTES },
    },
  ];
  return [
    ...memory('at rest', many.restBytes, one.restBytes),
    ...memory('after making all Ready', many.installedBytes, one.installedBytes),
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
    const before = await running.read();
    const control = createControllers(api);
    await until('all ChatClusters are Ready', async () => {
      control();
      return names.every((namespace) => isReady(api.read(pathOf(namespace))));
    });
    const installed = await running.read();
    const installCpuMs = ((installed.cpuSeconds - before.cpuSeconds) / count) * 1_000;
    note(
      `${count} ChatClusters: Ready after ${((performance.now() - begun) / 1_000).toFixed(1)} s, ${megabytes(installed.memoryBytes)} MB`,
    );
    await running.stop();

    running = await startOperatorProcess(kubeconfig, await freePort());
    const at = running;
    await until('each ChatCluster was looked at', async () => (await at.read()).reconciles >= count && (await at.read()).idle);
    const writes = countWrites(api);
    const [start, end] = [await at.read(), await reconcileEach(api, names, at, reconciles)];
    const done = end.reconciles - start.reconciles;
    const reconcileCpuMs = ((end.cpuSeconds - start.cpuSeconds) / done) * 1_000;
    if (countWrites(api) > writes) throw new BenchError('the operator wrote something though nothing was to be done');
    if (end.failed > 0) throw new BenchError(`${end.failed} reconciles failed though nothing was to be done`);
    note(`${count} ChatClusters: ${done} reconciles at ${reconcileCpuMs.toFixed(2)} ms of CPU, ${megabytes(end.memoryBytes)} MB`);
    return { installCpuMs, installedBytes: installed.memoryBytes, reconcileCpuMs, restBytes: end.memoryBytes };
  } finally {
    await running?.stop();
    await api.stop();
    await rm(folder, { recursive: true });
  }
}

/**
 * Lets the watch tell of so many changes, of one ChatCluster after the other, at a pace at which each is reconciled by itself. The
 * operator is asked for its figures at the end only, since that costs it about as much as a reconcile.
 */
async function reconcileEach(api: FakeApiServer, names: readonly string[], at: OperatorProcess, changes: number) {
  const { reconciles } = await at.read();
  for (let change = 0; change < changes; change += 1) {
    const path = pathOf(names[change % names.length] ?? '');
    api.change(path, 'bench', (object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, 'bench.starling.chat/change': String(change) } },
    }));
    await pause(Math.max(NEXT_MS, SAME_AGAIN_MS / names.length));
  }
  // On a busy machine two changes of one ChatCluster may meet in one reconcile.
  const wanted = reconciles + Math.min(names.length, changes);
  await pause(2 * SAME_AGAIN_MS);
  let reading = await at.read();
  await until('all were reconciled', async () => {
    reading = await at.read();
    return reading.reconciles >= wanted && reading.idle;
  });
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
    await pause(20);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function megabytes(bytes: number): string {
  return (bytes / MEGABYTE).toFixed(0);
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
