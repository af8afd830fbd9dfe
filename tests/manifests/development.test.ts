import { access, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = new URL('../../', import.meta.url);
const read = async (file: string) => parse(await readFile(new URL(file, ROOT), 'utf8'));

it('skaffold builds and installs what is there', async () => {
  const { build, manifests, deploy } = await read('skaffold.yaml');
  const [release] = deploy.helm.releases;
  const dockerfiles = build.artifacts.map(({ docker }: { docker: { dockerfile: string } }) => docker.dockerfile);
  const files = [...dockerfiles, ...manifests.rawYaml, `${release.chartPath}/Chart.yaml`];
  await Promise.all(files.map((file: string) => access(new URL(file, ROOT))));
  expect(dockerfiles).toEqual(['Dockerfile', 'Dockerfile.operator']);
});

it('skaffold sets values that the chart has, to images that it builds', async () => {
  const { build, deploy } = await read('skaffold.yaml');
  const [release] = deploy.helm.releases;
  const values = await read(`${release.chartPath}/values.yaml`);
  const images = build.artifacts.map(({ image }: { image: string }) => image.replaceAll('-', '_'));
  for (const [path, value] of Object.entries({ ...release.setValues, ...release.setValueTemplates })) {
    const found = path.split('.').reduce((part: unknown, name) => (part as Record<string, unknown>)?.[name], values);
    expect(found, path).toBeDefined();
    const image = /^\{\{\.IMAGE_(?:REPO|TAG)_(\w+)\}\}$/.exec(String(value))?.[1];
    if (typeof value === 'string') expect(images, path).toContain(image);
  }
  expect(Object.keys(release.setValueTemplates)).toHaveLength(4);
});

it('kind lets an ingress controller in at the ports of the sample', async () => {
  const { nodes } = await read('kind-config.yaml');
  const open = nodes.filter(({ extraPortMappings }: { extraPortMappings?: unknown }) => extraPortMappings);
  expect(open).toHaveLength(1);
  expect(open[0].labels).toEqual({ 'ingress-ready': 'true' });
  expect(open[0].extraPortMappings.map(({ hostPort }: { hostPort: number }) => hostPort)).toEqual([80, 443]);
});
