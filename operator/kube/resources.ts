import type { Manifest } from '@starling/cdk8s/parts';
import type { KubeObject, ObjectReference, Resource } from './types.ts';

function namespaced(apiVersion: string, kind: string, plural = `${kind.toLowerCase()}s`): Resource {
  return { apiVersion, kind, plural, namespaced: true };
}

/** Every kind that the operator reads or writes. */
export const RESOURCES = {
  ChatCluster: namespaced('starling.chat/v1alpha1', 'ChatCluster'),
  ConfigMap: namespaced('v1', 'ConfigMap'),
  PersistentVolumeClaim: namespaced('v1', 'PersistentVolumeClaim'),
  Pod: namespaced('v1', 'Pod'),
  Secret: namespaced('v1', 'Secret'),
  Service: namespaced('v1', 'Service'),
  ServiceAccount: namespaced('v1', 'ServiceAccount'),
  Deployment: namespaced('apps/v1', 'Deployment'),
  ReplicaSet: namespaced('apps/v1', 'ReplicaSet'),
  StatefulSet: namespaced('apps/v1', 'StatefulSet'),
  HorizontalPodAutoscaler: namespaced('autoscaling/v2', 'HorizontalPodAutoscaler'),
  Job: namespaced('batch/v1', 'Job'),
  Lease: namespaced('coordination.k8s.io/v1', 'Lease'),
  EndpointSlice: namespaced('discovery.k8s.io/v1', 'EndpointSlice'),
  Event: namespaced('events.k8s.io/v1', 'Event'),
  Ingress: namespaced('networking.k8s.io/v1', 'Ingress', 'ingresses'),
  NetworkPolicy: namespaced('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  PodDisruptionBudget: namespaced('policy/v1', 'PodDisruptionBudget'),
  ScaledObject: namespaced('keda.sh/v1alpha1', 'ScaledObject'),
  /** Of CloudNativePG. */
  Cluster: namespaced('postgresql.cnpg.io/v1', 'Cluster'),
  APIService: { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', plural: 'apiservices', namespaced: false },
  Namespace: { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false },
} as const satisfies Record<string, Resource>;

const byKind = new Map<string, Resource>(Object.values(RESOURCES).map((resource) => [`${resource.apiVersion} ${resource.kind}`, resource]));

/** Throws for a kind that is not in {@link RESOURCES}. */
export function resourceOf(manifest: { apiVersion: string; kind: string }): Resource {
  const resource = byKind.get(`${manifest.apiVersion} ${manifest.kind}`);
  if (!resource) throw new Error(`kind ${manifest.kind} of ${manifest.apiVersion} is not known to the operator; add it to RESOURCES`);
  return resource;
}

/** Throws as {@link resourceOf} does. */
export function referenceOf(manifest: Manifest | KubeObject): ObjectReference {
  return { resource: resourceOf(manifest), name: manifest.metadata.name, namespace: manifest.metadata.namespace };
}

/** For messages: `Deployment chat/demo-web`. */
export function describeReference({ resource, name, namespace }: ObjectReference): string {
  return `${resource.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** Of all objects of the kind, or of those in one namespace. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const group = resource.apiVersion.includes('/') ? `/apis/${resource.apiVersion}` : `/api/${resource.apiVersion}`;
  const place = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${group}${place}/${resource.plural}`;
}

export function objectPath(reference: ObjectReference, subresource?: string): string {
  const { resource, name, namespace } = reference;
  if (resource.namespaced && namespace === undefined) throw new Error(`${resource.kind} ${name} is asked for without its namespace`);
  const path = `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
