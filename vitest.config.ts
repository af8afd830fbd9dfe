import { configDefaults, defineConfig } from 'vitest/config';
import { plantMutant } from './tools/mutants/plant.ts';
import { CountReporter } from './tools/vitest/count-reporter.ts';

const { STARLING_MUTANT: mutant } = process.env;

export default defineConfig({
  plugins: mutant === undefined ? [] : [plantMutant(mutant)],
  test: {
    include: ['**/*.test.ts', '**/*.test.tsx'],
    exclude: [...configDefaults.exclude, '**/dist/**'],
    globalSetup: ['packages/testing/database/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // The cache knows a module by its file, and would serve it without its mutant.
    fsModuleCache: mutant === undefined,
    // While working on one test, name it with -t; a committed `.only` would silence all the others.
    allowOnly: false,
    reporters: ['default', new CountReporter()],
  },
});
