import { CHAT_CLUSTER } from '../chat-cluster/index.ts';
import type { Manifest } from '../parts/index.ts';
import { NAMES } from './metadata.ts';
import { clusterRole, rule } from './rights.ts';

const READ = ['get', 'list', 'watch'];

/**
 * Roles to bind to people. They are not aggregated into `view` and `edit`: whoever may write a ChatCluster has the Secrets
 * that it names mounted where a ChatCluster says, and runs images of their choice, so it is given on purpose.
 */
export function renderUserRoles(): Manifest[] {
  const { group, plural } = CHAT_CLUSTER;
  return [
    clusterRole(NAMES.editor, { 'app.kubernetes.io/name': 'starling' }, [
      rule(group, [plural], [...READ, 'create', 'update', 'patch', 'delete']),
      rule(group, [`${plural}/scale`], ['get', 'update', 'patch']),
      rule(group, [`${plural}/status`], ['get']),
    ]),
    clusterRole(NAMES.viewer, { 'app.kubernetes.io/name': 'starling' }, [rule(group, [plural, `${plural}/status`], READ)]),
  ];
}
