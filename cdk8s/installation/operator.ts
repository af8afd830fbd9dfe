import type { Manifest } from '../parts/index.ts';
import { PORTS } from '../parts/ports.ts';
import { NAMES } from './metadata.ts';
import { renderOperatorPolicy } from './network.ts';
import { renderOperatorRights } from './operator-rights.ts';
import { type InstallationOptions, RESOURCES } from './options.ts';
import { renderProgram } from './program.ts';

/** The operator: two pods, of which the one that holds the Lease works. */
export function renderOperator(options: InstallationOptions): Manifest[] {
  const program = renderProgram({
    name: NAMES.operator,
    namespace: options.namespace,
    selector: 'operator',
    image: options.images.operator,
    args: ['operator/main.ts', ...flags(options)],
    resources: RESOURCES.operator,
  });
  return [...program, ...renderOperatorRights(options), renderOperatorPolicy(options)];
}

function flags({ namespace, images, metricsApi, watchNamespaces, allowedRegistries }: InstallationOptions): string[] {
  return [
    `--namespace=${namespace}`,
    `--image=${images.starling}`,
    `--version=${images.version}`,
    `--redpanda-image=${images.redpanda}`,
    `--postgres-image=${images.postgres}`,
    `--side-port=${PORTS.side}`,
    `--metrics-api=${metricsApi ? 'on' : 'off'}`,
    ...(watchNamespaces.length > 0 ? [`--watch-namespaces=${watchNamespaces.join(',')}`] : []),
    ...(allowedRegistries.length > 0 ? [`--allowed-registries=${allowedRegistries.join(',')}`] : []),
  ];
}
