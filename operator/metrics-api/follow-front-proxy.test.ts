import { Writable } from 'node:stream';
import { createLogger } from '@starling/platform/telemetry';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { KubeObject, ObjectReference } from '../kube/types.ts';
import { followFrontProxy } from './follow-front-proxy.ts';
import type { FrontProxy } from './front-proxy.ts';

const configMap = (authority: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'extension-apiserver-authentication', uid: 'u', resourceVersion: '1' },
  data: {
    'requestheader-client-ca-file': `-----BEGIN CERTIFICATE-----\n${authority}`,
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-username-headers': '["X-Remote-User"]',
  },
});

let answer: () => KubeObject | undefined;
let asked: ObjectReference[];
let told: (FrontProxy | undefined)[];
let lines: string[];
let following: { stop(): Promise<void> };
beforeEach(() => {
  [asked, told, lines] = [[], [], []];
  answer = () => configMap('first');
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(String(chunk));
      done();
    },
  });
  following = followFrontProxy({
    client: {
      get: async (reference) => {
        asked.push(reference);
        return answer();
      },
    },
    logger: createLogger({ service: 'test', destination }),
    pollMs: 1,
    onChange: (proxy) => told.push(proxy),
  });
});
afterEach(() => following.stop());

it('tells each change once', async () => {
  await waitFor(() => asked.length >= 3);
  expect(asked[0]).toMatchObject({ namespace: 'kube-system', name: 'extension-apiserver-authentication' });
  expect(told).toMatchObject([{ authorities: expect.stringContaining('first') }]);
  answer = () => configMap('second');
  await waitFor(() => told.length === 2);
  expect(told[1]?.authorities).toContain('second');
  answer = () => undefined;
  await waitFor(() => told.length === 3);
  expect(told[2]).toBeUndefined();
  expect(lines.join()).toContain('aggregation layer');
});

it('holds to what it has read while nothing can be read, and complains once', async () => {
  await waitFor(() => told.length === 1);
  answer = () => {
    throw new Error('no answer');
  };
  const before = asked.length;
  await waitFor(() => asked.length >= before + 3);
  expect(told).toHaveLength(1);
  expect(lines).toHaveLength(1);
});
