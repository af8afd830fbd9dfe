import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { RenderInput } from './input.ts';
import { renderAll } from './render.ts';
import { EXTERNAL, inputOf, MINIMAL, PRODUCTION } from './test-inputs.ts';
import { createSchemaJudge } from './test-schemas.ts';

/** `vitest run cdk8s --update` writes them anew. */
const GOLDEN: [string, RenderInput][] = [
  ['minimal', inputOf(MINIMAL)],
  ['production', inputOf(PRODUCTION, { epoch: 2, logExpected: true, createdStorage: { postgres: '512Gi', redpanda: '500Gi' } })],
  ['external', inputOf(EXTERNAL)],
];

describe.each(GOLDEN)('the manifests of %s', (name, input) => {
  it('are the golden ones', async () => {
    const text = renderAll(input).map((manifest) => stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }));
    await expect(text.join('---\n')).toMatchFileSnapshot(`../golden/${name}.yaml`);
  });

  it('hold no field that Kubernetes does not know', () => {
    const judge = createSchemaJudge();
    const faults = renderAll(input)
      .filter(({ apiVersion }) => !apiVersion.startsWith('keda.sh/'))
      .flatMap((manifest) => judge(manifest).map((fault) => `${manifest.kind} ${manifest.metadata.name}${fault}`));
    expect(faults).toEqual([]);
  });
});

describe('the judge', () => {
  const judge = createSchemaJudge();
  const service = (spec: object) => judge({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec });

  it('refuses unknown fields, wrong types and missing ones', () => {
    expect(service({ ports: [{ port: 80 }] })).toEqual([]);
    expect(service({ ports: [{ port: 80, prot: 'TCP' }] })).toEqual([expect.stringContaining('/spec/ports/0')]);
    expect(service({ ports: [{ port: '80' }] })).toEqual([expect.stringContaining('/spec/ports/0/port')]);
    expect(service({ ports: [{ name: 'http' }] })).toEqual([expect.stringContaining("required property 'port'")]);
  });

  it('knows what it does not know', () => {
    expect(judge({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a' } })).toEqual([expect.stringContaining('no schema')]);
  });
});
