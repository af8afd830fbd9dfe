import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { access, chmod, constants, link, mkdir, open, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { StartError } from './start-error.ts';

/** The format of the data directory that this version writes and reads. */
const dataFormat = 1;

/** Absolute paths of the parts of a data directory. */
export interface DataDirectory {
  root: string;
  /** the PostgreSQL cluster; absent before the first start has made it */
  cluster: string;
  /** mode 0700; holds keys and passwords, each 0600 */
  secrets: string;
  /** what PostgreSQL itself logs */
  log: string;
}

/** Makes the directory and its marks on the first start, checks them on the next ones. Throws StartError. */
export async function openDataDirectory(directory: string, requiredFreeBytes = 100_000_000): Promise<DataDirectory> {
  const root = resolve(directory);
  const data = { root, cluster: join(root, 'postgres'), secrets: join(root, 'secrets'), log: join(root, 'postgres.log') };
  try {
    // Asked first, because making nested folders hides why it failed.
    await access(findExisting(root), constants.W_OK);
    await makeFolders(root);
    await access(root, constants.R_OK | constants.W_OK | constants.X_OK);
    await requireFreeSpace(root, requiredFreeBytes);
    await markFormat(root);
    await mkdir(data.secrets, { recursive: true, mode: 0o700 });
    await chmod(data.secrets, 0o700);
  } catch (error) {
    throw explain(error, root);
  }
  return data;
}

async function makeFolders(root: string): Promise<void> {
  const first = await mkdir(root, { recursive: true });
  if (first === undefined || process.getuid?.() !== 0) return;
  // A strict umask of root would keep out the user who runs the server.
  for (let folder = root; folder.length >= first.length; folder = dirname(folder)) await chmod(folder, 0o711);
}

async function requireFreeSpace(root: string, required: number): Promise<void> {
  const { bavail, bsize } = await statfs(root);
  const free = bavail * bsize;
  if (free < required) throw diskFull(root, free);
}

/** The sentence for a full disk; `free` in bytes, where it is known. */
export function diskFull(root: string, free?: number): StartError {
  const left = free === undefined ? 'is full' : `has only ${Math.floor(free / 1e6)} MB left`;
  return new StartError(`The disk of ${root} ${left}: free at least 100 MB, or choose a folder on another disk with --data.`);
}

/** Whether a program's output or log says that it found no space. */
export function tellsFullDisk(output: string): boolean {
  return /No space left on device|Disk quota exceeded/.test(output);
}

async function markFormat(root: string): Promise<void> {
  const path = join(root, 'starling.json');
  const text = await readIfPresent(path);
  if (text === undefined) return writeWhole(path, `${JSON.stringify({ format: dataFormat })}\n`, 0o644);
  const format = parseFormat(text);
  if (format === undefined) {
    throw new StartError(`${path} is damaged: restore it from the backup, or choose another folder with --data.`);
  }
  if (format > dataFormat) {
    throw new StartError(
      `The data in ${root} was written by a newer Starling (data format ${format}, this version knows ${dataFormat}): update Starling, or choose another folder with --data.`,
    );
  }
}

function parseFormat(text: string): number | undefined {
  try {
    const { format } = JSON.parse(text) as { format?: unknown };
    return Number.isSafeInteger(format) && (format as number) > 0 ? (format as number) : undefined;
  } catch {
    return undefined;
  }
}

/** The password of the database's superuser; made on the first call when `create` is given. */
export async function readPassword(data: DataDirectory, { create }: { create: boolean }): Promise<string> {
  const path = join(data.secrets, 'database-password');
  try {
    let password = await readIfPresent(path);
    if (password === undefined && create) {
      await writeWhole(path, `${randomBytes(24).toString('base64url')}\n`, 0o600);
      password = await readIfPresent(path);
    }
    if (password?.trim()) return password.trim();
  } catch (error) {
    throw explain(error, data.root);
  }
  throw new StartError(`The password of the database is missing: restore ${path} from the backup of ${data.root}.`);
}

/** A secret of this installation, 32 random bytes as text; made on the first call. */
export async function ensureSecret(data: DataDirectory, name: string): Promise<string> {
  const path = join(data.secrets, name);
  try {
    if ((await readIfPresent(path)) === undefined) await writeWhole(path, `${randomBytes(32).toString('base64url')}\n`, 0o600);
    const secret = (await readIfPresent(path))?.trim();
    if (secret) return secret;
  } catch (error) {
    throw explain(error, data.root);
  }
  throw new StartError(`${path} is empty: restore it from the backup of ${data.root}.`);
}

export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes a file that does not exist yet, whole or not at all; another writer's file wins and stays. */
async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(draft, text, { mode, flag: 'wx', flush: true });
    await link(draft, path);
  } catch (error) {
    // Some file systems know no hard links; there the last of two first starts at once wins.
    if (errorCode(error) === 'EPERM' || errorCode(error) === 'ENOTSUP') await rename(draft, path);
    else if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Makes a rename inside a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function folderExists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Turns an error of the file system into the sentence for the user. */
export function explain(error: unknown, root: string): unknown {
  const path = findExisting(error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : root);
  switch (errorCode(error)) {
    case 'EEXIST':
    case 'ENOTDIR':
      return new StartError(`The data folder ${root} cannot be made, because ${path} is a file: choose another folder with --data.`);
    case 'EACCES':
    case 'EPERM':
      return new StartError(`No permission to use ${path}: change its owner or mode, or choose another folder with --data.`);
    case 'EROFS':
      return new StartError(`${root} is on a read-only disk: choose another folder with --data.`);
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(root);
    default:
      if (!(error instanceof Error && 'path' in error)) return error;
      return new StartError(`The data folder ${root} cannot be used (${error.message}): choose another folder with --data.`);
  }
}

/** The last part of the way to the path that exists and can be seen: it is what is in the way. */
function findExisting(path: string): string {
  let found = path;
  while (dirname(found) !== found) {
    try {
      statSync(found);
      return found;
    } catch {
      found = dirname(found);
    }
  }
  return found;
}
