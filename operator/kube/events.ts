import { pause, systemTime, type Time } from './time.ts';
import { type KubeClient, KubeError, type KubeObject } from './types.ts';

export interface EventText {
  type: 'Normal' | 'Warning';
  /** UpperCamelCase, why: `RolloutHalted`. */
  reason: string;
  /** UpperCamelCase, what was done or tried: `Rollout`. */
  action: string;
  /** For people; cut at 1,024 characters. */
  note: string;
}

export interface EventRecorder {
  /** Writes an Event about the object, in the background. The same one is written once an hour; past the object's rate it is dropped. */
  record(regarding: KubeObject, event: EventText): void;
  /** Resolves when all that was recorded is written or given up. */
  settled(): Promise<void>;
}

/** For so long the API keeps an Event; a repetition within it tells nothing new. */
const REPEAT_MS = 3_600_000;
/** Of one object: so many at once, and one more each such time. */
const BURST = 25;
const REFILL_MS = 60_000;
const MAX_NOTE = 1024;
const MAX_REMEMBERED = 2_000;
const TRIES = 5;

export function createEventRecorder(options: {
  client: KubeClient;
  /** `starling.chat/operator`. */
  controller: string;
  /** This process: its pod's name. */
  instance: string;
  time?: Time;
  /** An Event was not written: too many, or the API refused it. */
  onDrop?: (reason: string) => void;
}): EventRecorder {
  const { client, controller, instance, time = systemTime, onDrop } = options;
  const told = new Map<string, number>();
  const buckets = new Map<string, { tokens: number; at: number }>();
  const writing = new Set<Promise<void>>();

  function isRepeated(key: string): boolean {
    const last = told.get(key);
    if (last !== undefined && time.now() - last < REPEAT_MS) return true;
    told.delete(key);
    told.set(key, time.now());
    forgetOldest(told);
    return false;
  }

  function takeToken(uid: string): boolean {
    const now = time.now();
    const { tokens, at } = buckets.get(uid) ?? { tokens: BURST, at: now };
    const filled = Math.min(BURST, tokens + (now - at) / REFILL_MS);
    buckets.delete(uid);
    buckets.set(uid, { tokens: filled >= 1 ? filled - 1 : filled, at: now });
    forgetOldest(buckets);
    return filled >= 1;
  }

  async function write(regarding: KubeObject, { type, reason, action, note }: EventText): Promise<void> {
    const { name, namespace = 'default', uid, resourceVersion } = regarding.metadata;
    const { apiVersion, kind } = regarding;
    const event = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${name.slice(0, 200)}.${crypto.randomUUID()}`, namespace },
      eventTime: new Date().toISOString().replace('Z', '000Z'),
      type,
      reason,
      action,
      note: note.length > MAX_NOTE ? `${note.slice(0, MAX_NOTE - 1)}…` : note,
      regarding: { apiVersion, kind, name, namespace, uid, resourceVersion },
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
    };
    for (let attempt = 1; ; attempt += 1) {
      try {
        await client.create(event);
        return;
      } catch (error) {
        const { status, reason: refusal } = error as KubeError;
        // 409: an attempt whose answer was lost had written it.
        if (status === 409) return;
        if (attempt >= TRIES || (status >= 400 && status < 500 && status !== 429) || refusal === 'NotLeader') throw error;
        await pause(time, 1_000 * attempt);
      }
    }
  }

  return {
    record(regarding, event) {
      const { uid } = regarding.metadata;
      if (isRepeated(JSON.stringify([uid, event.type, event.reason, event.note]))) return;
      if (!takeToken(uid)) {
        onDrop?.(`more than ${BURST} Events about one object`);
        return;
      }
      const written = write(regarding, event)
        .catch((error: unknown) => onDrop?.(error instanceof KubeError ? error.message : String(error)))
        .finally(() => writing.delete(written));
      writing.add(written);
    },
    async settled() {
      while (writing.size > 0) await Promise.all(writing);
    },
  };
}

function forgetOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (map.size > MAX_REMEMBERED && oldest !== undefined) map.delete(oldest);
}
