import type { k8s } from 'cdk8s-plus-28';

/** Of a pod that the `restricted` Pod Security Standard admits. Its volumes are readable by the group. */
export function podSecurity(user: number): k8s.PodSecurityContext {
  return {
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: user,
    fsGroup: user,
    // A volume with many files is not walked through at each start.
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** Of each container. */
export function containerSecurity(): k8s.SecurityContext {
  return { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
}

/** No pod speaks to the Kubernetes API, and none needs the addresses of all Services in its environment. */
export const CLOSED_POD = { automountServiceAccountToken: false, enableServiceLinks: false } as const;

export const USERS = { starling: 65_532, redpanda: 101, postgres: 999 } as const;
