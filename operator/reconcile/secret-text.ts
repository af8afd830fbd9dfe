import type { KubeObject } from '../kube/index.ts';

/** The text at a key of a Secret. Undefined: there is none. */
export function textOf(secret: KubeObject | undefined, key: string): string | undefined {
  const data = secret?.['data'] as Record<string, string> | undefined;
  const value = data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8');
}

export function encodeText(text: string): string {
  return Buffer.from(text).toString('base64');
}
