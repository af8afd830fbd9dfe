import type { k8s } from 'cdk8s-plus-28';
import { quantity } from './quantities.ts';

/** A volume of a pod, and where its container has it. */
export interface Place {
  volume: k8s.Volume;
  mount: k8s.VolumeMount;
}

/** Readable by the pod's user and group: what a key file may be at most for PostgreSQL. */
const GROUP_READABLE = 0o440;
const TEMPORARY_SIZE = '64Mi';

export function secretAt(name: string, secretName: string, mountPath: string, items?: k8s.KeyToPath[]): Place {
  return {
    volume: { name, secret: { secretName, defaultMode: GROUP_READABLE, ...(items && { items }) } },
    mount: { name, mountPath, readOnly: true },
  };
}

export function configAt(name: string, configMap: string, mountPath: string): Place {
  return { volume: { name, configMap: { name: configMap, defaultMode: 0o444 } }, mount: { name, mountPath, readOnly: true } };
}

/** Room to write for a container whose own file system is read-only. */
export function emptyAt(name: string, mountPath: string, options: { size?: string; memory?: boolean } = {}): Place {
  const emptyDir = { sizeLimit: quantity(options.size ?? TEMPORARY_SIZE), ...(options.memory && { medium: 'Memory' }) };
  return { volume: { name, emptyDir }, mount: { name, mountPath } };
}

/** Files out of several Secrets in one folder; none if there are no sources. */
export function filesAt(name: string, mountPath: string, sources: k8s.VolumeProjection[]): Place[] {
  if (sources.length === 0) return [];
  return [{ volume: { name, projected: { defaultMode: GROUP_READABLE, sources } }, mount: { name, mountPath, readOnly: true } }];
}
