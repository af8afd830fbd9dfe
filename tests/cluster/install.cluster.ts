import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, launchBrowser } from '../e2e/browser.ts';
import { PersonAtBrowser } from '../e2e/person-at-browser.ts';
import {
  apply,
  CHROMIUM_FLAGS,
  codesOf,
  createNamespace,
  deleteNamespace,
  installOperator,
  kubectl,
  type LiveObject,
  listObjects,
  readManifest,
  VERSION,
  waitForCondition,
  waitUntil,
} from './support/index.ts';

const READY_MS = 180_000;
const TRUE_MS = 60_000;
/** What k8s/samples/minimal.yaml says. */
const NAME = 'chat';
const URL = 'https://chat.localhost';

describe('the minimal sample', () => {
  let namespace: string;
  let browser: Browser;

  beforeAll(async () => {
    namespace = await createNamespace('install');
    await installOperator();
    browser = await launchBrowser(CHROMIUM_FLAGS);
  });
  afterAll(async () => {
    await browser?.close();
    await deleteNamespace(namespace);
  });

  it('is ready three minutes after `kubectl apply`', async () => {
    const started = performance.now();
    await apply(namespace, await readManifest('samples/minimal.yaml'));
    await waitForCondition(namespace, `chatcluster/${NAME}`, { type: 'Ready' }, READY_MS);
    console.log(`apply → Ready: ${((performance.now() - started) / 1000).toFixed(1)} s`);
    const pods = await listObjects(namespace, 'pods', 'app.kubernetes.io/component!=migrate');
    expect(pods.length).toBeGreaterThan(0);
    // Each waits for what it needs, and does not end for the lack of it.
    expect(pods.flatMap(restartsOf)).toEqual([]);
  }, 240_000);

  it('lets two people chat, and `kubectl get chatcluster` is true a minute later', async () => {
    const findCode = codesOf(namespace, NAME);
    const ann = await PersonAtBrowser.signUp(await browser.newContext(), URL, 'Ann', findCode);
    const bob = await PersonAtBrowser.signUp(await browser.newContext(), URL, 'Bob', findCode);
    await ann.openPrivate('Bob');
    await ann.send('is anybody there?');
    await bob.openFromList('Ann');
    await bob.page.getByRole('log', { name: 'Messages' }).getByText('is anybody there?').waitFor();
    await bob.send('I am');
    await ann.page.getByRole('log', { name: 'Messages' }).getByText('I am').waitFor();
    for (const person of [ann, bob]) person.expectNoErrors();
    // Both have a socket, and nobody else has.
    await waitUntil('the columns of kubectl get chatcluster to be true', TRUE_MS, async () => {
      const [row = ''] = (await kubectl(['--namespace', namespace, 'get', 'chatcluster', NAME, '--no-headers'])).trim().split('\n');
      const [name, ready, version, delivery, connections] = row.split(/\s+/);
      return [name, ready, version, delivery, connections].join() === [NAME, 'True', VERSION, '2', '2'].join();
    });
  }, 240_000);
});

function restartsOf({ metadata, status }: LiveObject): string[] {
  const containers = status.containerStatuses as { restartCount: number; lastState: { terminated?: object } }[];
  return containers
    .filter(({ restartCount }) => restartCount > 0)
    .map(({ restartCount, lastState }) => `${metadata.name} ${restartCount}: ${JSON.stringify(lastState.terminated)}`);
}
