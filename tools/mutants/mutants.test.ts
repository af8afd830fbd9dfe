import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { MUTANTS } from './mutants.ts';
import { plant } from './plant.ts';

it.each(MUTANTS)('$name finds its place', (mutant) => {
  const text = readFileSync(mutant.file, 'utf8');
  expect(plant(mutant, text)).not.toBe(text);
});

it('has a name for each', () => {
  expect(new Set(MUTANTS.map((mutant) => mutant.name)).size).toBe(MUTANTS.length);
});
