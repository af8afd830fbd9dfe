import type { Manifest } from '../parts/index.ts';
import { METRICS_API_LABELS } from '../parts/labels.ts';
import { installed, NAMES } from './metadata.ts';

const apiVersion = 'admissionregistration.k8s.io/v1';

/** The annotations that the metrics API writes. */
const WRITTEN = ['starling.chat/connections', 'controller.kubernetes.io/pod-deletion-cost'];

/**
 * The right to patch pods includes the right to replace their images, which no role can take away. This takes it: whoever
 * runs as the metrics API can change nothing of a pod but its two annotations, and of no pod but those of delivery.
 */
export function renderPodGuard(namespace: string): Manifest[] {
  const metadata = { name: NAMES.metricsApi, labels: installed(METRICS_API_LABELS) };
  const known = `[${WRITTEN.map((name) => `'${name}'`).join(', ')}]`;
  const annotations = (object: string) => `(has(${object}.metadata.annotations) ? ${object}.metadata.annotations : {})`;
  const unchanged = (from: string, to: string) =>
    `${annotations(from)}.all(key, key in ${known} || (key in ${annotations(to)} && ${annotations(from)}[key] == ${annotations(to)}[key]))`;
  const same = (field: string) =>
    `has(object.metadata.${field}) == has(oldObject.metadata.${field}) && (!has(object.metadata.${field}) || object.metadata.${field} == oldObject.metadata.${field})`;
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['pods'] }] },
        matchConditions: [
          {
            name: 'metrics-api',
            expression: `request.userInfo.username == 'system:serviceaccount:${namespace}:${NAMES.metricsApi}'`,
          },
        ],
        validations: [
          {
            expression:
              "has(oldObject.metadata.labels) && 'starling.chat/cluster' in oldObject.metadata.labels && " +
              "'app.kubernetes.io/component' in oldObject.metadata.labels && oldObject.metadata.labels['app.kubernetes.io/component'] == 'delivery'",
            message: 'the metrics API may change only pods of delivery',
          },
          {
            expression: ['object.spec == oldObject.spec', ...['labels', 'ownerReferences', 'finalizers'].map(same)].join(' && '),
            message: 'the metrics API may change only annotations of pods',
          },
          {
            expression: `${unchanged('object', 'oldObject')} && ${unchanged('oldObject', 'object')}`,
            message: `the metrics API may change only the annotations ${WRITTEN.join(' and ')}`,
          },
        ],
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: NAMES.metricsApi, validationActions: ['Deny'] },
    },
  ];
}
