import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { kubectl, type LiveObject, listObjects } from './kubectl.ts';
import { startKubectl } from './running-kubectl.ts';
import { NAME } from './small-cluster.ts';
import { stateFile } from './state-folder.ts';

const run = promisify(execFile);

/** The pods of one service that are ready and not about to end. */
export async function readyPods(namespace: string, component = 'delivery'): Promise<LiveObject[]> {
  const pods = await podsOf(namespace, component);
  const isReady = (pod: LiveObject) => pod['status'].conditions?.some((c: LiveObject) => c['type'] === 'Ready' && c['status'] === 'True');
  return pods.filter((pod) => isReady(pod) && pod['metadata'].deletionTimestamp === undefined);
}

export function podsOf(namespace: string, component: string): Promise<LiveObject[]> {
  return listObjects(namespace, 'pods', `app.kubernetes.io/instance=${NAME},app.kubernetes.io/component=${component}`);
}

export function nameOf(object: LiveObject): string {
  return object['metadata'].name as string;
}

/** The open sockets of each pod that is ready, as it says itself. */
export async function socketsOfPods(namespace: string): Promise<number[]> {
  const pods = await readyPods(namespace);
  return Promise.all(
    pods.map(async (pod) => {
      const load = await kubectl(['get', '--raw', `/api/v1/namespaces/${namespace}/pods/${nameOf(pod)}:9090/proxy/load`]);
      return (JSON.parse(load) as { connections: number }).connections;
    }),
  );
}

/** SIGKILL to the process of a pod's only container. */
export async function killPod(pod: LiveObject): Promise<void> {
  const id = (pod['status'].containerStatuses[0].containerID as string).replace('containerd://', '');
  await run(stateFile('ctr'), ['tasks', 'kill', '--signal', 'SIGKILL', id]);
}

/** As `kubectl drain` takes a pod from a node. Resolves with what the API says against it, or undefined. */
export async function evict(namespace: string, name: string): Promise<string | undefined> {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  const args = ['create', '--raw', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, '--filename', '-'];
  return kubectl(args, JSON.stringify(eviction)).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

/** What a pod writes from now on. `find` gives the first line of that message. */
export function followLog(namespace: string, pod: string): { find(message: string): LiveObject | undefined } {
  const lines: LiveObject[] = [];
  startKubectl(['--namespace', namespace, 'logs', '--follow', '--tail=0', pod], (line) => {
    if (line.startsWith('{')) lines.push(JSON.parse(line) as LiveObject);
  });
  return { find: (message) => lines.find(({ msg }) => msg === message) };
}
