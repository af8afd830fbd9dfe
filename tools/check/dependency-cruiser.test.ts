import { expect, test } from 'vitest';
import { type Cruise, readCruise } from './dependency-cruiser.ts';
import { dependencySeeds } from './dependency-seeds.ts';

const clean: Cruise = { modules: [], summary: { violations: [], ruleSetUsed: { forbidden: [] } } };

test('every rule has a seed that breaks it', async () => {
  const settingsUrl = new URL('../../.dependency-cruiser.mjs', import.meta.url).href;
  const { default: settings } = (await import(settingsUrl)) as { default: { forbidden: { name: string }[] } };
  const seeded = new Set(dependencySeeds.flatMap(({ reported = [] }) => reported.map((word) => word.replace(/[ :]/g, ''))));
  expect([...seeded].sort()).toEqual(settings.forbidden.map(({ name }) => name).sort());
});

test('a source that was not read fails the tree, though no rule was broken', () => {
  expect(readCruise(clean, ['a.ts'])).toEqual({ report: 'a.ts  was not read: no rule was applied to it', failed: true });
  expect(readCruise({ ...clean, modules: [{ source: 'a.ts' }] }, ['a.ts'])).toEqual({ report: '', failed: false });
});

test('a tree without sources fails', () => {
  expect(readCruise(clean, []).failed).toBe(true);
});
