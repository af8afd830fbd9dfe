import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findLauncher } from './launcher.ts';
import { type BrokerOptions, type Brokers, startBrokers } from './start-brokers.ts';

/** What any suite on Kafka needs; those of KAFKA_BROKERS have nothing else. */
export interface BrokerAddresses {
  /** `host:port` each. */
  readonly brokers: string[];
}

const HOOK_MS = 120_000;

/**
 * A suite on brokers of its own, started before its first test and stopped after its last. Where neither Java and Maven
 * nor Docker are, it is skipped by name; with CI=true that is a failure.
 */
export async function describeWithOwnBrokers(name: string, options: BrokerOptions, define: (brokers: Brokers) => void): Promise<void> {
  const launcher = await findLauncher();
  if (!launcher) return reportMissing(name);
  describe(name, () => {
    let started: Brokers | undefined;
    beforeAll(async () => {
      started = await startBrokers(launcher, options);
    }, HOOK_MS);
    afterAll(() => started?.stop(), HOOK_MS);
    define(afterStart(() => started));
  });
}

/** The same on the brokers of KAFKA_BROKERS (`host:port`, comma between) if that is set. The suite shares them with others. */
export async function describeWithBrokers(name: string, define: (brokers: BrokerAddresses) => void): Promise<void> {
  const given = process.env['KAFKA_BROKERS'];
  if (given) describe(name, () => define({ brokers: given.split(',') }));
  else await describeWithOwnBrokers(name, { count: 1 }, define);
}

function reportMissing(name: string): void {
  const missing = `${name} needs a Kafka broker: set KAFKA_BROKERS, or install Java 17 and Maven, or Docker`;
  if (process.env['CI'] === 'true') it(name, () => expect.fail(missing));
  else describe.skipIf(true)(missing, () => it('runs', () => {}));
}

/** Stands for what is made later: the suite is defined before its brokers are there. */
function afterStart<T extends object>(get: () => T | undefined): T {
  return new Proxy({} as T, {
    get(_, property) {
      const value = get();
      if (!value) throw new Error('the brokers are not there yet: use them within tests and hooks');
      return Reflect.get(value, property);
    },
  });
}
