/** Each is good when it is True. The first ones are what `Ready` follows from, in the order of the phases. */
export const REQUIRED_CONDITIONS = ['SpecValid', 'CertificatesValid', 'DataReady', 'LogIntact', 'Migrated', 'RolledOut'] as const;
export const CONDITION_TYPES = ['Ready', ...REQUIRED_CONDITIONS, 'Autoscaling'] as const;

export type ConditionType = (typeof CONDITION_TYPES)[number];

/** What a phase found out about one condition. */
export interface Finding {
  status: 'True' | 'False' | 'Unknown';
  /** One word in CamelCase, for machines. */
  reason: string;
  /** One sentence for people: what is wrong, where, what to do. */
  message: string;
}

export interface Condition extends Finding {
  type: ConditionType;
  observedGeneration: number;
  /** When `status` last became another, RFC 3339. */
  lastTransitionTime: string;
}

/** By type; a condition about which nothing was found out stays as it was. */
export type Findings = Partial<Record<ConditionType, Finding>>;

const MESSAGE_LENGTH = 2_048;

export function good(reason: string, message: string): Finding {
  return { status: 'True', reason, message };
}

export function bad(reason: string, message: string): Finding {
  return { status: 'False', reason, message };
}

/**
 * The conditions after what was found, in a fixed order. What was not looked at stays, with the generation at which it
 * was; `Ready` follows from the others, and is true of no later generation than each of them.
 */
export function mergeConditions(before: readonly Condition[], findings: Findings, generation: number, now: number): Condition[] {
  const all: Findings = { ...findings, Ready: readiness(before, findings) };
  return CONDITION_TYPES.flatMap((type) => {
    const held = before.find((condition) => condition.type === type);
    const finding = all[type];
    if (!finding) return held ? [held] : [];
    const { status, reason } = finding;
    const same = held?.status === status;
    const message = finding.message.slice(0, MESSAGE_LENGTH);
    const lastTransitionTime = same ? held.lastTransitionTime : new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
    const observedGeneration = type === 'Ready' && status === 'True' ? oldestGeneration(before, findings, generation) : generation;
    return [{ type, status, reason, message, observedGeneration, lastTransitionTime }];
  });
}

function oldestGeneration(before: readonly Condition[], findings: Findings, generation: number): number {
  const kept = before.filter(({ type }) => REQUIRED_CONDITIONS.some((required) => required === type) && !findings[type]);
  return Math.min(generation, ...kept.map(({ observedGeneration }) => observedGeneration));
}

/** Ready: everything else that chatting needs is. What is first in the way is told as the reason. */
function readiness(before: readonly Condition[], findings: Findings): Finding {
  const known = REQUIRED_CONDITIONS.map((type) => findings[type] ?? before.find((condition) => condition.type === type));
  const first = known.find((finding) => finding !== undefined && finding.status !== 'True');
  if (first) return bad(first.reason, first.message);
  return known.includes(undefined) ? bad('Starting', 'not everything has been looked at yet') : good('Ready', 'people can chat');
}
