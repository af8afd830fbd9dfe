import { collectionPath, objectPath, RESOURCES } from './resources.ts';
import { jitter, pause, systemTime, type Time } from './time.ts';
import type { KubeClient, KubeError, KubeObject } from './types.ts';

export interface Campaign {
  /** False from the moment on at which another could lead, whatever is under way. */
  leads(): boolean;
  /** Ends it; as leader, frees the Lease so that another leads at once. Call it when the leader's work has ended. */
  stop(): Promise<void>;
}

export interface CampaignOptions {
  /** One whose `mayWrite` does not ask this campaign, and whose deadline is at most `retryMs` or so. */
  client: KubeClient;
  namespace: string;
  name: string;
  /** Different for each process, and each start of it. */
  identity: string;
  time?: Time | undefined;
  /** After which silence of the leader another takes the Lease, ms; whole seconds. */
  leaseMs?: number | undefined;
  /** After which the leader that cannot renew stops, ms; less than `leaseMs`. */
  renewDeadlineMs?: number | undefined;
  retryMs?: number | undefined;
  onLead: () => void;
  onLoss: () => void;
  onError?: (error: KubeError) => void;
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

/**
 * Tries to lead, for ever: after a loss too. No clock is compared with another machine's: a Lease has run out when this process has not
 * seen it change for as long as it lasts, by its own clock; the times in it are for people.
 */
export function campaign(options: CampaignOptions): Campaign {
  const { client, namespace, name, identity, time = systemTime } = options;
  const { leaseMs = 15_000, renewDeadlineMs = 10_000, retryMs = 2_000 } = options;
  const path = objectPath({ resource: RESOURCES.Lease, namespace, name });
  const stopped = new AbortController();
  /** The Lease as it was last seen, and since when it has been seen like that. */
  let seen: { lease: KubeObject; at: number } | undefined;
  /** Until when nobody else can have taken the Lease, by our clock; undefined: it is not ours. */
  let leadsUntil: number | undefined;
  let cancelLoss = () => {};

  function see(lease: KubeObject): void {
    if (seen?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion) seen = { lease, at: time.now() };
  }

  function lose(): void {
    if (leadsUntil === undefined) return;
    leadsUntil = undefined;
    cancelLoss();
    options.onLoss();
  }

  /** `begun`: when the request that renewed it was sent; another counts from later than that. */
  function hold(begun: number): void {
    const first = leadsUntil === undefined;
    leadsUntil = begun + renewDeadlineMs;
    cancelLoss();
    cancelLoss = time.after(Math.max(0, leadsUntil - time.now()), lose);
    if (first) options.onLead();
  }

  function specFor(current: LeaseSpec | undefined): LeaseSpec {
    const now = new Date().toISOString().replace('Z', '000Z');
    const mine = current?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: mine ? (current.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: mine || !current ? (current?.leaseTransitions ?? 0) : (current.leaseTransitions ?? 0) + 1,
    };
  }

  function isTaken({ lease, at }: { lease: KubeObject; at: number }): boolean {
    const { holderIdentity, leaseDurationSeconds = 0 } = lease['spec'] as LeaseSpec;
    return Boolean(holderIdentity) && holderIdentity !== identity && time.now() < at + leaseDurationSeconds * 1000;
  }

  async function write(lease: KubeObject, spec: LeaseSpec): Promise<void> {
    see((await client.request('PUT', path, { ...lease, spec })) as KubeObject);
  }

  /** One round: take it, or renew it. Rejects if the API does not answer or another was quicker. */
  async function round(): Promise<void> {
    // As leader we are the only one to write it: no need to read it first.
    if (leadsUntil === undefined || seen === undefined) {
      const found = await client.get({ resource: RESOURCES.Lease, namespace, name });
      if (!found) {
        const begun = time.now();
        const manifest = { apiVersion: RESOURCES.Lease.apiVersion, kind: RESOURCES.Lease.kind, metadata: { name, namespace } };
        const body = { ...manifest, spec: specFor(undefined) };
        see((await client.request('POST', collectionPath(RESOURCES.Lease, namespace), body)) as KubeObject);
        return hold(begun);
      }
      see(found);
    }
    if (seen === undefined || isTaken(seen)) return;
    const begun = time.now();
    await write(seen.lease, specFor(seen.lease['spec'] as LeaseSpec));
    hold(begun);
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        await round();
      } catch (error) {
        // Another wrote it: read it again next time, and if it is another's, it is lost.
        if ((error as KubeError).status === 409) {
          const found = await client.get({ resource: RESOURCES.Lease, namespace, name }).catch(() => undefined);
          if (found) see(found);
          if (seen && (seen.lease['spec'] as LeaseSpec).holderIdentity !== identity) lose();
        } else if ((error as KubeError).status === 404) seen = undefined;
        options.onError?.(error as KubeError);
      }
      await pause(time, leadsUntil === undefined ? jitter(retryMs * 1.5) : retryMs, stopped.signal);
    }
  }

  const running = run();
  return {
    leads: () => leadsUntil !== undefined && time.now() < leadsUntil,
    async stop() {
      stopped.abort();
      await running;
      if (leadsUntil === undefined || seen === undefined) return;
      lose();
      const spec = { ...specFor(seen.lease['spec'] as LeaseSpec), holderIdentity: '', leaseDurationSeconds: 1 };
      // Otherwise it runs out by itself.
      await write(seen.lease, spec).catch((error: KubeError) => options.onError?.(error));
    },
  };
}
