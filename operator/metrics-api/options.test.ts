import { expect, it } from 'vitest';
import { readOptions } from './options.ts';

const NEEDED = ['--namespace', 'starling', '--certificate', 'tls.crt', '--key', 'tls.key'];

it('has defaults for all but where it runs and what it serves with', () => {
  expect(readOptions(NEEDED)).toEqual({
    kubeconfig: undefined,
    namespace: 'starling',
    host: '0.0.0.0',
    port: 8443,
    sidePort: 9090,
    certificate: 'tls.crt',
    key: 'tls.key',
    watchNamespaces: undefined,
  });
});

it('takes flags', () => {
  const flags = ['--watch-namespaces', 'a,b,', '--port', '0', '--side-port', '9', '--host', '::1', '--kubeconfig', 'k'];
  expect(readOptions([...NEEDED, ...flags])).toMatchObject({
    watchNamespaces: ['a', 'b'],
    port: 0,
    sidePort: 9,
    host: '::1',
    kubeconfig: 'k',
  });
  expect(readOptions([...NEEDED, '--watch-namespaces', '']).watchNamespaces).toBeUndefined();
});

it('says which flag is wrong', () => {
  expect(() => readOptions(NEEDED.slice(2))).toThrow('--namespace is missing');
  expect(() => readOptions(NEEDED.slice(0, 4))).toThrow('--key is missing');
  for (const port of ['-1', '65536', 'http', '']) expect(() => readOptions([...NEEDED, `--port=${port}`])).toThrow('--port must be a port');
  expect(() => readOptions([...NEEDED, '--prot', '1'])).toThrow('--prot');
});
