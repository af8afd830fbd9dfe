import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Campaign, campaign } from './lease.ts';
import { ManualTime } from './test-time.ts';
import { type KubeClient, KubeError, type KubeObject } from './types.ts';

/** The Lease as the API holds it; `reachable: false`: no request is answered. */
interface Api {
  lease: KubeObject | undefined;
  reachable: boolean;
  writes: number;
}

let time: ManualTime;
let api: Api;
let candidates: Campaign[] = [];
let log: string[] = [];
beforeEach(() => {
  time = new ManualTime();
  api = { lease: undefined, reachable: true, writes: 0 };
  candidates = [];
  log = [];
});
afterEach(async () => {
  const stopped = Promise.all(candidates.map((candidate) => candidate.stop()));
  await time.advance(60_000);
  await stopped;
});

/** `path`: how this one reaches the API. */
function clientOf(path: { open: boolean }): KubeClient {
  const answer = async <T>(give: () => T): Promise<T> => {
    if (!api.reachable || !path.open) throw new KubeError('no answer', { status: 0, reason: '' });
    return structuredClone(give());
  };
  return {
    get: () => answer(() => api.lease),
    request: (method: string, _path: string, body: KubeObject) =>
      answer(() => {
        const conflict =
          method === 'POST' ? api.lease !== undefined : body.metadata.resourceVersion !== api.lease?.metadata.resourceVersion;
        if (conflict) throw new KubeError('conflict', { status: 409, reason: 'Conflict' });
        api.writes += 1;
        api.lease = { ...body, metadata: { ...body.metadata, uid: 'u', resourceVersion: String(api.writes) } };
        return api.lease;
      }),
  } as unknown as KubeClient;
}

function stand(identity: string, path = { open: true }): Campaign {
  const candidate = campaign({
    client: clientOf(path),
    namespace: 'chat',
    name: 'operator',
    identity,
    time,
    onLead: () => log.push(`${identity} leads`),
    onLoss: () => log.push(`${identity} lost`),
  });
  candidates.push(candidate);
  return candidate;
}

const specOf = () => api.lease?.['spec'] as { holderIdentity: string; leaseTransitions: number; renewTime: string };

describe('a campaign', () => {
  it('takes a Lease that is not there, and renews it with one write each time', async () => {
    const one = stand('one');
    await time.advance(1);
    expect(one.leads()).toBe(true);
    const before = api.writes;
    await time.advance(20_000);
    expect(api.writes - before).toBe(10);
    expect(log).toEqual(['one leads']);
  });

  it('waits for as long as the leader renews it, and takes it when it has been silent for its length', async () => {
    const path = { open: true };
    const one = stand('one', path);
    await time.advance(1);
    const two = stand('two');
    await time.advance(60_000);
    expect([one.leads(), two.leads()]).toEqual([true, false]);
    path.open = false;
    // The leader stops first: no two lead at a time.
    let both = false;
    let without = 0;
    for (let ms = 0; ms < 30_000; ms += 100) {
      await time.advance(100);
      both ||= one.leads() && two.leads();
      if (!one.leads() && !two.leads()) without += 100;
    }
    expect(both).toBe(false);
    expect(two.leads()).toBe(true);
    // 15 s and twice the time between two looks at it, less the 10 s after which the leader stops.
    expect(without).toBeLessThanOrEqual(11_100);
    expect(log).toEqual(['one leads', 'one lost', 'two leads']);
    expect(specOf()).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
  });

  it('does not believe the clock of another', async () => {
    const spec = { holderIdentity: 'other', leaseDurationSeconds: 15, renewTime: '1999-01-01T00:00:00.000000Z' };
    api.lease = { apiVersion: '', kind: '', metadata: { name: 'operator', uid: 'u', resourceVersion: '0' }, spec };
    const one = stand('one');
    await time.advance(14_000);
    expect(one.leads()).toBe(false);
    await time.advance(5_000);
    expect(one.leads()).toBe(true);
  });

  it('loses it when it cannot renew in time, and leads again when it can', async () => {
    const one = stand('one');
    await time.advance(1);
    api.reachable = false;
    await time.advance(7_900);
    expect(one.leads()).toBe(true);
    await time.advance(2_100);
    expect(one.leads()).toBe(false);
    api.reachable = true;
    await time.advance(5_000);
    expect(log).toEqual(['one leads', 'one lost', 'one leads']);
  });

  it('loses it at once when it sees that another has it', async () => {
    const one = stand('one');
    await time.advance(1);
    api.lease = { ...api.lease!, metadata: { ...api.lease!.metadata, resourceVersion: 'x' }, spec: { ...specOf(), holderIdentity: 'two' } };
    await time.advance(2_100);
    expect(one.leads()).toBe(false);
    expect(specOf().holderIdentity).toBe('two');
  });

  it('keeps it when somebody else changed the Lease but not its holder', async () => {
    const one = stand('one');
    await time.advance(1);
    api.lease = { ...api.lease!, metadata: { ...api.lease!.metadata, resourceVersion: 'x' } };
    await time.advance(9_000);
    expect(one.leads()).toBe(true);
    expect(log).toEqual(['one leads']);
  });

  it('makes the Lease anew when somebody deleted it', async () => {
    const one = stand('one');
    await time.advance(1);
    api.lease = undefined;
    await time.advance(12_000);
    expect(one.leads()).toBe(true);
    expect(specOf().holderIdentity).toBe('one');
  });

  it('frees it when it stops, so that the next need not wait', async () => {
    const one = stand('one');
    await time.advance(1);
    const two = stand('two');
    await time.advance(5_000);
    const stopped = one.stop();
    await time.advance(3_100);
    await stopped;
    expect([one.leads(), two.leads()]).toEqual([false, true]);
    expect(log).toEqual(['one leads', 'one lost', 'two leads']);
  });
});
