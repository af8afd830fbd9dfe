import { beforeEach, describe, expect, it } from 'vitest';
import { type Load, Loads } from './loads.ts';

const load = (fields: Partial<Load>): Load => ({ connections: 0, refusedUpgrades: 0, draining: false, ...fields });

let loads: Loads;
beforeEach(() => {
  loads = new Loads({ intervalMs: 5_000 });
});

describe('connections', () => {
  it('are those of the last reading', () => {
    loads.note('a', load({ connections: 3 }), 1_000);
    loads.note('a', load({ connections: 7 }), 6_000);
    expect(loads.connections('a', 7_000)).toEqual({ value: 7, at: 6_000 });
  });

  it('are unknown of a pod that was never read, has not answered for three intervals, or drains', () => {
    expect(loads.connections('a', 0)).toBeUndefined();
    loads.note('a', load({ connections: 3 }), 1_000);
    expect(loads.connections('a', 16_000)).toMatchObject({ value: 3 });
    expect(loads.connections('a', 16_001)).toBeUndefined();
    loads.note('b', load({ connections: 3, draining: true }), 1_000);
    expect(loads.connections('b', 1_000)).toBeUndefined();
  });

  it('are forgotten with the pod', () => {
    loads.note('a', load({ connections: 3 }), 1_000);
    loads.keepOnly(new Set(['b']));
    expect(loads.connections('a', 1_000)).toBeUndefined();
  });
});

describe('refused upgrades per second', () => {
  it('are unknown after one reading, and taken over the last ones', () => {
    loads.note('a', load({ refusedUpgrades: 10 }), 0);
    expect(loads.refusedUpgrades('a', 0)).toBeUndefined();
    loads.note('a', load({ refusedUpgrades: 20 }), 5_000);
    expect(loads.refusedUpgrades('a', 5_000)).toEqual({ value: 2, at: 5_000, windowSeconds: 5 });
    loads.note('a', load({ refusedUpgrades: 20 }), 10_000);
    loads.note('a', load({ refusedUpgrades: 20 }), 15_000);
    expect(loads.refusedUpgrades('a', 15_000)?.value).toBeCloseTo(10 / 15);
    loads.note('a', load({ refusedUpgrades: 20 }), 20_000);
    expect(loads.refusedUpgrades('a', 20_000)).toEqual({ value: 0, at: 20_000, windowSeconds: 15 });
  });

  it('count from 0 after the process was started again', () => {
    loads.note('a', load({ refusedUpgrades: 100 }), 0);
    loads.note('a', load({ refusedUpgrades: 5 }), 5_000);
    expect(loads.refusedUpgrades('a', 5_000)?.value).toBe(1);
  });

  it('are unknown right after a gap, and while readings are stale', () => {
    loads.note('a', load({ refusedUpgrades: 0 }), 0);
    loads.note('a', load({ refusedUpgrades: 1 }), 5_000);
    expect(loads.refusedUpgrades('a', 20_001)).toBeUndefined();
    loads.note('a', load({ refusedUpgrades: 900 }), 60_000);
    expect(loads.refusedUpgrades('a', 60_000)).toBeUndefined();
  });

  it('never divide by nothing', () => {
    loads.note('a', load({ refusedUpgrades: 0 }), 5_000);
    loads.note('a', load({ refusedUpgrades: 9 }), 5_000);
    expect(loads.refusedUpgrades('a', 5_000)).toBeUndefined();
  });
});
