import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderAll } from '@starling/cdk8s/parts';
import { SERVICE_NAMES, type ServiceName } from '@starling/contracts/services';
import { loadConfig } from '@starling/platform/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXTERNAL, inputOf, MINIMAL, PRODUCTION, pick } from '../../cdk8s/parts/test-inputs.ts';
import { processConfig, requirePeersByTls } from '../../packages/platform/process/process-config.ts';
import { JobConfig } from '../../processes/jobs/job-config.ts';
import { ConversationConfig } from '../../services/conversation/config.ts';
import { DeliveryConfig } from '../../services/delivery/config.ts';
import { IdentityProcessConfig } from '../../services/identity/config.ts';
import { UserConfig } from '../../services/user/config.ts';
import { WebConfig } from '../../services/web/config.ts';

type Schema = Parameters<typeof loadConfig>[0];

/** By service, the schema of its own part, as its main.ts reads it. */
const OWN_PARTS: Record<ServiceName, Schema & { properties: object }> = {
  identity: IdentityProcessConfig,
  user: UserConfig,
  conversation: ConversationConfig,
  delivery: DeliveryConfig,
  web: WebConfig,
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'configurations-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** Reads it as a process does. */
async function load(text: string, schema: Schema): Promise<unknown> {
  const file = join(folder, 'config.json');
  await writeFile(file, text);
  return loadConfig(schema, { file });
}

describe.each(Object.entries({ MINIMAL, PRODUCTION, EXTERNAL }))('what the manifests of %s tell', (_, spec) => {
  const manifests = renderAll(inputOf(spec));
  const textOf = (name: string): string => pick(manifests, 'ConfigMap', name).data['config.json'];

  it.each(SERVICE_NAMES)('%s is what it reads', async (service) => {
    const own = OWN_PARTS[service];
    const schema = processConfig(own);
    const text = textOf(`acme-${service}`);
    await expect(load(text, schema)).resolves.toBeTruthy();
    // A schema may pass over what it does not know: then it would be lost here without a word.
    const given = JSON.parse(text);
    expect(Object.keys(own.properties)).toEqual(expect.arrayContaining(Object.keys(given.service)));
    expect(() => requirePeersByTls(given.peers)).not.toThrow();
  });

  it('the Jobs is what they read', async () => {
    const names = manifests.filter(({ kind }) => kind === 'Job').map(({ metadata }) => metadata.name);
    expect(names).toHaveLength(2);
    for (const name of names) await expect(load(textOf(name), JobConfig)).resolves.toBeTruthy();
  });
});

it('a configuration that its service does not know is refused', async () => {
  const text: string = pick(renderAll(inputOf(MINIMAL)), 'ConfigMap', 'acme-delivery').data['config.json'];
  const wrong = JSON.stringify({ ...JSON.parse(text), colour: 'red' });
  await expect(load(wrong, processConfig(DeliveryConfig))).rejects.toThrow('colour');
});
