import { renderCustomResource } from '../chat-cluster/index.ts';
import type { Manifest } from '../parts/index.ts';
import { installed } from './metadata.ts';
import { renderMetricsApi } from './metrics-api.ts';
import { renderOperator } from './operator.ts';
import type { InstallationOptions } from './options.ts';
import { renderUserRoles } from './user-roles.ts';

export { renderKedaRights } from './operator-rights.ts';
export { defaultOptions, type InstallationOptions, RESOURCES } from './options.ts';
export { renderMetricsApi, renderOperator, renderUserRoles };

/** All that `kubectl apply` needs to install the operator: the definition of ChatCluster, its namespace, its rights, itself. */
export function renderInstallation(options: InstallationOptions): Manifest[] {
  return [
    renderCustomResource(),
    renderNamespace(options.namespace),
    ...renderUserRoles(),
    ...renderOperator(options),
    ...(options.metricsApi ? renderMetricsApi(options) : []),
  ];
}

/** In which nothing runs that could harm its node. */
function renderNamespace(name: string): Manifest {
  const restricted = ['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']);
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { ...installed(), ...Object.fromEntries(restricted) } } };
}
