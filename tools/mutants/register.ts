import { registerHooks } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findMutant, plant } from './plant.ts';

/** Preloaded into every process of a run with a mutant: those that tests start load the code without vitest. */
const { STARLING_MUTANT: name } = process.env;
if (name !== undefined) {
  const mutant = findMutant(name);
  const file = pathToFileURL(resolve(import.meta.dirname, '../..', mutant.file)).href;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      return url === file ? { ...loaded, source: plant(mutant, String(loaded.source)) } : loaded;
    },
  });
}
