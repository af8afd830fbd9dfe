import type { AuditedRequest } from './audit-log.ts';
import { kubectl, type LiveObject } from './kubectl.ts';

/** One verb on one resource of a group: `patch apps/deployments`, `patch starling.chat/chatclusters/status`. */
export type Right = string;

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  verbs: string[];
}

/** One rule of a role that a service account has, and where: a namespace, or everywhere (''). */
export interface GrantedRule extends Rule {
  role: string;
  namespace: string;
}

/** All rules that are bound to a service account by name. */
export async function readGrantedRules(namespace: string, account: string): Promise<GrantedRule[]> {
  const read = async (kinds: string) =>
    (JSON.parse(await kubectl(['get', kinds, '--all-namespaces', '--output=json'])) as { items: LiveObject[] }).items;
  const [bindings, roles] = await Promise.all([read('clusterrolebindings,rolebindings'), read('clusterroles,roles')]);
  const isMine = ({ kind, name, namespace: of }: LiveObject) => kind === 'ServiceAccount' && name === account && of === namespace;
  return bindings
    .filter(({ subjects = [] }) => (subjects as LiveObject[]).some(isMine))
    .flatMap(({ metadata, roleRef }) => {
      const role = roles.find(
        ({ kind, metadata: of }) =>
          kind === roleRef.kind && of.name === roleRef.name && (kind === 'ClusterRole' || of.namespace === metadata.namespace),
      );
      return ((role?.['rules'] ?? []) as Rule[]).map((rule) => ({
        ...rule,
        role: `${roleRef.kind}/${roleRef.name}`,
        namespace: metadata.namespace ?? '',
      }));
    });
}

/** Verb by verb and resource by resource. */
export function rightsOf(rules: readonly GrantedRule[]): Right[] {
  const rights = rules.flatMap(({ apiGroups = [], resources = [], verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => rightOf(verb, group, resource)))),
  );
  return [...new Set(rights)].sort();
}

/** What the requests needed. An apply of what was not there needs the right to create it, too, and the audit log calls it a patch. */
export function rightsUsed(requests: readonly AuditedRequest[]): Right[] {
  const used = requests
    .filter(({ resource, status }) => resource !== '' && status !== 403)
    .flatMap(({ verb, group, resource, subresource, status }) => {
      const whole = subresource === '' ? resource : `${resource}/${subresource}`;
      const made = verb === 'patch' && status === 201;
      return [rightOf(verb, group, whole), ...(made ? [rightOf('create', group, whole)] : [])];
    });
  return [...new Set(used)].sort();
}

function rightOf(verb: string, group: string, resource: string): Right {
  return `${verb} ${group === '' ? 'core' : group}/${resource}`;
}
