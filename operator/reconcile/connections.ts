import type { KubeObject } from '../kube/index.ts';

/** Written by the metrics API, at most once a minute and pod. */
const ANNOTATION = 'starling.chat/connections';
const EVERY_MS = 60_000;
/** A smaller change is not worth a write. */
const CHANGE = 0.05;

/** The connections of all pods, as far as they are known. */
export function connectionsOf(pods: readonly KubeObject[]): number {
  return pods
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.annotations?.[ANNOTATION] ?? '')
    .filter((text) => /^\d{1,9}$/.test(text))
    .reduce((sum, text) => sum + Number(text), 0);
}

/**
 * What the status is to say: what was counted, if that is more than 5 % off what was written, and a minute after the last
 * write at the earliest. `again`: when what was held back may be written, ms since 1970.
 */
export function connectionsToWrite(options: {
  counted: number;
  written: number | undefined;
  /** Undefined: before this process, or never. */
  writtenAt: number | undefined;
  now: number;
}): { connections: number; again?: number | undefined } {
  const { counted, written, writtenAt = Number.NEGATIVE_INFINITY, now } = options;
  if (written === undefined) return { connections: counted };
  if (Math.abs(counted - written) <= written * CHANGE) return { connections: written };
  if (now - writtenAt >= EVERY_MS) return { connections: counted };
  return { connections: written, again: writtenAt + EVERY_MS };
}
