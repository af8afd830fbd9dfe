import type { Manifest } from '../parts/index.ts';
import { METRICS_API_LABELS } from '../parts/labels.ts';
import { PORTS } from '../parts/ports.ts';
import { installed, NAMES } from './metadata.ts';
import { renderMetricsApiPolicy } from './network.ts';
import { renderRegistrationRights } from './operator-rights.ts';
import { type InstallationOptions, RESOURCES } from './options.ts';
import { renderPodGuard } from './pod-guard.ts';
import { renderProgram } from './program.ts';
import { bindEverywhere, bindRole, clusterRole, grant, leaseRole, rule } from './rights.ts';

const TLS_FOLDER = '/etc/starling/tls';

/**
 * The metrics API: two pods that tell the autoscaler of connections. The operator registers it, if no other serves that
 * group, and issues its certificate: until then its pods wait for their volume.
 */
export function renderMetricsApi(options: InstallationOptions): Manifest[] {
  const { namespace, images, watchNamespaces } = options;
  return [
    ...renderProgram({
      name: NAMES.metricsApi,
      namespace,
      selector: 'metricsApi',
      image: images.operator,
      args: [
        'operator/metrics-api/main.ts',
        `--namespace=${namespace}`,
        `--port=${PORTS.http}`,
        `--side-port=${PORTS.side}`,
        `--certificate=${TLS_FOLDER}/tls.crt`,
        `--key=${TLS_FOLDER}/tls.key`,
        ...(watchNamespaces.length > 0 ? [`--watch-namespaces=${watchNamespaces.join(',')}`] : []),
      ],
      resources: RESOURCES.metricsApi,
      ports: [{ name: 'https', containerPort: PORTS.http }],
      volumes: [
        {
          volume: { name: 'tls', secret: { secretName: NAMES.metricsApiTls } },
          mount: { name: 'tls', mountPath: TLS_FOLDER, readOnly: true },
        },
      ],
    }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAMES.metricsApi, namespace, labels: installed(METRICS_API_LABELS) },
      spec: { selector: METRICS_API_LABELS, ports: [{ name: 'https', port: 443, targetPort: 'https' }] },
    },
    ...renderRights(options),
    ...renderRegistrationRights(options),
    ...renderPodGuard(namespace),
    renderMetricsApiPolicy(options),
  ];
}

function renderRights({ namespace, watchNamespaces }: InstallationOptions): Manifest[] {
  const subject = { name: NAMES.metricsApi, namespace };
  const labels = METRICS_API_LABELS;
  return [
    clusterRole(NAMES.metricsApi, labels, [rule('', ['pods'], ['list', 'watch', 'patch'])]),
    ...bindRole({ role: NAMES.metricsApi, subject, labels }, watchNamespaces),
    clusterRole(NAMES.metricsApiReviews, labels, [rule('authorization.k8s.io', ['subjectaccessreviews'], ['create'])]),
    bindEverywhere({ role: NAMES.metricsApiReviews, subject, labels }),
    // Which of the two annotates the pods.
    ...leaseRole(NAMES.metricsApi, subject, labels),
    // By which certificate and headers the Kubernetes API says who asks: a Role that every cluster has.
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: NAMES.metricsApi, namespace: 'kube-system', labels: installed(labels) },
      ...grant('Role', 'extension-apiserver-authentication-reader', subject),
    },
  ];
}
