import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectByKubeconfig, createKubeClient, type KubeClient } from '@starling/operator/kube/index.ts';
import { kubectl } from './kubectl.ts';

/** Where the API is, and who kubectl is there. */
export interface ApiAccess {
  server: string;
  /** PEM. */
  authority: string;
  credentials: { certificate: string; key: string } | { token: string };
}

interface Kubeconfig {
  clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
  users: [{ user: { token?: string; 'client-certificate-data'?: string; 'client-key-data'?: string } }];
}

/** A kubeconfig by itself: no other file is needed. */
function readKubeconfig(): Promise<string> {
  return kubectl(['config', 'view', '--minify', '--raw', '--flatten', '--output', 'json']);
}

export async function readApiAccess(): Promise<ApiAccess> {
  const { clusters, users } = JSON.parse(await readKubeconfig()) as Kubeconfig;
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  const decode = (text = '') => Buffer.from(text, 'base64').toString();
  return {
    server: cluster.server,
    authority: decode(cluster['certificate-authority-data']),
    credentials: user.token
      ? { token: user.token }
      : { certificate: decode(user['client-certificate-data']), key: decode(user['client-key-data']) },
  };
}

/** A file of this content that is gone when the test is over. */
export async function writeTemporary(name: string, content: string): Promise<{ file: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-cluster-'));
  const file = join(folder, name);
  await writeFile(file, content, { mode: 0o600 });
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** The API as kubectl's user, without a process for each request. */
export async function connectApi(): Promise<{ client: KubeClient; close(): Promise<void> }> {
  const { file, remove } = await writeTemporary('kubeconfig', await readKubeconfig());
  const connection = connectByKubeconfig(file);
  return {
    client: createKubeClient(connection),
    async close() {
      await connection.close();
      await remove();
    },
  };
}
