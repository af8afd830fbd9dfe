import type { Findings } from '../status/conditions.ts';

/**
 * How a phase ended. All are level-triggered: whatever ended last time, every phase looks at the whole again.
 * - `done`: the next phase may go on. `again`: when something is due of its own accord, ms since 1970.
 * - `wait`: for something that happens by itself; it is seen by the watch, and looked at again after `afterMs` at the latest.
 * - `terminal`: nothing happens until a person changes something.
 */
export type Outcome = { findings: Findings } & (
  | { kind: 'done'; again?: number | undefined }
  | { kind: 'wait'; reason: string; afterMs: number }
  | { kind: 'terminal'; reason: string }
);

/** For what a watch tells about: a safety net only. */
const LOOK_AGAIN_MS = 60_000;

export function done(findings: Findings = {}, again?: number): Outcome {
  return { kind: 'done', findings, again };
}

export function wait(reason: string, findings: Findings = {}, afterMs: number = LOOK_AGAIN_MS): Outcome {
  return { kind: 'wait', reason, findings, afterMs };
}

export function terminal(reason: string, findings: Findings): Outcome {
  return { kind: 'terminal', reason, findings };
}
