import { type Lives, PROJECTION_MS } from './authorities.ts';
import { type CertificateFacts, hasKey, isIssuedBy, readCertificate } from './certificate.ts';
import type { KeyPair } from './issue-certificate.ts';

/** A leaf as its Secret has it. */
export interface HeldLeaf {
  certificate: string;
  key: string;
}

/** Certificates carry whole seconds. */
const TOLERANCE_MS = 5_000;

/** When a leaf is renewed: after two thirds of its life, and early enough to reach the pods while the old one is good. */
export function renewAt({ issuedAt, notAfter }: CertificateFacts): number {
  const life = notAfter - issuedAt;
  return issuedAt + Math.min((life * 2) / 3, Math.max(life - PROJECTION_MS, life / 3));
}

/**
 * Why a leaf must be issued anew by this authority; undefined: it is good. A leaf is judged by what it is, so that one
 * that was edited is replaced like one that is old.
 */
export function whyRenew(
  held: HeldLeaf | undefined,
  { signer, names, now, lives }: { signer: KeyPair; names: readonly string[]; now: number; lives: Lives },
): string | undefined {
  const leaf = held && readCertificate(held.certificate);
  const authority = readCertificate(signer.certificate);
  if (!held || !leaf || !authority) return 'there is none';
  if (!hasKey(leaf, held.key)) return 'its key is another one';
  if (!isIssuedBy(leaf, authority)) return 'it is of another authority';
  if (leaf.names.toSorted().join() !== names.toSorted().join()) return 'it is for other names';
  if (now >= renewAt(leaf)) return 'it ends soon';
  const life = leaf.notAfter - leaf.issuedAt;
  const wanted = Math.min(lives.leafMs, authority.notAfter - leaf.issuedAt);
  return Math.abs(life - wanted) > TOLERANCE_MS ? 'its life is to be another' : undefined;
}

/** How long a new leaf lives: never longer than who signs it. */
export function leafLife(signer: KeyPair, { now, lives }: { now: number; lives: Lives }): number {
  const authority = readCertificate(signer.certificate);
  return Math.min(lives.leafMs, (authority?.notAfter ?? now) - now);
}

/** The DNS names of a component's Service, and of its pods where they have names of their own. */
export function leafNames(options: { name: string; namespace: string; component: string; pods: boolean }): [string, ...string[]] {
  const service = `${options.name}-${options.component}`;
  const qualified = [`${service}.${options.namespace}.svc`, `${service}.${options.namespace}.svc.cluster.local`];
  return [service, `${service}.${options.namespace}`, ...qualified, ...(options.pods ? qualified.map((name) => `*.${name}`) : [])];
}
