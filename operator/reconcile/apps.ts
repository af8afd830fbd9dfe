import { createHash } from 'node:crypto';
import { type Manifest, names, type RenderInput, renderIngress, renderService, selectorOf } from '@starling/cdk8s/parts';
import { SERVICE_NAMES, SERVICES, type ServiceName } from '@starling/contracts/services';
import { type KubeObject, RESOURCES, referenceOf } from '../kube/index.ts';
import { bad, type Finding, good } from '../status/conditions.ts';
import { keepReplicas, leaveReplicas } from './delivery-replicas.ts';
import { done, type Outcome, wait } from './outcome.ts';
import { applyAllOwned } from './ownership.ts';
import { judgeDeployment, type Rollout } from './rollout.ts';
import { inputOf, type Pass } from './work.ts';

/** On a service's Deployment: what its pods were rendered to. By it a change of ours is told from one by somebody else. */
const RENDERED_ANNOTATION = 'starling.chat/rendered';

/** Where one service stands on the way to what is wanted. */
export interface ServiceState {
  service: ServiceName;
  /** Of the Deployment as it is; undefined: there is none. */
  live: string | undefined;
  /** As it should be, and as the version before would be under the spec of now. */
  target: string;
  held: string;
  rollout: Rollout | undefined;
}

/**
 * - `target`: bring it to what is wanted.
 * - `held`: its turn has not come; put back what others changed of the version before.
 * - `restore`: its turn has not come, and under the spec of now even the version before would be another: only what is
 *   missing is put back.
 * - `none`: its turn has not come, and nothing is there.
 */
export type Step = 'target' | 'held' | 'restore' | 'none';

/**
 * What to do with each service now. Those of a lower turn first, and the next ones only once all of those have rolled out.
 * Whatever is at its target already is kept so, whoever is in trouble.
 *
 * @param first nothing of this installation has run yet: no older version that could meet the new one, so all at once.
 * @param migrated database and log are ready for the target.
 */
export function planServices(
  states: readonly ServiceState[],
  { first, migrated }: { first: boolean; migrated: boolean },
): Map<ServiceName, Step> {
  const arrived = ({ live, target, rollout }: ServiceState) => live === target && rollout?.state === 'complete';
  return new Map(
    states.map((state) => {
      const turn = SERVICES[state.service].upgradeOrder;
      const before = states.filter(({ service }) => SERVICES[service].upgradeOrder < turn);
      const mayGo = migrated && (first || before.every(arrived));
      return [state.service, stepOf(state, { first, mayGo })];
    }),
  );
}

function stepOf({ live, target, held }: ServiceState, { first, mayGo }: { first: boolean; mayGo: boolean }): Step {
  if (live === target || mayGo) return 'target';
  if (first) return live === undefined ? 'none' : 'restore';
  return live === undefined || live === held ? 'held' : 'restore';
}

/** Rolls the services out in their turns. A halted rollout stays halted for its generation, unless it completes after all. */
export async function rollOut(pass: Pass): Promise<Outcome> {
  const input = inputOf(pass);
  const version = pass.before.version;
  const first = version === undefined;
  const heldInput = first ? input : { ...input, images: { ...input.images, starling: imageOf(input, version) } };
  const rendered = SERVICE_NAMES.map((service) => ({
    service,
    target: stamp(renderService(input, service)),
    held: stamp(renderService(heldInput, service)),
  }));
  const look = () =>
    rendered.map(({ service, target, held }): ServiceState => {
      const deployment = deploymentOf(pass, service);
      const rollout = deployment && judgeDeployment(deployment, podsOf(pass, service));
      const live = deployment?.metadata.annotations?.[RENDERED_ANNOTATION];
      return { service, live: deployment && (live ?? ''), target: target.hash, held: held.hash, rollout };
    });
  const steps = planServices(look(), { first, migrated: pass.migrated });
  const wanted: Manifest[] = [];
  for (const { service, target, held } of rendered) {
    const step = steps.get(service);
    if (step === 'target') wanted.push(...target.manifests);
    else if (step === 'held') wanted.push(...held.manifests);
    else if (step === 'restore') wanted.push(...held.manifests.filter((manifest) => !pass.cache.get(referenceOf(manifest))));
  }
  const delivery = wanted.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === names.of(pass.name, 'delivery'));
  if (delivery) await leaveReplicas(pass, delivery);
  await applyAllOwned(pass, [...wanted, ...(wanted.length > 0 ? renderIngress(input) : [])]);
  if (delivery) await keepReplicas(pass, delivery);
  const states = look();
  pass.rolledOut = pass.migrated && states.every(({ live, target, rollout }) => live === target && rollout?.state === 'complete');
  if (pass.rolledOut) return done({ RolledOut: good('RolledOut', `every service runs ${input.images.starling}`) });
  const finding = latch(pass, findingOf(states, { migrated: pass.migrated }));
  return wait(finding.message, { RolledOut: finding });
}

/** A rollout under way as its first trouble, or its progress. */
function findingOf(states: readonly ServiceState[], { migrated }: { migrated: boolean }): Finding {
  const byTurn = [...states].sort((one, other) => SERVICES[one.service].upgradeOrder - SERVICES[other.service].upgradeOrder);
  for (const { service, rollout } of byTurn)
    if (rollout?.state === 'halted')
      return bad('RolloutHalted', `the rollout of ${service} has halted: ${rollout.why}; mend or revert the spec`);
  for (const { service, live, target, rollout } of byTurn) {
    if (live === target && rollout?.state === 'progressing') return bad('RollingOut', `${service}: ${rollout.why}`);
  }
  if (!migrated) return bad('WaitingForMigration', 'database and log are not ready for this version yet');
  return bad('RollingOut', 'the services are being rolled out');
}

/** A container that crashes again and again is between two crashes not mended: the trouble stays told for this generation. */
function latch(pass: Pass, finding: Finding): Finding {
  const held = pass.before.conditions?.find(({ type }) => type === 'RolledOut');
  const latched = held?.reason === 'RolloutHalted' && held.observedGeneration === pass.generation && finding.reason === 'RollingOut';
  return latched ? bad('RolloutHalted', held.message ?? finding.message) : finding;
}

/** A service's manifests, its Deployment marked with what its pods follow from. */
function stamp(manifests: Manifest[]): { hash: string; manifests: Manifest[] } {
  const deployment = manifests.find(({ kind }) => kind === 'Deployment');
  if (!deployment) throw new Error('the parts render no Deployment of a service');
  const { template } = deployment['spec'] as { template: unknown };
  const hash = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 16);
  const marked = manifests.map((manifest) =>
    manifest === deployment
      ? { ...manifest, metadata: { ...manifest.metadata, annotations: { ...manifest.metadata.annotations, [RENDERED_ANNOTATION]: hash } } }
      : manifest,
  );
  return { hash, manifests: marked };
}

function imageOf(input: RenderInput, version: string): string {
  return `${input.images.starling.slice(0, input.images.starling.lastIndexOf(':'))}:${version}`;
}

export function deploymentOf(pass: Pick<Pass, 'cache' | 'name' | 'namespace'>, service: ServiceName): KubeObject | undefined {
  return pass.cache.get({ resource: RESOURCES.Deployment, name: names.of(pass.name, service), namespace: pass.namespace });
}

export function podsOf(pass: Pick<Pass, 'cache' | 'name' | 'namespace'>, service: ServiceName): KubeObject[] {
  return pass.cache.list(RESOURCES.Pod, { namespace: pass.namespace, labels: selectorOf(pass.name, service) });
}
