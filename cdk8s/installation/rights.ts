import type { Manifest } from '../parts/index.ts';
import { installed } from './metadata.ts';

const GROUP = 'rbac.authorization.k8s.io';
const apiVersion = `${GROUP}/v1`;

export interface PolicyRule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

/** @param resourceNames only of objects with these names; `create` cannot be limited so. */
export function rule(apiGroup: string, resources: string[], verbs: string[], resourceNames?: string[]): PolicyRule {
  return { apiGroups: [apiGroup], resources, verbs, ...(resourceNames && { resourceNames }) };
}

/** Who gets rights: a ServiceAccount. */
interface Subject {
  name: string;
  namespace: string;
}

interface Binding {
  role: string;
  subject: Subject;
  labels: Record<string, string>;
}

export function clusterRole(name: string, labels: Record<string, string>, rules: PolicyRule[]): Manifest {
  return { apiVersion, kind: 'ClusterRole', metadata: { name, labels: installed(labels) }, rules };
}

/** Binds a ClusterRole in each of the namespaces, or, if none is named, everywhere. */
export function bindRole(binding: Binding, namespaces: readonly string[]): Manifest[] {
  if (namespaces.length === 0) return [bindEverywhere(binding)];
  return namespaces.map((namespace) => ({
    apiVersion,
    kind: 'RoleBinding',
    metadata: { name: binding.role, namespace, labels: installed(binding.labels) },
    ...grant('ClusterRole', binding.role, binding.subject),
  }));
}

export function bindEverywhere({ role: name, labels, subject }: Binding): Manifest {
  return { apiVersion, kind: 'ClusterRoleBinding', metadata: { name, labels: installed(labels) }, ...grant('ClusterRole', name, subject) };
}

/** A Role of one namespace, and who has it. */
export function role(
  { name, namespace, labels, subject }: { name: string; namespace: string; labels: Record<string, string>; subject: Subject },
  rules: PolicyRule[],
): Manifest[] {
  const metadata = { name, namespace, labels: installed(labels) };
  return [
    { apiVersion, kind: 'Role', metadata, rules },
    { apiVersion, kind: 'RoleBinding', metadata, ...grant('Role', name, subject) },
  ];
}

/** To elect which of the pods works, by the Lease of this name. */
export function leaseRole(name: string, subject: Subject, labels: Record<string, string>): Manifest[] {
  return role({ name, namespace: subject.namespace, subject, labels }, [
    rule('coordination.k8s.io', ['leases'], ['create']),
    rule('coordination.k8s.io', ['leases'], ['get', 'update'], [name]),
  ]);
}

export function grant(kind: 'Role' | 'ClusterRole', name: string, { name: account, namespace }: Subject) {
  return {
    roleRef: { apiGroup: GROUP, kind, name },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
  };
}
