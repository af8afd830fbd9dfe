import { isDeepStrictEqual } from 'node:util';
import type { ChatClusterStatus } from '@starling/cdk8s/chat-cluster';
import { GROUP, type Manifest } from '@starling/cdk8s/parts';
import type { KubeClient, KubeObject, ObservingCache } from '../kube/index.ts';

const MANAGER = 'starling-status';

/** Writes the status if it is another than the one that the object has. Refused for another object of the same name. */
export async function writeStatus(
  { client, cache }: { client: KubeClient; cache: ObservingCache },
  cluster: KubeObject,
  status: ChatClusterStatus,
): Promise<KubeObject> {
  const wanted = JSON.parse(JSON.stringify(status)) as ChatClusterStatus;
  if (isDeepStrictEqual(wanted, cluster.status ?? {})) return cluster;
  const { name, namespace = '', uid } = cluster.metadata;
  const metadata = { name, namespace, uid } as Manifest['metadata'];
  const written = await client.apply(
    { apiVersion: `${GROUP}/v1alpha1`, kind: 'ChatCluster', metadata, status: wanted },
    { manager: MANAGER, subresource: 'status' },
  );
  cache.observe(written);
  return written;
}
