import type { ChatClusterStatus, CompleteSpec } from '@starling/cdk8s/chat-cluster';
import type { RenderInput } from '@starling/cdk8s/parts';
import type { Clock } from '@starling/platform/clock';
import type { Logger } from '@starling/platform/telemetry';
import type { Applier, EventRecorder, KubeClient, KubeObject, ObservingCache } from '../kube/index.ts';
import type { OperatorMetrics } from '../runtime/index.ts';

/** Of this installation of the operator. */
export interface InstallationOptions {
  /** Repository and tag of Starling where a spec names none. */
  image: string;
  version: string;
  redpandaImage: string;
  postgresImage: string;
  /** Beginnings of image names; absent: any. */
  allowedRegistries?: readonly string[] | undefined;
  operatorNamespace: string;
  /** The built-in metrics API is part of it. */
  metricsApi: boolean;
  /** KEDA was there when the operator started, and may be used. */
  keda: boolean;
}

/** What a process remembers between passes to spare requests. Nothing is wrong when it is forgotten. */
export interface Memory {
  /** When the connections of a ChatCluster, by its uid, were written to its status. */
  connectionsWrittenAt: Map<string, number>;
  /** When and why the growth of a volume, by its claim's uid, was refused. */
  growthRefused: Map<string, { at: number; why: string }>;
  /** Under which registration the Secret of the metrics API was looked at, and when that is due again, ms since 1970. */
  metricsApi?: { registration: string; lookAt: number };
}

/** What the phases work with. */
export interface Tools {
  client: KubeClient;
  cache: ObservingCache;
  applier: Applier;
  events: EventRecorder;
  clock: Clock;
  logger: Logger;
  options: InstallationOptions;
  memory: Memory;
  metrics: Pick<OperatorMetrics, 'countDrift'>;
}

/** One pass over one ChatCluster: what it started from, and what the phases found out and leave for those after them. */
export interface Pass extends Tools {
  cluster: KubeObject;
  name: string;
  namespace: string;
  uid: string;
  generation: number;
  now: number;
  /** As it was read: the truth about what earlier passes finished. */
  before: ChatClusterStatus;
  /** As it is to be written. */
  status: ChatClusterStatus;
  /** Kind and name of each object that is to be there, as the phases come to it. */
  wanted: Set<string>;
  /** Of guard. */
  spec?: CompleteSpec;
  /** Of secrets: all that manifests are rendered from. */
  input?: RenderInput;
  /** Of data: database and log can be worked on. */
  dataReady: boolean;
  /** Of migrate: the database and the log are ready for the target version. */
  migrated: boolean;
  /** Of apps: all of the target version run. */
  rolledOut: boolean;
}

/** @throws when the phase that finds it out has not run. */
export function inputOf(pass: Pass): RenderInput {
  if (!pass.input) throw new Error('a phase needs what the secrets phase leaves');
  return pass.input;
}

/** Once guard has accepted the spec, or at least its form. */
export type GuardedPass = Pass & { spec: CompleteSpec };

export function isGuarded(pass: Pass): pass is GuardedPass {
  return pass.spec !== undefined;
}
