import type { Seed } from './tool.ts';

/** A file of one import, which breaks the rule. */
function breaks(rule: string, file: string, imported: string): Seed {
  return { file, text: `export * from '${imported}';\n`, reported: [` ${rule}:`] };
}

/** A file of one import, about which no rule may complain. */
function keeps(file: string, imported: string): Seed {
  return { file, text: `export * from '${imported}';\n`, allowed: [file] };
}

/** A file for the others to import. */
function target(file: string): Seed {
  return { file, text: 'export {};\n' };
}

/** A tree that breaks every rule of .dependency-cruiser.mjs, and does much that no rule forbids. */
export const dependencySeeds: Seed[] = [
  target('packages/contracts/log/index.ts'),
  target('packages/platform/db/index.ts'),
  target('packages/platform/log/index.ts'),
  target('packages/client/index.ts'),
  target('packages/testing/clock/index.ts'),
  target('services/user/app.ts'),
  target('services/user/store/users.ts'),
  target('services/user/domain/handle.ts'),
  target('services/conversation/app.ts'),
  target('services/web/app.ts'),
  target('standalone/database/index.ts'),
  target('standalone/compose.ts'),
  target('cdk8s/chart.ts'),
  target('operator/loop.ts'),
  target('bench/scenario.ts'),

  breaks('direction-contracts', 'packages/contracts/log/outward.ts', '../../platform/db/index.ts'),
  breaks('direction-platform', 'packages/platform/log/outward.ts', '../../../services/user/app.ts'),
  breaks('direction-platform', 'packages/platform/log/to-standalone.ts', '../../../standalone/compose.ts'),
  breaks('direction-client', 'packages/client/outward.ts', '../platform/db/index.ts'),
  // By the name of a workspace, which resolves through node_modules and the exports of its manifest.
  breaks('direction-client', 'packages/client/by-name.ts', '@starling/platform/db'),
  breaks('direction-cdk8s', 'cdk8s/to-platform.ts', '../packages/platform/db/index.ts'),
  breaks('direction-browser', 'services/web/browser/outward.ts', '../../../packages/platform/db/index.ts'),
  breaks('direction-browser', 'services/web/browser/to-its-backend.tsx', '../app.ts'),
  breaks('direction-services', 'services/user/routes/sideways.ts', '../../conversation/app.ts'),
  breaks('direction-services', 'services/user/routes/outward.ts', '../../../standalone/compose.ts'),
  breaks('direction-services', 'services/user/routes/to-the-cluster.ts', '../../../operator/loop.ts'),
  breaks('direction-services', 'services/user/routes/to-the-client.ts', '../../../packages/client/index.ts'),
  breaks('direction-standalone', 'standalone/to-the-cluster.ts', '../cdk8s/chart.ts'),
  breaks('direction-processes', 'processes/composing.ts', '../services/user/app.ts'),
  breaks('direction-testing', 'packages/testing/clock/outward.ts', '../../../standalone/compose.ts'),
  breaks('direction-cdk8s', 'cdk8s/outward.ts', '../operator/loop.ts'),
  breaks('direction-operator', 'operator/outward.ts', '../services/user/app.ts'),
  breaks('direction-tools', 'tools/outward.ts', '../packages/platform/db/index.ts'),
  breaks('direction-bench', 'tests/to-bench.ts', '../bench/scenario.ts'),
  // Ways to import other than `export *`: each is a case of its own for the parser.
  {
    file: 'services/user/routes/dynamic.ts',
    text: "export async function load(): Promise<unknown> {\n  return await import('../../conversation/app.ts');\n}\n",
    reported: [' direction-services:'],
  },
  {
    file: 'services/user/routes/type.ts',
    text: "import type { App } from '../../conversation/app.ts';\n\nexport const app: App | undefined = undefined;\n",
    reported: [' direction-services:'],
  },
  {
    file: 'services/user/routes/using.ts',
    text: "await using app = await import('../../conversation/app.ts');\nexport const name = app.name;\n",
    reported: [' direction-services:'],
  },
  keeps('bench/from-outside.ts', '../services/user/app.ts'),
  keeps('packages/platform/log/inward.ts', '@starling/contracts/log'),
  keeps('packages/client/inward.ts', '@starling/contracts/log'),
  keeps('services/web/browser/inward.ts', '@starling/contracts/log'),
  keeps('services/web/browser/to-the-client.ts', '../../../packages/client/index.ts'),
  keeps('services/user/routes/inward.ts', '@starling/platform/db'),
  keeps('services/user/routes/own.ts', '../store/users.ts'),
  keeps('standalone/inward.ts', '../services/user/app.ts'),
  keeps('packages/testing/clock/inward.ts', '../../../standalone/database/index.ts'),
  keeps('operator/inward.ts', '../cdk8s/chart.ts'),
  keeps('cdk8s/by-name.ts', '@starling/contracts/log'),
  keeps('tests/anything.ts', '../standalone/compose.ts'),

  breaks('kafkajs-only-in-its-driver', 'packages/platform/log/kafka-elsewhere.ts', 'kafkajs'),
  breaks('kafkajs-only-in-its-driver', 'services/delivery/append/kafka.ts', 'kafkajs'),
  { ...target('packages/platform/log/kafka/driver.ts'), text: "export * from 'kafkajs';\n", allowed: ['kafkajs-only-in-its-driver'] },
  breaks('pg-only-in-stores', 'services/user/routes/sql.ts', 'pg'),
  breaks('pg-only-in-stores', 'packages/platform/http/sql.ts', 'pg'),
  { file: 'services/user/routes/type-of-pg.ts', text: "export type { Pool } from 'pg';\n", allowed: ['type-of-pg'] },
  keeps('services/user/store/sql.ts', 'pg'),
  keeps('services/user/store/sql.integration.test.ts', 'pg'),
  keeps('packages/platform/log/postgres/sql.ts', 'pg'),
  keeps('standalone/database/sql.ts', 'pg'),

  breaks('domain-does-no-io', 'services/user/domain/file.ts', 'node:fs/promises'),
  breaks('domain-does-no-io', 'services/user/domain/socket.ts', 'node:net'),
  breaks('domain-does-no-io', 'services/user/domain/request.ts', 'http'),
  breaks('domain-does-no-io', 'services/user/domain/sql.ts', 'pg'),
  breaks('domain-does-no-io', 'services/user/domain/server.ts', 'fastify'),
  breaks('domain-does-no-io', 'services/user/domain/web-socket.ts', 'ws'),
  breaks('domain-does-no-io', 'services/user/domain/broker.ts', 'kafkajs'),
  breaks('domain-does-no-io', 'services/user/domain/database.ts', '../../../packages/platform/db/index.ts'),
  breaks('domain-is-innermost', 'services/user/domain/stored.ts', '../store/users.ts'),
  keeps('services/user/domain/hash.ts', 'node:crypto'),
  keeps('services/user/domain/contract.ts', '@starling/contracts/log'),
  keeps('services/user/store/inward.ts', '../domain/handle.ts'),

  breaks('testing-only-in-tests', 'services/user/clock.ts', '../../packages/testing/clock/index.ts'),
  target('services/user/test-users.ts'),
  breaks('testing-only-in-tests', 'services/user/starter.ts', './test-users.ts'),
  keeps('services/user/test-starter.ts', '../../packages/testing/clock/index.ts'),
  keeps('services/user/clock.test.ts', '../../packages/testing/clock/index.ts'),
  target('services/user/rule.test.ts'),
  breaks('test-files-are-not-imported', 'services/user/tested.ts', './rule.test.ts'),
  breaks('dev-packages-only-in-tests', 'services/user/expect.ts', 'vitest'),
  breaks('dev-packages-only-in-tests', 'packages/platform/log/arbitrary.ts', 'fast-check'),
  breaks('dev-packages-only-in-tests', 'standalone/browser.ts', 'playwright-core'),
  keeps('services/user/expect.test.ts', 'vitest'),
  keeps('tests/browser.ts', 'playwright-core'),

  breaks('no-circular', 'services/user/egg.ts', './hen.ts'),
  keeps('services/user/cause.ts', './effect.ts'),
  { file: 'services/user/hen.ts', text: "export * from './egg.ts';\n" },
  { file: 'services/user/effect.ts', text: "import type {} from './cause.ts';\n\nexport {};\n" },
  breaks('resolvable', 'services/user/lost.ts', './nowhere.ts'),
  breaks('resolvable', 'services/user/unexported.ts', '@starling/contracts/log/index.ts'),
];
