import type { CertificateFiles, Material } from '@starling/cdk8s/parts';
import { SERVICE_NAMES } from '@starling/contracts/services';
import { type Authorities, bundleOf, type LeafSecret, type Lives, nextAuthorityStep, signerOf } from './authorities.ts';
import { readBundle, readCertificate } from './certificate.ts';
import { issueLeaf } from './issue-certificate.ts';
import { leafLife, leafNames, renewAt, whyRenew } from './leaves.ts';

export const CERTIFIED = [...SERVICE_NAMES, 'postgres', 'redpanda', 'migrate'] as const;
export type Certified = (typeof CERTIFIED)[number];

/** The files of each component's Secret as they are in the API; absent: there is no Secret. */
export type HeldCertificates = Partial<Record<Certified, CertificateFiles>>;

export interface Certificates {
  files: Material['certificates'];
  /** Which were issued anew, and why. */
  renewed: Partial<Record<Certified, string>>;
  /** When the first of them, and when the authority that signs, ends; ms since 1970. */
  notAfter: number;
  authorityNotAfter: number;
  /** When something is due of its own accord. */
  nextStep: number;
}

/** The components with pods that have names of their own. */
const STATEFUL: ReadonlySet<Certified> = new Set(['postgres', 'redpanda']);

export function leafSecrets(held: HeldCertificates): LeafSecret[] {
  return Object.values(held).map(({ certificate, authorities }) => ({
    leaf: readCertificate(certificate),
    bundle: readBundle(authorities),
  }));
}

/** The certificate of every component under these authorities: the one that it has, or a new one. */
export async function issueCertificates(
  held: HeldCertificates,
  options: { name: string; namespace: string; authorities: Authorities; now: number; lives: Lives },
): Promise<Certificates> {
  const { authorities, now, lives } = options;
  const newest = authorities.held.at(-1);
  const signer = signerOf(authorities, now);
  // Whoever has no certificate at all gets one from an authority that is still being made known: it can only win.
  const first = signer ?? (newest?.key === undefined ? undefined : { certificate: newest.certificate, key: newest.key });
  if (!first) throw new Error('no authority of the installation has a key');
  const bundle = bundleOf(authorities);
  const renewed: Certificates['renewed'] = {};
  const files: Partial<Material['certificates']> = {};
  for (const component of CERTIFIED) {
    const names = leafNames({ ...options, component, pods: STATEFUL.has(component) });
    const old = held[component];
    const good = old !== undefined && readCertificate(old.certificate) !== undefined && signer === undefined;
    const reason = good ? undefined : whyRenew(old, { signer: first, names, now, lives });
    if (reason !== undefined) renewed[component] = reason;
    const pair =
      reason === undefined && old ? old : await issueLeaf({ names, authority: first, now, lifeMs: leafLife(first, { now, lives }) });
    files[component] = { certificate: pair.certificate, key: pair.key, authorities: bundle };
  }
  const leaves = Object.values(files).flatMap(({ certificate }) => readCertificate(certificate) ?? []);
  return {
    files: files as Material['certificates'],
    renewed,
    notAfter: Math.min(...leaves.map((leaf) => leaf.notAfter)),
    authorityNotAfter: readCertificate(first.certificate)?.notAfter ?? now,
    nextStep: Math.min(nextAuthorityStep(authorities, lives), ...leaves.map(renewAt)),
  };
}
