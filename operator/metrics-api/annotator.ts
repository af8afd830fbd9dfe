import type { Clock } from '@starling/platform/clock';
import type { Logger } from '@starling/platform/telemetry';
import { RESOURCES } from '../kube/resources.ts';
import { type KubeClient, KubeError } from '../kube/types.ts';
import type { DeliveryPod } from './delivery-pods.ts';
import type { Loads } from './loads.ts';
import { CONNECTIONS_ANNOTATION, planAnnotations } from './plan-annotations.ts';

/** Between two writes to one pod. */
const APART_MS = 60_000;
/** How many writes are under way at a time. */
const CONCURRENCY = 8;

interface AnnotatorOptions {
  client: Pick<KubeClient, 'patch'>;
  loads: Loads;
  clock: Clock;
  logger: Logger;
  /** Told after each write. */
  observe(outcome: 'written' | 'failed'): void;
}

/**
 * Writes on the pods how many connections they hold, and what it costs to end them: at most once a minute and pod, and
 * only what has changed. Whoever leads does it.
 */
export class Annotator {
  readonly #options: AnnotatorOptions;
  readonly #notBefore = new Map<string, number>();
  /** Since when this process leads, ms since 1970. */
  #since: number | undefined;

  constructor(options: AnnotatorOptions) {
    this.#options = options;
  }

  lead(leads: boolean): void {
    this.#since = leads ? (this.#since ?? this.#options.clock.now()) : undefined;
  }

  get leads(): boolean {
    return this.#since !== undefined;
  }

  async annotate(pods: DeliveryPod[]): Promise<void> {
    const { loads, clock } = this.#options;
    const now = clock.now();
    const known = new Set(pods.map(({ uid }) => uid));
    for (const uid of this.#notBefore.keys()) if (!known.has(uid)) this.#notBefore.delete(uid);
    const readings = pods.flatMap((pod) => {
      const reading = loads.connections(pod.uid, now);
      return reading ? [{ pod, connections: reading.value }] : [];
    });
    const due = planAnnotations(readings).filter(({ pod }) => now >= this.#dueAt(pod));
    const waiting = due.values();
    const write = async () => {
      for (const { pod, annotations } of waiting) if (this.leads) await this.#write(pod, annotations);
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, write));
  }

  /** Who led before may have written a moment ago. */
  #dueAt({ uid, annotations }: DeliveryPod): number {
    return this.#notBefore.get(uid) ?? (annotations[CONNECTIONS_ANNOTATION] === undefined ? 0 : (this.#since ?? Infinity) + APART_MS);
  }

  async #write({ uid, namespace, name }: DeliveryPod, annotations: Record<string, string>): Promise<void> {
    const { client, clock, logger, observe } = this.#options;
    this.#notBefore.set(uid, clock.now() + APART_MS);
    try {
      // With its uid: not another pod of the same name.
      await client.patch(
        { resource: RESOURCES.Pod, namespace, name },
        { metadata: { uid, annotations } },
        { manager: 'starling-metrics-api' },
      );
      observe('written');
    } catch (error) {
      // It is gone, which is no fault.
      if (error instanceof KubeError && (error.status === 404 || error.status === 409)) return;
      observe('failed');
      logger.warn({ pod: `${namespace}/${name}`, err: error }, 'a pod could not be annotated with its connections');
    }
  }
}
