import type { CompleteSpec } from '@starling/cdk8s/chat-cluster';
import { CLUSTER_LABEL, dataLabelsOf, type Manifest, names, type RenderInput, renderBase } from '@starling/cdk8s/parts';
import { type KubeObject, RESOURCES } from '../kube/index.ts';
import { createRootSecret, derivePasswords, eachService, parseRootSecret } from '../material/passwords.ts';
import { keysNotAfter, nextKeyStep, publicKeysOf } from '../material/signing-keys.ts';
import { bad, good } from '../status/conditions.ts';
import { keepCertificates } from './certificates.ts';
import { done, type Outcome, terminal } from './outcome.ts';
import { applyAllOwned, findOwned, writeGuarded } from './ownership.ts';
import { encodeText, textOf } from './secret-text.ts';
import { keepSigningKeys } from './signing-keys.ts';
import { type GuardedPass, inputOf, type Pass } from './work.ts';

/** On the root Secret: the epoch of the log that was made. It outlives the ChatCluster, as the log does. */
const EPOCH_ANNOTATION = 'starling.chat/log-epoch';
/** On the ChatCluster: the epoch whose loss its owner takes. */
const ACCEPT_ANNOTATION = 'starling.chat/accept-log-loss';

/**
 * Makes and keeps what is secret: the root of all passwords, certificates, signing keys. Leaves the input of all manifests.
 * Nothing is written over what another pass wrote since it was read.
 */
export async function keepSecrets(pass: GuardedPass, images: RenderInput['images']): Promise<Outcome> {
  const { name, namespace, spec, now } = pass;
  const rootReference = { resource: RESOURCES.Secret, name: names.root(name), namespace };
  let root = await findOwned(pass, rootReference);
  if (!root) {
    if (hasData(pass)) {
      return terminal('RootSecretLost', {
        DataReady: bad(
          'RootSecretLost',
          `Secret ${names.root(name)} is gone, and the data of this ChatCluster needs its passwords: restore it from a backup; a new one would lock everybody out`,
        ),
      });
    }
    root = await writeGuarded(pass, rootManifest(pass, { secret: encodeText(createRootSecret()) }, undefined), undefined);
  }
  const secret = parseRootSecret(textOf(root, 'secret') ?? '');
  if (secret === undefined) {
    return terminal('RootSecretDamaged', {
      DataReady: bad('RootSecretDamaged', `Secret ${names.root(name)} does not hold a secret at key "secret": restore it from a backup`),
    });
  }
  const certificates = await keepCertificates(pass);
  const established = establishedEpoch(root) ?? pass.before.log?.epoch;
  const epoch = established === undefined ? 1 : established + (acceptsLoss(pass, established) ? 1 : 0);
  const base: Omit<RenderInput, 'material'> = {
    name,
    namespace,
    uid: pass.uid,
    spec,
    images,
    epoch,
    logExpected: established === epoch,
    createdStorage: await createdStorage(pass),
    operatorNamespace: pass.options.operatorNamespace,
  };
  const withKeys = (signingKeys: RenderInput['material']['signingKeys'], publicKeys: string): RenderInput => ({
    ...base,
    material: { rootSecret: secret, ...derivePasswords(secret, spec), certificates: certificates.files, signingKeys, publicKeys },
  });
  const keys = await keepSigningKeys(pass, withKeys);
  const input = withKeys(
    eachService((service) => keys.texts[service]),
    publicKeysOf(keys.held),
  );
  pass.input = input;
  const kept = outlives(spec) ? established : undefined;
  await applyAllOwned(
    pass,
    renderBase(input).map((manifest) =>
      isRoot(manifest, name) ? rootManifest(pass, manifest['data'] as Record<string, string>, kept) : manifest,
    ),
  );
  pass.status.certificates = { notAfter: iso(certificates.notAfter), authorityNotAfter: iso(certificates.authorityNotAfter) };
  pass.status.keys = { rotatesAt: iso(keysNotAfter(keys.held, spec.keys.rotateDays)) };
  if (established !== undefined) pass.status.log = { epoch: established };
  const findings = { CertificatesValid: good('Valid', `the certificates between the pods are valid until ${iso(certificates.notAfter)}`) };
  return done(findings, Math.min(certificates.nextStep, nextKeyStep(keys.held, { now, rotateDays: spec.keys.rotateDays })));
}

/** Notes that the topics of this epoch were made; if the log outlives the ChatCluster, where that does too. */
export async function establishEpoch(pass: Pass, epoch: number): Promise<void> {
  pass.status.log = { epoch };
  if (!outlives(inputOf(pass).spec)) return;
  const reference = { resource: RESOURCES.Secret, name: names.root(pass.name), namespace: pass.namespace };
  const root = pass.cache.get(reference);
  if (!root || establishedEpoch(root) === epoch) return;
  const manifest = rootManifest(pass, (root as SecretParts).data ?? {}, epoch);
  await writeGuarded(pass, manifest, root);
}

/** Undefined: no log was made yet. */
function establishedEpoch(root: KubeObject): number | undefined {
  const text = root.metadata.annotations?.[EPOCH_ANNOTATION];
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

/** Only what is known to be lost can be given up, and only by its number. */
function acceptsLoss(pass: Pass, epoch: number): boolean {
  const lost = pass.before.conditions?.some(
    ({ type, status, reason }) => type === 'LogIntact' && status === 'False' && reason === 'LogLost',
  );
  return Boolean(lost) && pass.cluster.metadata.annotations?.[ACCEPT_ANNOTATION] === String(epoch);
}

type SecretParts = KubeObject & { data?: Record<string, string> };

/** Kubernetes itself refuses to change the data of an immutable Secret. */
function rootManifest(pass: Pick<Pass, 'name' | 'namespace'>, data: Record<string, string>, epoch: number | undefined): Manifest {
  const metadata = {
    name: names.root(pass.name),
    namespace: pass.namespace,
    labels: dataLabelsOf(pass.name),
    ...(epoch === undefined ? {} : { annotations: { [EPOCH_ANNOTATION]: String(epoch) } }),
  };
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', immutable: true, data };
}

function isRoot({ kind, metadata }: Manifest, name: string): boolean {
  return kind === 'Secret' && metadata.name === names.root(name);
}

/** The log is there when the ChatCluster is not any more. */
function outlives({ data: { log } }: CompleteSpec): boolean {
  return log.builtin?.storage.retention !== 'Delete';
}

/** Volumes, or a log that was made: then passwords derived from the root are in use. */
function hasData({ cache, name, namespace, before }: Pass): boolean {
  const claims = cache.list(RESOURCES.PersistentVolumeClaim, { namespace, labels: { [CLUSTER_LABEL]: name } });
  return claims.some(({ metadata }) => metadata.deletionTimestamp === undefined) || before.log?.epoch !== undefined;
}

/** Sizes in the claim templates of the StatefulSets that are there, which cannot be changed; also of one that lost its label. */
async function createdStorage(pass: GuardedPass): Promise<NonNullable<RenderInput['createdStorage']>> {
  const { name, namespace, spec } = pass;
  const created: NonNullable<RenderInput['createdStorage']> = {};
  for (const component of ['postgres', 'redpanda'] as const) {
    if (!(component === 'postgres' ? spec.data.postgres : spec.data.log).builtin) continue;
    const reference = { resource: RESOURCES.StatefulSet, name: names.of(name, component), namespace };
    const set = (await findOwned(pass, reference)) as StatefulSetParts | undefined;
    const size = set?.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests?.storage;
    if (size !== undefined) created[component] = size;
  }
  return created;
}

interface StatefulSetParts {
  spec?: { volumeClaimTemplates?: { spec?: { resources?: { requests?: { storage?: string } } } }[] };
}

function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}
