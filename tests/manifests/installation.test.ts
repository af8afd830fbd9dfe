import { defaultOptions, type InstallationOptions, renderInstallation } from '@starling/cdk8s/installation';
import { describe, expect, it } from 'vitest';
import { readOptions as readMetricsApiOptions } from '../../operator/metrics-api/options.ts';
import { readOptions as readOperatorOptions } from '../../operator/options.ts';

const options: InstallationOptions = {
  ...defaultOptions('1.2.3'),
  watchNamespaces: ['a', 'b'],
  allowedRegistries: ['ghcr.io/starling-chat/', 'registry.example.com'],
};

/** What the container of the Deployment is started with, after the program's file. */
function flagsOf(name: string, installation: InstallationOptions): string[] {
  const deployment = renderInstallation(installation).find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name);
  if (!deployment) throw new Error(`there is no Deployment ${name}`);
  const { template } = deployment['spec'] as { template: { spec: { containers: { args: string[] }[] } } };
  return template.spec.containers[0]?.args.slice(1) ?? [];
}

describe('the programs of an installation are started with flags that they know', () => {
  it('the operator', () => {
    expect(readOperatorOptions(flagsOf('starling-operator', options))).toMatchObject({
      kubeconfig: undefined,
      namespace: 'starling-system',
      watchNamespaces: ['a', 'b'],
      image: 'ghcr.io/starling-chat/starling',
      version: '1.2.3',
      allowedRegistries: ['ghcr.io/starling-chat/', 'registry.example.com'],
      metricsApi: true,
      sidePort: 9090,
    });
  });

  it('the operator where nothing is limited', () => {
    const flags = flagsOf('starling-operator', { ...defaultOptions('1.2.3'), metricsApi: false });
    expect(readOperatorOptions(flags)).toMatchObject({ watchNamespaces: undefined, allowedRegistries: undefined, metricsApi: false });
  });

  it('the operator by its own defaults, which are those of the manifests', () => {
    const { images } = defaultOptions('1.2.3');
    expect(readOperatorOptions([])).toMatchObject({
      image: images.starling,
      redpandaImage: images.redpanda,
      postgresImage: images.postgres,
    });
  });

  it('the metrics API', () => {
    expect(readMetricsApiOptions(flagsOf('starling-metrics-api', options))).toMatchObject({
      namespace: 'starling-system',
      port: 8443,
      sidePort: 9090,
      certificate: '/etc/starling/tls/tls.crt',
      key: '/etc/starling/tls/tls.key',
      watchNamespaces: ['a', 'b'],
    });
  });
});
