import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file that holds a secret, as configurations name one; it goes with the process. */
export function writeSecretFile(secret: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'starling-secret-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'secret');
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  return file;
}
