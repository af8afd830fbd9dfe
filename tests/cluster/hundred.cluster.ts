import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BareApi, startBareApi } from './support/bare-api.ts';
import { smallChatCluster } from './support/chat-cluster.ts';
import { isOwnCluster, type LiveObject, readManifest, waitUntil } from './support/index.ts';
import { type OperatorProcess, startOperatorProcess } from './support/operator-process.ts';
import { pretendControllers } from './support/pretended-controllers.ts';

const COUNT = 100;
const MOST_MORE = 60 * 1024 * 1024;
const NAMESPACE = 'hundred';
const READY_MS = 1_500_000;
/** For so long its memory is looked at, once it has nothing to do. */
const LOOK_MS = 60_000;
const LOOK_EVERY_MS = 500;
const MEBIBYTE = 1024 * 1024;

describe.runIf(isOwnCluster)('the memory of the operator', () => {
  let api: BareApi;
  let controllers: ReturnType<typeof pretendControllers>;
  let operator: OperatorProcess | undefined;
  const nameOf = (number: number) => `chat-${String(number).padStart(3, '0')}`;

  beforeAll(async () => {
    api = await startBareApi();
    await api.kubectl(['apply', '--server-side', '--filename', '-'], await readManifest('crd.yaml'));
    await api.kubectl(['wait', '--for=condition=Established', 'crd/chatclusters.starling.chat', '--timeout=60s']);
    await api.kubectl(['create', 'namespace', NAMESPACE]);
    controllers = pretendControllers(api.kubeconfig);
  }, 300_000);
  afterAll(async () => {
    await operator?.stop();
    await controllers?.close();
    await api?.close();
  });

  async function makeChatClusters(from: number, to: number): Promise<void> {
    const items = Array.from({ length: to - from }, (_, index) => {
      const { spec, ...manifest } = smallChatCluster(nameOf(from + index));
      // The metrics API is no part of this: with no autoscaler of ours each is ready.
      return { ...manifest, spec: { ...spec, autoscaling: { source: 'PrometheusAdapter', minReplicas: 1, maxReplicas: 2 } } };
    });
    const list = { apiVersion: 'v1', kind: 'List', items };
    await api.kubectl(['--namespace', NAMESPACE, 'apply', '--filename', '-'], JSON.stringify(list));
    await waitUntil(`${to} ChatClusters to be ready`, READY_MS, async () => {
      await delay(2_000);
      const { items } = JSON.parse(await api.kubectl(['--namespace', NAMESPACE, 'get', 'chatclusters', '--output=json'])) as {
        items: LiveObject[];
      };
      const isReady = ({ status }: LiveObject) =>
        status?.conditions?.some((one: LiveObject) => one['type'] === 'Ready' && one['status'] === 'True');
      const ready = items.filter(isReady);
      if (ready.length < to) return undefined;
      return true;
    });
  }

  /** Starts it with what there is, and resolves with the least memory that it has while it is at rest. */
  async function measureFromStart(): Promise<number> {
    await operator?.stop();
    operator = await startOperatorProcess({ kubeconfig: api.kubeconfig, lease: NAMESPACE });
    return measure();
  }

  async function measure(): Promise<number> {
    const process = operator as OperatorProcess;
    await waitUntil('the operator to have nothing to do', 300_000, async () => {
      const before = await workOf(process);
      await delay(5_000);
      return before.done > 0 && before.leads && (await workOf(process)).done === before.done;
    });
    let least = Number.POSITIVE_INFINITY;
    const until = Date.now() + LOOK_MS;
    while (Date.now() < until) {
      least = Math.min(least, await process.residentBytes());
      await delay(LOOK_EVERY_MS);
    }
    return least;
  }

  async function workOf(process: OperatorProcess): Promise<{ done: number; leads: boolean }> {
    const text = await process.readMetrics();
    const [, done = '0'] = /^starling_operator_reconcile_seconds_count\{result="done"\} (\d+)/m.exec(text) ?? [];
    return { done: Number(done), leads: /^starling_operator_leader 1$/m.test(text) };
  }

  it(`with ${COUNT} ChatClusters is at most 60 MB more than with one`, async () => {
    operator = await startOperatorProcess({ kubeconfig: api.kubeconfig, lease: NAMESPACE });
    await makeChatClusters(0, 1);
    const one = await measureFromStart();
    const started = performance.now();
    await makeChatClusters(1, COUNT);
    const seconds = (performance.now() - started) / 1000;
    const made = await measure();
    const hundred = await measureFromStart();
    const mebibytes = (bytes: number) => `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
    console.log(
      `1 ChatCluster: ${mebibytes(one)}; ${COUNT}: ${mebibytes(hundred)} from the start, ${mebibytes(made)} after ${COUNT - 1} were made in ${seconds.toFixed(0)} s`,
    );
    expect(hundred - one).toBeLessThanOrEqual(MOST_MORE);
    expect(made - one).toBeLessThanOrEqual(MOST_MORE);
  }, 2_400_000);
});
