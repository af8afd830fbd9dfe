import { expect, it } from 'vitest';
import { readOptions } from './options.ts';

it('has defaults for everything', () => {
  expect(readOptions([])).toEqual({
    kubeconfig: undefined,
    namespace: 'starling-system',
    watchNamespaces: undefined,
    image: 'ghcr.io/starling-chat/starling',
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    redpandaImage: 'docker.redpanda.com/redpandadata/redpanda:v25.2.1',
    postgresImage: 'docker.io/library/postgres:18.1',
    allowedRegistries: undefined,
    metricsApi: false,
    sidePort: 9090,
    logLevel: 'info',
  });
});

it('takes lists by commas', () => {
  expect(readOptions(['--watch-namespaces=a,b', '--allowed-registries', 'ghcr.io/x,localhost:5000', '--metrics-api=on'])).toMatchObject({
    watchNamespaces: ['a', 'b'],
    allowedRegistries: ['ghcr.io/x', 'localhost:5000'],
    metricsApi: true,
  });
});

it.each([
  [['--watch-namespaces', 'a,,b'], 'watch-namespaces'],
  [['--namespace', 'A'], 'namespace'],
  [['--side-port', '70000'], 'side-port'],
  [['--metrics-api', 'yes'], 'metrics-api'],
  [['--version', 'a b'], 'version'],
  [['--unknown'], '--unknown'],
  [['stray'], 'stray'],
])('refuses %j in a sentence', (args, named) => {
  expect(() => readOptions(args)).toThrow(named);
});

it('tells how it is used', () => {
  expect(readOptions(['--help', '--namespace', 'x'])).toBe('help');
});
