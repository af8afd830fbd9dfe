import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type WatchingCache, watchObjects } from './cache.ts';
import { connectTo, type KubeConnection } from './connect.ts';
import { RESOURCES } from './resources.ts';
import { FakeApiServer } from './test-fake-api-server.ts';
import { compressTime } from './test-time.ts';
import type { KubeError, KubeObject } from './types.ts';

const DEADLINE = { deadline: 15_000 };
const time = compressTime(100);

let server: FakeApiServer;
let connection: KubeConnection;
let cache: WatchingCache;
let errors: KubeError[] = [];
let changes: string[] = [];
beforeEach(async () => {
  errors = [];
  changes = [];
  server = new FakeApiServer();
  await server.start();
  connection = connectTo(server.url);
  for (const name of ['one', 'two']) put(name, '1');
  cache = startCache();
  await cache.whenSynced();
});
afterEach(async () => {
  await cache.stop();
  await connection.close();
  await server.stop();
});

function startCache(options: { namespaces?: string[]; idleMs?: number } = {}): WatchingCache {
  return watchObjects(connection, {
    kinds: [{ resource: RESOURCES.ConfigMap, labelSelector: 'starling.chat/cluster' }],
    time,
    ...options,
    onWatchError: (_, error) => errors.push(error),
    onChange: ({ metadata }, change) => changes.push(`${metadata.name} ${change}`),
  });
}

function put(name: string, value: string, namespace = 'chat'): KubeObject {
  const metadata = { name, namespace, labels: { 'starling.chat/cluster': 'demo' } };
  return server.put(`/api/v1/namespaces/${namespace}/configmaps/${name}`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data: { value },
  });
}

function readValue(name: string, namespace = 'chat'): string | undefined {
  return (cache.get({ resource: RESOURCES.ConfigMap, namespace, name })?.['data'] as { value: string } | undefined)?.value;
}

const lists = () => server.requests.filter(({ watch }) => !watch).length;
const watches = () => server.requests.filter(({ watch }) => watch).length;
const watching = () => waitFor(() => server.openWatches === 1, DEADLINE);

/** What happened while nobody told the cache is known soon. */
async function expectCaughtUp(value: string): Promise<void> {
  await waitFor(() => readValue('one') === value, DEADLINE);
  put('later', value);
  await waitFor(() => readValue('later') === value, DEADLINE);
}

describe('a watch', () => {
  it('that ends cleanly goes on from where it was, without a list', async () => {
    await watching();
    const before = watches();
    server.endWatches();
    put('one', '2');
    await expectCaughtUp('2');
    expect(lists()).toBe(1);
    expect(watches()).toBe(before + 1);
    expect(errors).toEqual([]);
  });

  it('goes on from the last bookmark, though what came before is forgotten', async () => {
    await watching();
    server.put('/api/v1/namespaces/chat/secrets/other', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'other', namespace: 'chat' },
    });
    server.sendBookmarks();
    server.forget();
    server.endWatches();
    await expectCaughtUp('1');
    expect(lists()).toBe(1);
  });

  it.each([
    ['in its stream', () => server.expireWatches()],
    [
      'when it is begun again',
      () => {
        server.forget();
        server.endWatches();
      },
    ],
  ])('that has expired, as it is told %s, is begun with a list, and what is gone is gone', async (_, expire) => {
    await watching();
    server.silenceWatches();
    put('one', '2');
    server.delete('/api/v1/namespaces/chat/configmaps/two');
    server.endWatches('drop');
    expire();
    // The silent one is open still, for all that the client knows.
    await server.stop();
    await server.start();
    await expectCaughtUp('2');
    expect(readValue('two')).toBeUndefined();
    expect(changes).toContain('two deleted');
    expect(lists()).toBe(2);
  });

  it('whose connection breaks goes on, without a list', async () => {
    await watching();
    server.endWatches('drop');
    put('one', '2');
    await expectCaughtUp('2');
    expect(lists()).toBe(1);
    expect(errors).toHaveLength(1);
  });

  it('outlives a restart of the API', async () => {
    await watching();
    await server.stop();
    put('one', '2');
    await waitFor(() => errors.length > 2, DEADLINE);
    await server.start();
    await expectCaughtUp('2');
  });

  it('that is silent for too long is begun again', async () => {
    await cache.stop();
    cache = startCache({ idleMs: 30_000 });
    await cache.whenSynced();
    await watching();
    server.silenceWatches();
    put('one', '2');
    await expectCaughtUp('2');
    expect(errors[0]?.message).toContain('silent');
  });

  it('stays open as long as bookmarks come', async () => {
    await cache.stop();
    cache = startCache({ idleMs: 30_000 });
    await cache.whenSynced();
    await watching();
    const before = watches();
    const end = time.now() + 90_000;
    await waitFor(() => {
      server.sendBookmarks();
      return time.now() > end;
    }, DEADLINE);
    expect(watches()).toBe(before);
    expect(errors).toEqual([]);
  });

  it.each([429, 500, 503])('that is answered %i comes back when it is asked to, and not before', async (status) => {
    await watching();
    const since = time.now();
    server.fault = ({ watch }) => (watch && time.now() - since < 30_000 ? { status, retryAfter: 5 } : undefined);
    const before = watches();
    server.endWatches('drop');
    put('one', '2');
    await expectCaughtUp('2');
    expect(lists()).toBe(1);
    // Each time it waits for 5 s or, from some failures on, longer.
    expect(watches() - before).toBeLessThanOrEqual(8);
  });

  it('that has no answer to its list asks less and less often, and for ever', async () => {
    await cache.stop();
    server.fault = () => ({ status: 500 });
    const before = server.requests.length;
    const begun = time.now();
    cache = startCache();
    await waitFor(() => time.now() - begun > 120_000, DEADLINE);
    const tries = server.requests.length - before;
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(20);
    server.fault = () => undefined;
    await cache.whenSynced();
  });

  it('begins its list again when the pages are forgotten', async () => {
    await cache.stop();
    for (let number = 0; number < 300; number += 1) put(`many-${number}`, '1');
    let failed = false;
    server.fault = ({ query }) => {
      if (failed || !query.has('continue')) return undefined;
      failed = true;
      return { status: 410, reason: 'Expired' };
    };
    cache = startCache();
    await cache.whenSynced();
    expect(cache.list(RESOURCES.ConfigMap)).toHaveLength(302);
    expect(failed).toBe(true);
  });
});

describe('the cache', () => {
  it('knows what was just written before the watch tells, and is not set back by what the watch tells late', async () => {
    await watching();
    server.silenceWatches();
    const second = put('one', '2');
    cache.observe(second);
    expect(readValue('one')).toBe('2');
    cache.observe({ ...second, metadata: { ...second.metadata, resourceVersion: '1' }, data: { value: 'old' } });
    expect(readValue('one')).toBe('2');
  });

  it('tells each change once', async () => {
    changes = [];
    await watching();
    cache.observe(put('one', '2'));
    put('three', '1');
    await waitFor(() => readValue('three'), DEADLINE);
    expect(changes).toEqual(['one changed', 'three changed']);
  });

  it('is of the namespaces that it is given, by a watch each', async () => {
    await cache.stop();
    put('one', 'b', 'b');
    put('one', 'c', 'c');
    server.requests.length = 0;
    cache = startCache({ namespaces: ['chat', 'b'] });
    await cache.whenSynced();
    expect([readValue('one'), readValue('one', 'b'), readValue('one', 'c')]).toEqual(['1', 'b', undefined]);
    expect(cache.list(RESOURCES.ConfigMap, { namespace: 'b' })).toHaveLength(1);
    expect(server.requests.every(({ path }) => /namespaces\/(chat|b)\//.test(path))).toBe(true);
  });

  it('gives copies', () => {
    const reference = { resource: RESOURCES.ConfigMap, namespace: 'chat', name: 'one' };
    Object.assign(cache.get(reference) ?? {}, { data: {} });
    expect(readValue('one')).toBe('1');
  });

  it('throws for what it does not watch', () => {
    expect(() => cache.get({ resource: RESOURCES.Secret, namespace: 'chat', name: 'one' })).toThrow('secrets are not watched');
  });

  it('holds of Pods and of managedFields only what is needed', async () => {
    await cache.stop();
    server.put('/api/v1/namespaces/chat/pods/p', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'chat' },
      spec: { nodeName: 'n', volumes: [{ name: 'v' }], containers: [{ name: 'c', image: 'i', env: [{ name: 'A' }] }] },
      status: { phase: 'Running' },
    });
    cache = watchObjects(connection, { kinds: [{ resource: RESOURCES.Pod }, { resource: RESOURCES.ConfigMap }], time });
    await cache.whenSynced();
    const pod = cache.get({ resource: RESOURCES.Pod, namespace: 'chat', name: 'p' });
    expect(pod).toMatchObject({ spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] }, status: { phase: 'Running' } });
    expect(JSON.stringify(pod)).not.toMatch(/volumes|managedFields|env/);
    const map = cache.get({ resource: RESOURCES.ConfigMap, namespace: 'chat', name: 'one' });
    expect(map?.metadata.managedFields).toMatchObject([{ manager: 'somebody' }]);
  });
});
