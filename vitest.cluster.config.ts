import { defineConfig } from 'vitest/config';

/** Tests on a real Kubernetes: they share it, so one file runs after the other. */
export default defineConfig({
  test: {
    include: ['tests/cluster/**/*.cluster.ts'],
    setupFiles: ['tests/cluster/support/set-up.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    allowOnly: false,
    reporters: ['verbose'],
  },
});
