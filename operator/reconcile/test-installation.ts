import type { ChatClusterStatus } from '@starling/cdk8s/chat-cluster';
import { type KubeObject, RESOURCES } from '../kube/index.ts';
import type { Condition, ConditionType } from '../status/conditions.ts';
import { reconcile } from './reconcile.ts';
import { FakeCluster } from './test-fake-cluster.ts';
import type { InstallationOptions, Tools } from './work.ts';

type Tree = Record<string, unknown>;

/** One ChatCluster `team/chat` in a fake Kubernetes cluster, and its controllers as far as a test plays them. */
export class Installation {
  readonly fake = new FakeCluster();
  tools: Tools;

  constructor(options: Partial<InstallationOptions> = {}) {
    this.tools = this.fake.tools(options);
  }

  /** As `kubectl apply`: the spec is replaced. */
  write(spec: Tree = {}, annotations?: Record<string, string>): void {
    const held = this.fake.get({ resource: RESOURCES.ChatCluster, name: 'chat', namespace: 'team' });
    this.fake.put({
      ...(held ?? {}),
      apiVersion: 'starling.chat/v1alpha1',
      kind: 'ChatCluster',
      metadata: { ...held?.metadata, name: 'chat', namespace: 'team', ...(annotations && { annotations }) },
      spec: { host: 'chat.example.com', ...spec },
    });
  }

  pass(): ReturnType<typeof reconcile> {
    return reconcile(this.tools, 'team/chat');
  }

  /** Passes until nothing is written any more. What is being deleted is gone at once here. */
  async settle(): Promise<void> {
    for (let count = 0; count < 30; count += 1) {
      const before = this.fake.writes.length;
      await this.pass();
      if (this.fake.writes.length === before) return;
    }
    throw new Error(`it does not settle: ${this.fake.writes.slice(-10).join(', ')}`);
  }

  get status(): ChatClusterStatus {
    return (this.fake.find('ChatCluster', 'chat').status ?? {}) as ChatClusterStatus;
  }

  condition(type: ConditionType): Condition {
    const found = this.status.conditions?.find((condition) => condition.type === type);
    if (!found) throw new Error(`there is no condition ${type}`);
    return found as Condition;
  }

  /** As the controllers of StatefulSets do: volumes, pods and readiness. */
  startData(): void {
    for (const component of ['postgres', 'redpanda']) {
      this.fake.edit('StatefulSet', `chat-${component}`, (set) => {
        set.status = { observedGeneration: set.metadata.generation, readyReplicas: 1, availableReplicas: 1, updatedReplicas: 1 };
      });
      if (this.#has('PersistentVolumeClaim', `data-chat-${component}-0`)) continue;
      this.fake.put({
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: {
          name: `data-chat-${component}-0`,
          namespace: 'team',
          labels: {
            'app.kubernetes.io/name': 'starling',
            'app.kubernetes.io/instance': 'chat',
            'app.kubernetes.io/component': component,
            'app.kubernetes.io/managed-by': 'starling-operator',
            'starling.chat/cluster': 'chat',
            'starling.chat/data': 'true',
          },
        },
        spec: { resources: { requests: { storage: '10Gi' } } },
      });
    }
  }

  /** Ends the Job of this step with a result in the termination message of its pod. */
  endJob(step: 'expand' | 'rules-level', result: Tree): string {
    const job = this.job(step);
    const done = result['result'] === 'done';
    const { name } = job.metadata;
    this.fake.edit('Job', name, (object) => {
      object.status = { conditions: [{ type: done ? 'Complete' : 'Failed', status: 'True', lastTransitionTime: this.#now() }] };
    });
    this.putPod(`${name}-x`, 'migrate', {
      labels: { 'batch.kubernetes.io/job-name': name },
      owner: job,
      containerStatuses: [
        { name: step, state: { terminated: { exitCode: done ? 0 : 1, message: JSON.stringify(result), finishedAt: this.#now() } } },
      ],
    });
    return name;
  }

  job(step: 'expand' | 'rules-level'): KubeObject {
    const [job] = this.jobs(step);
    if (!job) throw new Error(`there is no Job of ${step}`);
    return job;
  }

  jobs(step: 'expand' | 'rules-level'): KubeObject[] {
    return this.fake.list(RESOURCES.Job, { namespace: 'team' }).filter(({ metadata }) => metadata.name.startsWith(`chat-${step}-`));
  }

  /** As the Deployment controller does at the end of a rollout. */
  rollOut(...services: string[]): void {
    for (const service of services) {
      this.fake.edit('Deployment', `chat-${service}`, (deployment) => {
        const { replicas = 1 } = deployment['spec'] as { replicas?: number };
        deployment.status = {
          observedGeneration: deployment.metadata.generation,
          replicas,
          updatedReplicas: replicas,
          readyReplicas: replicas,
          availableReplicas: replicas,
          conditions: [{ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }],
        };
      });
    }
  }

  /** A new pod of a service that does not start, while the old ones serve. */
  breakRollout(service: string, reason: string): void {
    this.fake.edit('Deployment', `chat-${service}`, (deployment) => {
      deployment.status = {
        ...deployment.status,
        observedGeneration: deployment.metadata.generation,
        replicas: 3,
        updatedReplicas: 1,
        availableReplicas: 2,
        conditions: [{ type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated' }],
      };
    });
    this.putPod(`chat-${service}-new`, service, {
      labels: { 'pod-template-hash': 'new' },
      containerStatuses: [{ name: service, state: { waiting: { reason, message: 'the registry says no' } } }],
    });
  }

  putPod(
    name: string,
    component: string,
    options: { labels?: Record<string, string>; annotations?: Record<string, string>; owner?: KubeObject; containerStatuses?: unknown[] },
  ): void {
    const { labels, annotations, owner, containerStatuses = [] } = options;
    this.fake.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'team',
        labels: {
          'app.kubernetes.io/name': 'starling',
          'app.kubernetes.io/instance': 'chat',
          'app.kubernetes.io/component': component,
          'starling.chat/cluster': 'chat',
          ...labels,
        },
        ...(annotations && { annotations }),
        ...(owner && { ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: owner.metadata.name, uid: owner.metadata.uid }] }),
      },
      status: { phase: 'Running', containerStatuses },
    });
  }

  /** From nothing to Ready. */
  async install(spec: Tree = {}): Promise<void> {
    this.write(spec);
    await this.settle();
    this.startData();
    await this.settle();
    this.endJob('expand', EXPANDED);
    await this.settle();
    this.rollOut(...SERVICES);
    await this.settle();
    this.endJob('rules-level', { result: 'done', rulesLevel: 1 });
    await this.settle();
  }

  imageOf(service: string): string {
    const { spec } = this.fake.find('Deployment', `chat-${service}`) as unknown as {
      spec: { template: { spec: { containers: { image: string }[] } } };
    };
    return spec.template.spec.containers[0]?.image ?? '';
  }

  #has(kind: 'PersistentVolumeClaim', name: string): boolean {
    return this.fake.get({ resource: RESOURCES[kind], name, namespace: 'team' }) !== undefined;
  }

  #now(): string {
    return new Date(this.fake.clock.now()).toISOString();
  }
}

export const SERVICES = ['identity', 'user', 'conversation', 'delivery', 'web'];
export const EXPANDED = { result: 'done', rulesLevel: 1, epoch: 1, migrations: { identity: '0001_first' } };
