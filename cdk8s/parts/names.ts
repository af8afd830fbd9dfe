/** Names of the objects of the installation `cluster`. They never change: a renamed object is another object. */
export const names = {
  /** Deployment, Service, PodDisruptionBudget, ConfigMap, Secret, ServiceAccount of a service; StatefulSet of data; policy of each. */
  of: (cluster: string, component: string) => `${cluster}-${component}`,
  root: (cluster: string) => `${cluster}-root`,
  signingKey: (cluster: string, service: string) => `${cluster}-${service}-signing-key`,
  tls: (cluster: string, component: string) => `${cluster}-${component}-tls`,
  authority: (cluster: string) => `${cluster}-authority`,
  publicKeys: (cluster: string) => `${cluster}-public-keys`,
  administrator: (cluster: string, data: 'postgres' | 'redpanda') => `${cluster}-${data}-administrator`,
  ingress: (cluster: string) => cluster,
  defaultDeny: (cluster: string) => `${cluster}-default-deny`,
  job: (cluster: string, step: JobStep, hash: string) => `${cluster}-${step}-${hash}`,
  /** The claim of the pod with this number of the StatefulSet `component`. */
  claim: (cluster: string, component: 'postgres' | 'redpanda', ordinal: number) => `${VOLUME}-${cluster}-${component}-${ordinal}`,
} as const;

/** The two Jobs of an upgrade: before the services, and after them. */
export type JobStep = 'expand' | 'rules-level';

/** The claim template of both StatefulSets. */
export const VOLUME = 'data';

/** The host of a Service as the certificates name it; it needs no knowledge of the cluster's domain. */
export function hostOf(input: { name: string; namespace: string }, component: string): string {
  return `${names.of(input.name, component)}.${input.namespace}.svc`;
}

/** The host of one pod of a StatefulSet, whose Service is headless. */
export function podHostOf(input: { name: string; namespace: string }, component: string, ordinal: number): string {
  return `${names.of(input.name, component)}-${ordinal}.${hostOf(input, component)}`;
}
