import { writeSync } from 'node:fs';
import type { Reporter, TestModule, TestSuite, Vitest } from 'vitest/node';

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Ends the output of a run with one line, `N passed, N failed`, and `, N skipped` where tests were skipped. It counts tests, and as one failed
 * test each: a file or suite that failed outside its tests, a test that never ended, an error that belongs to no test, and a run that failed for
 * another reason. So a run that failed never ends with `0 failed`.
 */
export class CountReporter implements Reporter {
  #count: Count = { passed: 0, failed: 0, skipped: 0 };

  onInit(vitest: Vitest): void {
    if (vitest.config.watch) return;
    // Only at exit is nothing printed after it: other reporters, the teardown of the set-up and vitest itself come after the last event.
    process.once('exit', (code) => {
      const { passed, failed, skipped } = this.#count;
      const line = `${passed} passed, ${code === 0 ? failed : Math.max(failed, 1)} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
      writeSync(1, `${line}\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    this.#count = countTests(modules, unhandledErrors.length);
  }
}

function countTests(modules: readonly TestModule[], unhandledErrors: number): Count {
  const count: Count = { passed: 0, failed: unhandledErrors, skipped: 0 };
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      count[state === 'pending' ? 'failed' : state] += 1;
    }
    const groups: (TestModule | TestSuite)[] = [module, ...module.children.allSuites()];
    count.failed += groups.filter((group) => group.errors().length > 0).length;
  }
  return count;
}
