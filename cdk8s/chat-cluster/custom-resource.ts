import type { Manifest } from '../parts/index.ts';
import { rules } from './fields.ts';
import { ChatClusterSpec } from './spec.ts';
import { ChatClusterStatus } from './status.ts';
import { toStructuralSchema } from './structural-schema.ts';

/** What a ChatCluster is in the API. */
export const CHAT_CLUSTER = {
  group: 'starling.chat',
  version: 'v1alpha1',
  apiVersion: 'starling.chat/v1alpha1',
  kind: 'ChatCluster',
  plural: 'chatclusters',
} as const;

/** Room for the longest name that is made of it, and for what the API itself adds to that. */
const LONGEST_NAME = 40;

/** The CustomResourceDefinition of ChatCluster. */
export function renderCustomResource(): Manifest {
  const { group, version, kind, plural } = CHAT_CLUSTER;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels: { 'app.kubernetes.io/name': 'starling', 'app.kubernetes.io/part-of': 'starling' } },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: 'chatcluster', shortNames: ['cc'], categories: ['starling'] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: renderSchema() },
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.delivery.replicas',
              statusReplicasPath: '.status.delivery.ready',
              labelSelectorPath: '.status.delivery.selector',
            },
          },
          additionalPrinterColumns: [
            { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
            { name: 'Version', type: 'string', jsonPath: '.status.version' },
            { name: 'Delivery', type: 'integer', jsonPath: '.status.delivery.ready', description: 'Pods of delivery that are ready.' },
            { name: 'Connections', type: 'integer', jsonPath: '.status.delivery.connections' },
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
        },
      ],
    },
  };
}

function renderSchema(): object {
  return {
    type: 'object',
    description: 'An installation of Starling: a self-hosted chat platform.',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: toStructuralSchema(ChatClusterSpec, 'spec'),
      status: toStructuralSchema(ChatClusterStatus, 'status'),
    },
    ...rules({
      rule: `self.metadata.name.matches('^[a-z]([-a-z0-9]{0,${LONGEST_NAME - 2}}[a-z0-9])?$')`,
      message:
        `metadata.name must be at most ${LONGEST_NAME} letters (a-z), digits and hyphens, begin with a letter and end with ` +
        'a letter or digit, since names of Services are made of it: choose another name',
    }),
  };
}
