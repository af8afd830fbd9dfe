import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { createTestDatabase } from '@starling/testing/database';
import { type StarlingServices, startStarlingServices } from '@starling/testing/starling';
import { expect } from 'vitest';
import { describeTwoPeople } from './describe-two-people.ts';

const PODS = ['delivery-1', 'delivery-2'];

await describeWithOwnBrokers('separate processes', { count: 1 }, (brokers) => {
  let services: StarlingServices;

  describeTwoPeople(
    'a process for each service, two delivery pods',
    async () => {
      const database = await createTestDatabase();
      services = await startStarlingServices({ brokers: brokers.brokers, databaseUrl: database.url, delivery: 2 });
      return {
        url: services.url,
        async crash() {
          services.kill('delivery-1');
        },
        recover: () => services.waitReady('delivery-1'),
        interrupt: () => services.stop(),
        async remove() {
          await services.stop();
          await database.drop();
        },
      };
    },
    async () => {
      // They are on different pods.
      for (const pod of PODS) expect(await connectionsOf(services, pod)).toBeGreaterThan(0);
    },
  );
});

async function connectionsOf(services: StarlingServices, pod: string): Promise<number> {
  const metrics = await (await fetch(`${services.sideUrl(pod)}/metrics`)).text();
  return Number(/^starling_connections\{.*\} (\d+)$/m.exec(metrics)?.[1]);
}
