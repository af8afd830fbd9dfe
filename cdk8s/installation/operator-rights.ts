import type { Manifest } from '../parts/index.ts';
import { NAMES, OPERATOR_LABELS } from './metadata.ts';
import type { InstallationOptions } from './options.ts';
import { bindEverywhere, bindRole, clusterRole, leaseRole, type PolicyRule, role, rule } from './rights.ts';

/** By list and watch the operator knows what there is, by patch it applies, which needs create for what is new. */
const OWNED = ['get', 'list', 'watch', 'create', 'patch', 'delete'];

/**
 * What the operator may do in the namespaces of ChatClusters. It may write Secrets and workloads, which is much: whoever
 * controls it controls those namespaces.
 */
const NAMESPACED: PolicyRule[] = [
  rule('starling.chat', ['chatclusters'], ['list', 'watch', 'patch']),
  rule('starling.chat', ['chatclusters/status'], ['patch']),
  rule('', ['configmaps', 'secrets', 'serviceaccounts', 'services'], OWNED),
  // Made by their StatefulSets, grown by the operator, and never deleted by it: they are the data.
  rule('', ['persistentvolumeclaims'], ['get', 'list', 'watch', 'patch']),
  rule('', ['pods'], ['list', 'watch']),
  rule('events.k8s.io', ['events'], ['create']),
  rule('apps', ['deployments', 'statefulsets'], OWNED),
  rule('autoscaling', ['horizontalpodautoscalers'], OWNED),
  rule('batch', ['jobs'], OWNED),
  rule('networking.k8s.io', ['ingresses', 'networkpolicies'], OWNED),
  rule('policy', ['poddisruptionbudgets'], OWNED),
];

/** Rights of the operator: those in namespaces are bound in the watched ones, or everywhere if none is named. */
export function renderOperatorRights({ namespace, watchNamespaces }: InstallationOptions): Manifest[] {
  const subject = { name: NAMES.operator, namespace };
  return [
    clusterRole(NAMES.operator, OPERATOR_LABELS, NAMESPACED),
    ...bindRole({ role: NAMES.operator, subject, labels: OPERATOR_LABELS }, watchNamespaces),
    ...leaseRole(NAMES.operator, subject, OPERATOR_LABELS),
  ];
}

/** The one object of the group of custom metrics that the operator makes. */
const METRICS_API_SERVICE = 'v1beta2.custom.metrics.k8s.io';

/** What registering the metrics API takes: it is for the operator to do, since it must not be done where another serves them. */
export function renderRegistrationRights({ namespace }: InstallationOptions): Manifest[] {
  const name = NAMES.registration;
  const subject = { name: NAMES.operator, namespace };
  return [
    clusterRole(name, OPERATOR_LABELS, [
      rule('apiregistration.k8s.io', ['apiservices'], ['list', 'watch', 'create']),
      rule('apiregistration.k8s.io', ['apiservices'], ['patch'], [METRICS_API_SERVICE]),
      // The APIService belongs to this role, so that it goes when the installation does.
      rule('rbac.authorization.k8s.io', ['clusterroles'], ['get'], [NAMES.operator]),
    ]),
    bindEverywhere({ role: name, subject, labels: OPERATOR_LABELS }),
    ...role({ name, namespace, subject, labels: OPERATOR_LABELS }, [
      rule('', ['secrets'], ['create']),
      rule('', ['secrets'], ['get', 'patch'], [NAMES.metricsApiTls]),
    ]),
  ];
}

/** For ChatClusters that scale by KEDA, wherever it is installed. */
export function renderKedaRights({ namespace, watchNamespaces }: InstallationOptions): Manifest[] {
  const subject = { name: NAMES.operator, namespace };
  return [
    clusterRole(NAMES.keda, OPERATOR_LABELS, [rule('keda.sh', ['scaledobjects'], OWNED)]),
    ...bindRole({ role: NAMES.keda, subject, labels: OPERATOR_LABELS }, watchNamespaces),
  ];
}
