import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../kube/types.ts';
import { identifyCaller, readFrontProxy } from './front-proxy.ts';

const DATA = {
  'requestheader-client-ca-file': '-----BEGIN CERTIFICATE-----\nx',
  'requestheader-allowed-names': '["front-proxy-client"]',
  'requestheader-username-headers': '["X-Remote-User"]',
  'requestheader-group-headers': '["X-Remote-Group"]',
  'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
};
const read = (data: Record<string, string>) =>
  readFrontProxy({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', uid: '1', resourceVersion: '1' }, data } as KubeObject);
const PROXY = read(DATA) ?? expect.fail('is readable');
const PEER = { verified: true, commonName: 'front-proxy-client' };
const HEADERS = {
  'x-remote-user': ['ann'],
  'x-remote-group': ['staff', 'system:authenticated'],
  'x-remote-extra-scopes.example.com%2fview': ['a', 'b'],
  accept: ['*/*'],
};

describe('who asks', () => {
  it('is read from headers of the API server', () => {
    expect(identifyCaller(PEER, HEADERS, PROXY)).toEqual({
      user: 'ann',
      groups: ['staff', 'system:authenticated'],
      extra: { 'scopes.example.com/view': ['a', 'b'] },
    });
  });

  it('is nobody without a certificate of its authority and of an allowed name', () => {
    expect(identifyCaller({ ...PEER, verified: false }, HEADERS, PROXY)).toBeUndefined();
    expect(identifyCaller({ ...PEER, commonName: 'somebody' }, HEADERS, PROXY)).toBeUndefined();
    expect(identifyCaller({ ...PEER, commonName: undefined }, HEADERS, PROXY)).toBeUndefined();
    expect(identifyCaller({ ...PEER, commonName: ['front-proxy-client', 'somebody'] }, HEADERS, PROXY)).toBeUndefined();
  });

  it('is nobody when no user is named', () => {
    expect(identifyCaller(PEER, { ...HEADERS, 'x-remote-user': [''] }, PROXY)).toBeUndefined();
    expect(identifyCaller(PEER, { 'x-remote-group': ['system:masters'] }, PROXY)).toBeUndefined();
  });

  it('may have any name when the API server is set up without a list of them', () => {
    const open = read({ ...DATA, 'requestheader-allowed-names': '[]' }) ?? expect.fail('is readable');
    expect(identifyCaller({ ...PEER, commonName: 'somebody' }, HEADERS, open)).toMatchObject({ user: 'ann' });
  });
});

describe('the ConfigMap', () => {
  it.each(
    Object.entries({
      'requestheader-client-ca-file': '',
      'requestheader-allowed-names': 'front-proxy-client',
      'requestheader-username-headers': '',
    }),
  )('lets nobody in when %s is "%s"', (field, value) => {
    expect(read({ ...DATA, [field]: value })).toBeUndefined();
  });

  it('lets nobody in when it is not there', () => {
    expect(readFrontProxy(undefined)).toBeUndefined();
  });
});
