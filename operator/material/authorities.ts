import { type CertificateFacts, hasKey, isIssuedBy, readCertificate } from './certificate.ts';
import type { KeyPair } from './issue-certificate.ts';

/**
 * Within which what is written into a mounted Secret has reached every pod: a kubelet looks at a pod's volumes every 60 to
 * 90 s, and services look at their files every few seconds.
 */
export const PROJECTION_MS = 120_000;
/** For the operator's own work between two steps, and for its being away for a moment. */
const SLACK_MS = 30_000;

/** An authority that the pods trust. */
export interface Authority {
  certificate: string;
  /** Undefined: lost; what it signed is trusted until its successor has signed everything anew. */
  key?: string;
  /** From when on it signs, ms since 1970. Undefined: it is not in every pod's bundle yet. */
  signsFrom?: number;
}

/** The authorities in force, the oldest first: one, or two during a rotation. */
export interface Authorities {
  held: Authority[];
  /** When the older one goes: once set, all that it signed has been replaced. */
  dropAt?: number;
}

/** What the Secret of a component has for its certificates now. */
export interface LeafSecret {
  bundle: CertificateFacts[];
  leaf: CertificateFacts | undefined;
}

export interface Lives {
  leafMs: number;
  authorityMs: number;
}

/**
 * The lives that certificates get. An authority lives for no less than its leaf and a whole rotation, in each of whose
 * steps a Secret must reach every pod.
 */
export function livesOf(certificates: { leafMinutes: number; authorityMinutes: number }): Lives {
  const leafMs = certificates.leafMinutes * 60_000;
  return { leafMs, authorityMs: Math.max(certificates.authorityMinutes * 60_000, leafMs + 4 * PROJECTION_MS) };
}

/**
 * The next step of the authorities' life; the same object when there is none to take now. The order is what keeps every
 * two pods able to talk: a new authority is in the bundle of every Secret, and then PROJECTION_MS pass, before it signs;
 * the old one stays in the bundle for as long again after the last leaf of its own was replaced.
 *
 * @param secrets of every component, as they are in the API. Missing ones count for nothing: their pods have no files yet.
 * @param issue makes a new authority.
 */
export async function advanceAuthorities(
  state: Authorities | undefined,
  { secrets, now, lives, issue }: { secrets: readonly LeafSecret[]; now: number; lives: Lives; issue: () => Promise<KeyPair> },
): Promise<Authorities> {
  if (!state || state.held.length === 0) {
    // The Secret of the authority was lost, but leaves of it serve: their issuer stays trusted while they are replaced.
    const trusted = state ? [] : issuersOf(secrets, now);
    return {
      held: [...trusted.map(({ pem }) => ({ certificate: pem })), { ...(await issue()), ...(trusted.length ? {} : { signsFrom: now }) }],
    };
  }
  const newest = state.held.at(-1) as Authority;
  const facts = readCertificate(newest.certificate);
  if (!facts || newest.key === undefined || !hasKey(facts, newest.key) || now >= facts.notAfter) {
    return { held: [...trustedOf(state, secrets, now), await issue()].slice(-2) };
  }
  if (!isSigning(newest, now)) {
    const next = advancePending(state, facts, secrets, now);
    return next === newest ? state : { ...state, held: [...state.held.slice(0, -1), next] };
  }
  if (state.held.length > 1) return dropOlder(state, facts, secrets, now);
  return now >= rotateAt(facts, lives) ? { held: [...state.held, await issue()] } : state;
}

/** When something is to be done of its own accord, beside what is to be done once Secrets have changed. */
export function nextAuthorityStep(state: Authorities, lives: Lives): number {
  const newest = state.held.at(-1);
  const facts = newest && readCertificate(newest.certificate);
  if (!newest || !facts) return 0;
  if (state.dropAt !== undefined) return state.dropAt;
  return state.held.length > 1 && newest.signsFrom !== undefined ? newest.signsFrom : rotateAt(facts, lives);
}

/** The one that signs now. Undefined: the only one with a key is not known to every pod yet. */
export function signerOf({ held }: Authorities, now: number): KeyPair | undefined {
  const signer = held.findLast(
    (authority) => authority.key !== undefined && isSigning(authority, now) && isLive(authority.certificate, now),
  );
  return signer && { certificate: signer.certificate, key: signer.key as string };
}

/** What every pod is to trust. */
export function bundleOf({ held }: Authorities): string {
  return held.map(({ certificate }) => certificate).join('');
}

function isSigning({ signsFrom }: Authority, now: number): boolean {
  return signsFrom !== undefined && signsFrom <= now;
}

function isLive(certificate: string, now: number): boolean {
  const facts = readCertificate(certificate);
  return facts !== undefined && now < facts.notAfter;
}

/** Two thirds of its life, and in any event so early that what it signs last does not outlive it. A shorter life in the spec counts. */
function rotateAt({ issuedAt, notAfter }: CertificateFacts, { leafMs, authorityMs }: Lives): number {
  const life = Math.min(notAfter - issuedAt, authorityMs);
  return issuedAt + Math.min((life * 2) / 3, life - leafMs - PROJECTION_MS - SLACK_MS);
}

function advancePending(state: Authorities, facts: CertificateFacts, secrets: readonly LeafSecret[], now: number): Authority {
  const pending = state.held.at(-1) as Authority;
  const { signsFrom, ...unknown } = pending;
  // Nothing serves that a pod without the new authority could trust: waiting would only take longer.
  const serving = secrets.some(({ leaf }) => leaf && now < leaf.notAfter);
  if (!serving && !signerOf(state, now)) return { ...unknown, signsFrom: now };
  const known = secrets.every(({ bundle }) => bundle.some(({ fingerprint }) => fingerprint === facts.fingerprint));
  if (!known) return signsFrom === undefined ? pending : unknown;
  return signsFrom === undefined ? { ...pending, signsFrom: now + PROJECTION_MS } : pending;
}

function dropOlder(state: Authorities, facts: CertificateFacts, secrets: readonly LeafSecret[], now: number): Authorities {
  const replaced = secrets.every(({ leaf }) => leaf && isIssuedBy(leaf, facts));
  if (!replaced) return state.dropAt === undefined ? state : { held: state.held };
  if (state.dropAt === undefined) return { ...state, dropAt: now + PROJECTION_MS };
  return now >= state.dropAt ? { held: state.held.slice(-1) } : state;
}

/** Those that are still good, and last the one that signed what the pods have now, whatever became of it here: it must stay. */
function trustedOf({ held }: Authorities, secrets: readonly LeafSecret[], now: number): Authority[] {
  const live = held.filter(({ certificate }) => isLive(certificate, now));
  const issuers = new Map(issuersOf(secrets, now).map(({ fingerprint, pem }): [string, Authority] => [fingerprint, { certificate: pem }]));
  const others: Authority[] = [];
  for (const authority of live) {
    const fingerprint = readCertificate(authority.certificate)?.fingerprint ?? '';
    if (issuers.has(fingerprint)) issuers.set(fingerprint, authority);
    else others.push(authority);
  }
  return [...others, ...issuers.values()];
}

/** The authorities that signed what the pods have now. Only those: nothing else of a bundle is believed. */
function issuersOf(secrets: readonly LeafSecret[], now: number): CertificateFacts[] {
  const issuers = secrets.flatMap(({ bundle, leaf }) => {
    const issuer = leaf && now < leaf.notAfter ? bundle.find((authority) => isIssuedBy(leaf, authority)) : undefined;
    return issuer ? [issuer] : [];
  });
  return [...new Map(issuers.map((issuer) => [issuer.fingerprint, issuer])).values()].slice(-1);
}
