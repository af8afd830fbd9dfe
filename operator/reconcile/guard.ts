import { desiredVolumes, type Material, type RenderInput, renderAll } from '@starling/cdk8s/parts';
import { type ObjectReference, RESOURCES, referenceOf } from '../kube/index.ts';
import { CERTIFIED } from '../material/certificates.ts';
import { eachService } from '../material/passwords.ts';
import { bad, good } from '../status/conditions.ts';
import { writeStatus } from '../status/write-status.ts';
import { type Accepted, judgeSpec } from './judge-spec.ts';
import { done, type Outcome, terminal } from './outcome.ts';
import { findTaken, nameTakenMessage } from './ownership.ts';
import { planOperation } from './plan-operation.ts';
import { isRotateAsked } from './signing-keys.ts';
import type { Pass } from './work.ts';

export interface Guarded {
  outcome: Outcome;
  accepted?: Accepted | undefined;
  /** Whether the version may be changed now, or why not. */
  upgrade: { mayUpgrade: boolean; why?: string | undefined };
}

/**
 * Judges whether the spec can be carried out, before anything is made; and decides what is done to the installation as a
 * whole, which it writes down before that begins.
 */
export async function guard(pass: Pass): Promise<Guarded> {
  const { accepted, refusal } = judgeSpec(pass.name, pass.cluster['spec'], pass.options);
  if (accepted) pass.spec = accepted.spec;
  if (refusal || !accepted) {
    const { reason, message } = refusal ?? { reason: 'SpecInvalid', message: 'the spec cannot be read' };
    return { outcome: terminal(reason, { SpecValid: bad(reason, message) }), accepted, upgrade: { mayUpgrade: false } };
  }
  const taken = wasValid(pass) ? undefined : await findTaken(pass, namesOf(pass, accepted), pass);
  if (taken) {
    const outcome = terminal('NameTaken', { SpecValid: bad('NameTaken', nameTakenMessage(taken)) });
    return { outcome, accepted, upgrade: { mayUpgrade: false } };
  }
  const { operation, mayUpgrade, why } = planOperation(pass.before, {
    version: accepted.version,
    rotateNow: isRotateAsked(pass.cluster),
    now: pass.now,
  });
  pass.status.targetVersion = accepted.version;
  delete pass.status.operation;
  if (operation) pass.status.operation = operation;
  if (operation?.since !== pass.before.operation?.since) pass.cluster = await writeStatus(pass, pass.cluster, pass.status);
  return { outcome: done({ SpecValid: good('Valid', 'the spec can be carried out') }), accepted, upgrade: { mayUpgrade, why } };
}

/** Then its names were looked for, and are in use by it now. */
function wasValid({ before }: Pass): boolean {
  return Boolean(before.conditions?.some(({ type, status }) => type === 'SpecValid' && status === 'True'));
}

/** Every object that this spec comes to. Names do not follow from secrets, so any will do. */
function namesOf(pass: Pass, { spec, images }: Accepted): ObjectReference[] {
  const { name, namespace, uid } = pass;
  const files = { certificate: '', key: '', authorities: '' };
  const none = eachService(() => '');
  const material: Material = {
    signingKeys: none,
    publicKeys: '',
    certificates: Object.fromEntries(CERTIFIED.map((component) => [component, files])) as Material['certificates'],
    rootSecret: '',
    databaseRoles: none,
    passwords: { database: none, broker: none, postgres: '', redpanda: '', identity: '' },
  };
  const input: RenderInput = {
    name,
    namespace,
    uid,
    spec,
    images,
    epoch: 1,
    logExpected: false,
    material,
    operatorNamespace: pass.options.operatorNamespace,
  };
  const objects = renderAll(input).filter(({ kind }) => kind !== RESOURCES.ScaledObject.kind || pass.options.keda);
  const claims = desiredVolumes(input).map(({ pvcName }) => ({ resource: RESOURCES.PersistentVolumeClaim, name: pvcName, namespace }));
  return [...objects.map(referenceOf), ...claims];
}
