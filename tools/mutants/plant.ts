import { resolve } from 'node:path';
import { MUTANTS, type Mutant } from './mutants.ts';

/** The text of a file with the mutant in it. Throws when its place is not there, or not the only one. */
export function plant({ name, find, replace }: Mutant, text: string): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`the mutant ${name} finds its place ${parts.length - 1} times, not once`);
  return parts.join(replace);
}

export function findMutant(name: string): Mutant {
  const mutant = MUTANTS.find((candidate) => candidate.name === name);
  if (!mutant) throw new Error(`there is no mutant ${name}`);
  return mutant;
}

/** A plugin of vite that puts one mutant into the code as it is loaded; the files stay as they are. */
export function plantMutant(name: string) {
  const mutant = findMutant(name);
  const file = resolve(mutant.file);
  return {
    name: 'plant-mutant',
    enforce: 'pre' as const,
    transform: (text: string, id: string) => (id.split('?')[0] === file ? plant(mutant, text) : undefined),
  };
}
