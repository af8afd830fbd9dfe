import { type Manifest, names, type RenderInput, renderBase } from '@starling/cdk8s/parts';
import { SERVICE_NAMES, type ServiceName } from '@starling/contracts/services';
import { formatPrivateKeys } from '@starling/platform/tokens';
import { type KubeObject, RESOURCES } from '../kube/index.ts';
import { eachService } from '../material/passwords.ts';
import { advanceAllKeys, publicKeysOf, readKeys, replaceKeys, type ServiceKeys } from '../material/signing-keys.ts';
import { applyOwned, findOwned, writeGuarded } from './ownership.ts';
import { textOf } from './secret-text.ts';
import type { GuardedPass, Pass } from './work.ts';

const FILE = 'private.jwk.json';
/** On the ChatCluster, `now`: the keys that sign were stolen. */
const ROTATE_ANNOTATION = 'starling.chat/rotate-keys';
/** On the Secret of keys, while the operation is under way: they were replaced in it already, `since` of the operation. */
const REPLACED_ANNOTATION = 'starling.chat/replaced-in';

export interface KeptKeys {
  held: ServiceKeys;
  /** Each service's file. */
  texts: Record<ServiceName, string>;
}

export function isRotateAsked(cluster: KubeObject): boolean {
  return cluster.metadata.annotations?.[ROTATE_ANNOTATION] === 'now';
}

/**
 * Takes the next step of the signing keys' life. Public parts are written before the private keys that they belong to: an
 * operator that dies between any two writes leaves only keys that can be verified, and the next pass goes on.
 */
export async function keepSigningKeys(
  pass: GuardedPass,
  inputWith: (signingKeys: Record<ServiceName, string>, publicKeys: string) => RenderInput,
): Promise<KeptKeys> {
  const { name, namespace, now, spec, cluster } = pass;
  const operation = pass.status.operation;
  const rotating = isRotateAsked(cluster) && operation?.type === 'rotate' ? operation.since : undefined;
  const secrets = await readSecrets(pass);
  const texts = eachService((service) => textOf(secrets[service], FILE));
  const held = Object.fromEntries(
    await Promise.all(SERVICE_NAMES.map(async (service) => [service, await readKeys(texts[service])] as const)),
  ) as ServiceKeys;
  const pending = SERVICE_NAMES.filter(
    (service) => rotating !== undefined && secrets[service]?.metadata.annotations?.[REPLACED_ANNOTATION] !== rotating,
  );
  const next =
    rotating === undefined ? await advanceAllKeys(held, { now, rotateDays: spec.keys.rotateDays }) : await replaceKeys(pending, held, now);
  const changed = SERVICE_NAMES.filter((service) => !sameKeys(held[service], next[service]));
  const nextTexts = eachService((service) => (changed.includes(service) ? formatPrivateKeys(next[service]) : (texts[service] as string)));
  if (changed.length > 0) {
    const input = inputWith(nextTexts, publicKeysOf(held, next));
    const manifests = renderBase(input);
    await applyOwned(pass, find(manifests, 'ConfigMap', names.publicKeys(name)));
    for (const service of changed) {
      const manifest = find(manifests, 'Secret', names.signingKey(name, service));
      await writeGuarded(pass, rotating === undefined ? manifest : marked(manifest, rotating), secrets[service]);
      pass.logger.info(
        { cluster: `${namespace}/${name}`, of: service, keys: next[service].map(({ jwk }) => jwk.kid) },
        'signing keys changed',
      );
    }
  }
  if (rotating !== undefined) await endRotation(pass, inputWith(nextTexts, publicKeysOf(next)));
  return { held: next, texts: nextTexts };
}

async function readSecrets(pass: Pass): Promise<Partial<Record<ServiceName, KubeObject>>> {
  const { name, namespace } = pass;
  const found: Partial<Record<ServiceName, KubeObject>> = {};
  for (const service of SERVICE_NAMES) {
    const secret = await findOwned(pass, { resource: RESOURCES.Secret, name: names.signingKey(name, service), namespace });
    if (secret) found[service] = secret;
  }
  return found;
}

/** The old public keys go before the request is taken away: it is done once nobody accepts what they signed. */
async function endRotation(pass: Pass, input: RenderInput): Promise<void> {
  await applyOwned(pass, find(renderBase(input), 'ConfigMap', names.publicKeys(pass.name)));
  const reference = { resource: RESOURCES.ChatCluster, name: pass.name, namespace: pass.namespace };
  const body = { metadata: { resourceVersion: pass.cluster.metadata.resourceVersion, annotations: { [ROTATE_ANNOTATION]: null } } };
  const patched = await pass.client.patch(reference, body);
  pass.cache.observe(patched);
  pass.cluster = patched;
  delete pass.status.operation;
  pass.events.record(pass.cluster, {
    type: 'Normal',
    reason: 'KeysReplaced',
    action: 'RotateKeys',
    note: 'every service signs with a new key; what the old ones signed is refused',
  });
}

function sameKeys(one: ServiceKeys[ServiceName], other: ServiceKeys[ServiceName]): boolean {
  return one.length === other.length && one.every(({ jwk }, index) => jwk.kid === other[index]?.jwk.kid);
}

function marked(manifest: Manifest, since: string): Manifest {
  return {
    ...manifest,
    metadata: { ...manifest.metadata, annotations: { ...manifest.metadata.annotations, [REPLACED_ANNOTATION]: since } },
  };
}

function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (!found) throw new Error(`the parts render no ${kind} ${name}`);
  return found;
}
