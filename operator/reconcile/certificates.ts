import { type Manifest, names, ownedMetadata, type RenderInput } from '@starling/cdk8s/parts';
import { RESOURCES } from '../kube/index.ts';
import { type Authorities, advanceAuthorities, livesOf } from '../material/authorities.ts';
import { CERTIFIED, type Certificates, type HeldCertificates, issueCertificates, leafSecrets } from '../material/certificates.ts';
import { issueAuthority } from '../material/issue-certificate.ts';
import { applyOwned, findOwned, writeGuarded } from './ownership.ts';
import { encodeText, textOf } from './secret-text.ts';
import type { GuardedPass, Pass } from './work.ts';

/** Of the Secret that no pod mounts. */
const FILE = 'authorities.json';

/** Takes the next step of the authorities' life, then says which certificate each component is to have. */
export async function keepCertificates(pass: GuardedPass): Promise<Certificates> {
  const { name, namespace, now, spec } = pass;
  const lives = livesOf(spec.certificates);
  const held = await readHeld(pass);
  const secret = await findOwned(pass, { resource: RESOURCES.Secret, name: names.authority(name), namespace });
  const state = parseAuthorities(textOf(secret, FILE));
  const next = await advanceAuthorities(state, {
    secrets: leafSecrets(held),
    now,
    lives,
    issue: () => issueAuthority({ cluster: name, now, lifeMs: lives.authorityMs }),
  });
  const manifest = authorityManifest(pass, next);
  if (next !== state) await writeGuarded(pass, manifest, secret);
  await applyOwned(pass, manifest);
  const certificates = await issueCertificates(held, { name, namespace, authorities: next, now, lives });
  const renewed = Object.entries(certificates.renewed);
  if (renewed.length > 0)
    pass.logger.info({ cluster: `${namespace}/${name}`, certificates: Object.fromEntries(renewed) }, 'certificates are issued anew');
  return certificates;
}

function authorityManifest(pass: Pick<Pass, 'name' | 'namespace' | 'uid'>, authorities: Authorities): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: ownedMetadata(pass as RenderInput, names.authority(pass.name)),
    type: 'Opaque',
    data: { [FILE]: encodeText(`${JSON.stringify(authorities, undefined, 2)}\n`) },
  };
}

async function readHeld(pass: Pass): Promise<HeldCertificates> {
  const { name, namespace } = pass;
  const held: HeldCertificates = {};
  for (const component of CERTIFIED) {
    const secret = await findOwned(pass, { resource: RESOURCES.Secret, name: names.tls(name, component), namespace });
    if (!secret) continue;
    const [authorities = '', certificate = '', key = ''] = ['ca.crt', 'tls.crt', 'tls.key'].map((file) => textOf(secret, file));
    held[component] = { authorities, certificate, key };
  }
  return held;
}

/** What cannot be read counts as lost: others are made, and what it signed is trusted until it is replaced. */
function parseAuthorities(text: string | undefined): Authorities | undefined {
  try {
    const value = JSON.parse(text ?? '') as Partial<Authorities> | null;
    const good =
      Array.isArray(value?.held) && value.held.length > 0 && value.held.every((authority) => typeof authority?.certificate === 'string');
    return good ? (value as Authorities) : undefined;
  } catch {
    return undefined;
  }
}
