import type { Beat, Load } from './beat.ts';

/** A pod that is not heard for so long is dead, ms. */
const SILENCE_MS = 4_000;
/** For so long a dead one is remembered, ms: its sockets are on their way to the others. */
const MEMORY_MS = 15_000;

/** A pod as it was heard last. Times are the log's, ms. */
interface HeardPod {
  load: Load;
  since: number;
  at: number;
}

/**
 * The pods as their beats tell of them. Silence is measured by the log's time, which goes on with anybody's beat: whoever
 * hears nothing at all, because it stood still or the log is away, takes nobody for dead.
 */
export interface LivePods {
  /** The time of the last beat. */
  readonly at: number;
  readonly heard: ReadonlyMap<string, HeardPod>;
}

export const NO_PODS: LivePods = { at: 0, heard: new Map() };

/** Takes in a beat to which the log gave the time `at`. */
export function hearBeat({ heard }: LivePods, { pod, load }: Beat, at: number): LivePods {
  const known = heard.get(pod);
  const since = known && at - known.at <= SILENCE_MS ? known.since : at;
  const next = new Map([...heard].filter(([, other]) => at - other.at <= MEMORY_MS));
  return { at, heard: next.set(pod, { load, since, at }) };
}

/** A pod that lives. */
export interface LivePod {
  pod: string;
  load: Load;
  /** For how long it has been heard without a pause, ms. */
  age: number;
}

export function livePods({ at, heard }: LivePods): LivePod[] {
  return [...heard].flatMap(([pod, { load, since, at: last }]) => (at - last <= SILENCE_MS ? [{ pod, load, age: at - since }] : []));
}

/** Whether a pod has died a short time ago. */
export function hasDead({ at, heard }: LivePods): boolean {
  return [...heard.values()].some((pod) => at - pod.at > SILENCE_MS);
}

/**
 * How far a clock is off the log's, ms, as a beat shows that was written at `sent` and came back at `received` by that
 * clock, and got the time `at` from the log. What its way took counts for neither.
 */
export function clockError({ sent, at, received }: { sent: number; at: number; received: number }): number {
  return Math.max(0, sent - at, at - received);
}
