import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type Bill, keepShipped } from './bill.ts';
import { makeBill } from './make-bill.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bill = await makeBill(root);
const names = new Set(bill.components.map(({ name }) => name));

async function readPackage(folder: string): Promise<{ dependencies?: Record<string, string> }> {
  return JSON.parse(await readFile(`${root}/${folder}/package.json`, 'utf8'));
}

it('lists what the services and the operator need, at the versions of the lock', async () => {
  for (const folder of ['packages/platform', 'services/identity', 'services/web/browser', 'operator', 'cdk8s', 'processes', 'standalone'])
    for (const [name, version] of Object.entries((await readPackage(folder)).dependencies ?? {}))
      expect(
        bill.components.map((component) => component['bom-ref']),
        `${name} of ${folder}`,
      ).toContain(`${name}@${version}`);
});

it('lists nothing that only tests, benchmarks and checks need', () => {
  const others = [
    'vitest',
    'typescript',
    '@biomejs/biome',
    'dependency-cruiser',
    'fast-check',
    'playwright-core',
    'socket.io',
    'smtp-server',
  ];
  for (const name of [...others, 'oidc-provider', '@types/pg', '@starling/bench', '@starling/testing', '@starling/tests'])
    expect(names, name).not.toContain(name);
});

it('names no registry and no folder', () => {
  const text = JSON.stringify(bill);
  expect(text).not.toContain(root.replace(/\/$/, ''));
  expect(text).not.toMatch(/registry\.|\.tgz|file:/);
  expect(bill.metadata.component.name).toBe('starling');
});

it('is CycloneDX, and depends on nothing that it does not list', () => {
  expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.5', version: 1 });
  const refs = new Set(bill.components.map((component) => component['bom-ref']));
  expect(bill.dependencies.flatMap(({ dependsOn = [] }) => dependsOn).filter((ref) => !refs.has(ref))).toEqual([]);
});

it('leaves out the places from which packages were fetched', () => {
  const component = (ref: string, url: string) => ({
    'bom-ref': ref,
    name: ref,
    purl: `pkg:npm/%40starling/x`,
    externalReferences: [
      { type: 'distribution', url },
      { type: 'website', url: 'https://example.org' },
    ],
  });
  const made: Bill = {
    metadata: { component: { 'bom-ref': 'starling@1.0.0', name: 'folder' } },
    components: [component('@starling/web@1.0.0', 'https://packages.example.com/web.tgz')],
    dependencies: [],
  };
  const shipped = keepShipped(made, new Map());
  expect(JSON.stringify(shipped)).not.toContain('packages.example.com');
  expect(shipped.components[0]?.externalReferences).toEqual([{ type: 'website', url: 'https://example.org' }]);
});
