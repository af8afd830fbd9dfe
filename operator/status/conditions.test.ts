import { describe, expect, it } from 'vitest';
import { bad, type Condition, good, mergeConditions, REQUIRED_CONDITIONS } from './conditions.ts';

const NOW = Date.UTC(2030, 0, 1);
const allGood = Object.fromEntries(REQUIRED_CONDITIONS.map((type) => [type, good('Good', 'good')]));
const find = (conditions: Condition[], type: string) => conditions.find((condition) => condition.type === type);

describe('conditions', () => {
  it('keep the time of their last change of status, whatever else changes', () => {
    const first = mergeConditions([], allGood, 1, NOW);
    const second = mergeConditions(first, { ...allGood, SpecValid: good('Other', 'other') }, 2, NOW + 5_000);
    expect(find(second, 'SpecValid')).toMatchObject({ reason: 'Other', observedGeneration: 2, lastTransitionTime: '2030-01-01T00:00:00Z' });
    const third = mergeConditions(second, { SpecValid: bad('Bad', 'bad') }, 3, NOW + 5_000);
    expect(find(third, 'SpecValid')?.lastTransitionTime).toBe('2030-01-01T00:00:05Z');
  });

  it('that were not looked at stay as they were', () => {
    const first = mergeConditions([], allGood, 1, NOW);
    const second = mergeConditions(first, { SpecValid: bad('Bad', 'bad') }, 2, NOW);
    expect(find(second, 'Migrated')).toEqual(find(first, 'Migrated'));
  });

  it('are ready together only, and tell what is first in the way', () => {
    expect(find(mergeConditions([], allGood, 1, NOW), 'Ready')?.status).toBe('True');
    expect(find(mergeConditions([], {}, 1, NOW), 'Ready')).toMatchObject({ status: 'False', reason: 'Starting' });
    const findings = { ...allGood, RolledOut: bad('RolloutHalted', 'pod x'), Migrated: bad('Migrating', 'job y') };
    expect(find(mergeConditions([], findings, 1, NOW), 'Ready')).toMatchObject({ status: 'False', reason: 'Migrating', message: 'job y' });
  });

  it('are not ready for a spec at which not all have been looked', () => {
    const first = mergeConditions([], allGood, 1, NOW);
    const { RolledOut: _, ...others } = allGood;
    const second = mergeConditions(first, others, 2, NOW);
    expect(find(second, 'Ready')).toMatchObject({ status: 'True', observedGeneration: 1 });
    expect(find(mergeConditions(second, allGood, 2, NOW), 'Ready')).toMatchObject({ status: 'True', observedGeneration: 2 });
    expect(find(mergeConditions(first, { SpecValid: bad('Bad', 'bad') }, 2, NOW), 'Ready')).toMatchObject({ observedGeneration: 2 });
  });

  it('do not wait for the autoscaler', () => {
    expect(find(mergeConditions([], { ...allGood, Autoscaling: bad('MetricsApiOwned', '') }, 1, NOW), 'Ready')?.status).toBe('True');
  });
});
