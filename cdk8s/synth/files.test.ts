import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Check } from 'typebox/value';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { ChatClusterSpec, completeSpec, type WrittenSpec } from '../chat-cluster/index.ts';
import { findOutdated, writeFiles } from './compare-files.ts';
import { GENERATED_FOLDERS, renderFiles } from './files.ts';

const ROOT = join(import.meta.dirname, '../..');
const files = renderFiles('1.2.3');
const read = (path: string) => readFile(join(ROOT, path), 'utf8');

describe('samples', () => {
  const samples = Object.entries(files).filter(([path]) => path.startsWith('k8s/samples/'));

  it.each(samples)('%s is a ChatCluster as its schema has it', (_, text) => {
    const { spec } = parse(text) as { spec: WrittenSpec };
    expect(Check(ChatClusterSpec, completeSpec(spec))).toBe(true);
  });

  it('has a minimal one of at most ten lines', () => {
    expect(files['k8s/samples/minimal.yaml']?.trim().split('\n').length).toBeLessThanOrEqual(10);
  });
});

it('gives the same text each time, and no object twice', () => {
  expect(renderFiles('1.2.3')).toEqual(files);
  for (const [path, text] of Object.entries(files).filter(([path]) => path.startsWith('k8s/') && path.endsWith('.yaml'))) {
    const names = parseAllDocuments(text).map((document) => {
      const { kind, metadata } = document.toJS() as { kind: string; metadata: { namespace?: string; name: string } };
      return `${kind}/${metadata.namespace}/${metadata.name}`;
    });
    expect(new Set(names).size, path).toBe(names.length);
  }
});

it('is committed as the code makes it: if not, run `npm run synth`', async () => {
  const { version } = JSON.parse(await read('package.json')) as { version: string };
  expect([...(await findOutdated(ROOT, renderFiles(version), GENERATED_FOLDERS))]).toEqual([]);
});

describe('on disk', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'starling-synth-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('writes all, and a second time nothing', async () => {
    expect((await findOutdated(folder, files, GENERATED_FOLDERS)).size).toBe(Object.keys(files).length);
    expect(await writeFiles(folder, files)).toEqual(Object.keys(files));
    expect(await writeFiles(folder, files)).toEqual([]);
    expect((await findOutdated(folder, files, GENERATED_FOLDERS)).size).toBe(0);
  });

  it('finds what is changed, missing, or made by nothing any more', async () => {
    await writeFiles(folder, files);
    await writeFile(join(folder, 'k8s/crd.yaml'), 'changed');
    await rm(join(folder, 'k8s/operator.yaml'));
    await writeFile(join(folder, 'k8s/old.yaml'), '');
    await mkdir(join(folder, 'k8s/dashboards'), { recursive: true });
    expect([...(await findOutdated(folder, files, GENERATED_FOLDERS))]).toEqual([
      ['k8s/crd.yaml', 'is out of date'],
      ['k8s/operator.yaml', 'is missing'],
      ['k8s/old.yaml', 'is not made by anything: delete it'],
    ]);
  });
});

describe('the chart', () => {
  const inChart = 'charts/starling-operator/';
  const templates = Object.entries(files).filter(([path]) => path.startsWith(`${inChart}templates/`));
  const values = parse(files[`${inChart}values.yaml`] ?? '') as Record<string, unknown>;

  async function allTemplates(): Promise<string> {
    const own = await Promise.all(['_helpers.tpl', 'NOTES.txt'].map((name) => read(`${inChart}templates/${name}`)));
    return [...templates.map(([, text]) => text), ...own].join('\n');
  }

  it('has a template for each value, and a value for each that a template names', async () => {
    const named = new Set([...(await allTemplates()).matchAll(/\.Values\.([A-Za-z.]+)/g)].map((match) => match[1] ?? ''));
    const leaves = Object.entries(values).flatMap(([section, value]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.keys(value).map((name) => `${section}.${name}`)
        : [section],
    );
    expect([...named].sort()).toEqual(leaves.sort());
  });

  it('ends each block that it begins, and leaves no marker', async () => {
    const text = await allTemplates();
    const begun = text.match(/\{\{-? *(if|with|range|define) /g)?.length;
    expect(begun).toBeGreaterThan(10);
    expect(text.match(/\{\{-? *end *-?\}\}/g)?.length).toBe(begun);
    expect(text).not.toContain('@@');
  });

  it('has all objects of an installation but its namespace', () => {
    const kinds = (text: string) => (text.match(/^kind: \w+/gm) ?? []).sort();
    const expected = [...kinds(files['k8s/operator.yaml'] ?? ''), ...kinds(files['k8s/operator-keda.yaml'] ?? '')].filter(
      (kind) => kind !== 'kind: Namespace',
    );
    // Those that are bound either everywhere or in each watched namespace are there twice.
    const bound = ['kind: RoleBinding', 'kind: RoleBinding', 'kind: RoleBinding'];
    expect(templates.flatMap(([, text]) => kinds(text)).sort()).toEqual([...expected, ...bound].sort());
  });

  it('has the version of the project', async () => {
    const { version } = JSON.parse(await read('package.json')) as { version: string };
    expect(parse(await read(`${inChart}Chart.yaml`))).toMatchObject({ version, appVersion: version });
  });
});
