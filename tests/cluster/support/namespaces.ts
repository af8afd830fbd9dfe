import { randomBytes } from 'node:crypto';
import { kubectl } from './kubectl.ts';

/** Makes a namespace of the test's own, in which Pod Security lets nothing but restricted pods run. */
export async function createNamespace(topic: string): Promise<string> {
  const name = `${topic}-${randomBytes(3).toString('hex')}`;
  await kubectl(['create', 'namespace', name]);
  await kubectl(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted', 'starling.test/made-by=tests']);
  return name;
}

/** Deletes it with all that is in it, and resolves when it is gone. */
export async function deleteNamespace(name: string): Promise<void> {
  await kubectl(['delete', 'namespace', name, '--ignore-not-found', '--timeout=120s']);
}
