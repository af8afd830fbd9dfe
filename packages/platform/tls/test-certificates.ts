import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, makeAuthority } from '@starling/testing/certificates';
import { onTestFinished } from 'vitest';
import { createTestLogger } from '../telemetry/test-logger.ts';
import type { CertificateSet } from './certificate-set.ts';
import { type Certificates, openCertificates } from './open-certificates.ts';

/** The files of one process, and how they are replaced. */
export interface HeldFiles {
  certificates: Certificates;
  /** Replaces what is given and has it taken, or refused. */
  replace(files: Partial<CertificateSet>): Promise<void>;
  log: ReturnType<typeof createTestLogger>;
}

export { type Authority, makeAuthority };

/** Opens certificates out of files of their own, which go with the test. */
export async function holdFiles(set: CertificateSet): Promise<HeldFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-tls-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = (name: keyof CertificateSet) => join(folder, name);
  const write = async (files: Partial<CertificateSet>) => {
    for (const [name, text] of Object.entries(files)) await writeFile(file(name as keyof CertificateSet), text);
  };
  await write(set);
  const log = createTestLogger('debug');
  const { logger } = log;
  const certificates = await openCertificates({ authorities: file('ca'), certificate: file('cert'), key: file('key'), logger });
  onTestFinished(() => certificates.close());
  return {
    certificates,
    log,
    async replace(files) {
      await write(files);
      await certificates.look();
    },
  };
}

/** A set for these hosts (names or addresses), issued by an authority that is the only one believed. */
export async function issueSet(authority: Authority, ...hosts: string[]): Promise<CertificateSet> {
  const names = hosts.map((value) => ({ type: /^[\d.]+$/.test(value) ? ('ip' as const) : ('dns' as const), value }));
  return { ca: authority.ca, ...(await authority.issue(names)) };
}
