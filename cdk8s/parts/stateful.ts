import { k8s } from 'cdk8s-plus-28';
import type { Manifest, RenderInput } from './input.ts';
import { dataLabelsOf, labelsOf, selectorOf } from './labels.ts';
import { ownedMetadata } from './metadata.ts';
import { names, VOLUME } from './names.ts';
import { quantity } from './quantities.ts';
import { schedulingOf } from './scheduling.ts';
import { CLOSED_POD, podSecurity } from './security.ts';

export type DataComponent = 'postgres' | 'redpanda';

interface StorageSpec {
  className?: string;
  size: string;
  retention: 'Retain' | 'Delete';
}

/** What PostgreSQL and the brokers do not share of their StatefulSets. */
export interface StatefulParts {
  component: DataComponent;
  replicas: number;
  user: number;
  storage: StorageSpec;
  /** Of the configuration: another one starts the pods anew. Not of certificates, which are reloaded. */
  configHash: string;
  /** For which a pod must have been ready before the next one is replaced; at once if not given. */
  minReadySeconds?: number | undefined;
  graceSeconds: number;
  containers: k8s.Container[];
  initContainers?: k8s.Container[];
  volumes: k8s.Volume[];
}

export function renderStateful(input: RenderInput, parts: StatefulParts): Manifest {
  const { component, storage } = parts;
  const name = names.of(input.name, component);
  // A claim template cannot be changed: volumes grow by their claims, see desiredVolumes.
  const created = input.createdStorage?.[component] ?? storage.size;
  return k8s.KubeStatefulSet.manifest({
    metadata: ownedMetadata(input, name, component),
    spec: {
      replicas: parts.replicas,
      serviceName: name,
      selector: { matchLabels: selectorOf(input.name, component) },
      // Brokers become ready together, and in order a pod that never becomes ready would not be replaced by its mended template.
      podManagementPolicy: 'Parallel',
      ...(parts.minReadySeconds !== undefined && { minReadySeconds: parts.minReadySeconds }),
      revisionHistoryLimit: 3,
      updateStrategy: { type: 'RollingUpdate' },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: storage.retention, whenScaled: 'Retain' },
      template: {
        metadata: {
          labels: labelsOf(input.name, component),
          annotations: { 'starling.chat/config-hash': parts.configHash },
        },
        spec: {
          ...CLOSED_POD,
          serviceAccountName: name,
          securityContext: podSecurity(parts.user),
          terminationGracePeriodSeconds: parts.graceSeconds,
          ...schedulingOf(input, component),
          ...(parts.initContainers && { initContainers: parts.initContainers }),
          containers: parts.containers,
          volumes: parts.volumes,
        },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: VOLUME, labels: dataLabelsOf(input.name, component) },
          spec: {
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: quantity(created) } },
            ...(storage.className !== undefined && { storageClassName: storage.className }),
          },
        },
      ],
    },
  });
}
