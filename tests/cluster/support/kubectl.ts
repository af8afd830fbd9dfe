import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { isOwnCluster, STATE_FOLDER } from './state-folder.ts';

const PROGRAM = isOwnCluster ? join(STATE_FOLDER, 'kubectl') : 'kubectl';
const LONGEST_OUTPUT = 256 * 1024 * 1024;

/** Runs kubectl as the cluster's administrator, and resolves with its output. Rejects with what it complained of. */
export function kubectl(args: string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(PROGRAM, args, { maxBuffer: LONGEST_OUTPUT }, (error, stdout, stderr) => {
      if (error) reject(new Error(`kubectl ${args.join(' ')} failed: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** An object as the API holds it; fields are looked up without types, as tests look at all kinds. */
// biome-ignore lint/suspicious/noExplicitAny: objects of every kind are read, and a wrong path fails the test.
export type LiveObject = Record<string, any>;

/** `reference`: `kind/name`, such as `deployment/demo-web`. Undefined: there is none. */
export async function readObject(namespace: string, reference: string): Promise<LiveObject | undefined> {
  const output = await kubectl(['--namespace', namespace, 'get', reference, '--ignore-not-found', '--output', 'json']);
  return output === '' ? undefined : (JSON.parse(output) as LiveObject);
}

/** @param kinds one or several with commas between. */
export async function listObjects(namespace: string, kinds: string, selector?: string): Promise<LiveObject[]> {
  const labels = selector === undefined ? [] : ['--selector', selector];
  const output = await kubectl(['--namespace', namespace, 'get', kinds, ...labels, '--output', 'json']);
  return (JSON.parse(output) as { items: LiveObject[] }).items;
}

/** Applies objects, or YAML as it is; objects of other namespaces name theirs. */
export function apply(namespace: string, manifests: string | object | readonly object[]): Promise<string> {
  const input =
    typeof manifests === 'string'
      ? manifests
      : JSON.stringify({ apiVersion: 'v1', kind: 'List', items: Array.isArray(manifests) ? manifests : [manifests] });
  return kubectl(['--namespace', namespace, 'apply', '--filename', '-'], input);
}

/** Changes an object by a JSON merge patch. */
export function patchObject(namespace: string, reference: string, patch: object): Promise<string> {
  return kubectl(['--namespace', namespace, 'patch', reference, '--type', 'merge', '--patch', JSON.stringify(patch)]);
}

export function deleteObject(namespace: string, reference: string, ...more: string[]): Promise<string> {
  return kubectl(['--namespace', namespace, 'delete', reference, '--ignore-not-found', '--wait=false', ...more]);
}
