import { configDefaults, defineConfig } from 'vitest/config';
import { CountReporter } from './tools/vitest/count-reporter.ts';

export default defineConfig({
  test: {
    include: ['**/*.test.ts', '**/*.test.tsx'],
    exclude: [...configDefaults.exclude, '**/dist/**'],
    globalSetup: ['packages/testing/database/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // While working on one test, name it with -t; a committed `.only` would silence all the others.
    allowOnly: false,
    reporters: ['default', new CountReporter()],
  },
});
