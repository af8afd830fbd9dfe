import { execFile } from 'node:child_process';
import { chmod, chown, lchown, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Binaries, installationFolder } from './binaries.ts';
import { errorCode, folderExists } from './data-directory.ts';
import { StartError } from './start-error.ts';

const run = promisify(execFile);

/** An operating-system user that the server runs as. */
export interface ServerUser {
  name: string;
  uid: number;
  gid: number;
}

const preferredName = 'postgres';

/** How the usual systems make a user without a password and a home: shadow-utils, the same where only the group exists, busybox. */
const waysToMakeUser = [
  [['useradd', '--system', '--user-group', '--no-create-home', '--shell', '/bin/false', preferredName]],
  [['useradd', '--system', '--gid', preferredName, '--no-create-home', '--shell', '/bin/false', preferredName]],
  [
    ['addgroup', '-S', preferredName],
    ['adduser', '-S', '-D', '-H', '-s', '/bin/false', '-G', preferredName, preferredName],
  ],
];

/**
 * The user who must run the server of this cluster; undefined means the user of this process. PostgreSQL refuses to run as root, so root
 * hands it to the cluster's owner, or to the user `postgres`, who is made if there is none. Throws StartError.
 */
export async function chooseServerUser(cluster: string): Promise<ServerUser | undefined> {
  const self = process.getuid?.();
  if (self === undefined) return undefined;
  const owner = (await folderExists(cluster)) ? (await stat(cluster)).uid : undefined;
  if (self !== 0) {
    if (owner === undefined || owner === self) return undefined;
    const name = (await findUser(String(owner)))?.name ?? `with id ${owner}`;
    throw new StartError(
      `The database in ${cluster} belongs to the user ${name}: start Starling as that user, or choose another folder with --data.`,
    );
  }
  const user = owner ? await findUser(String(owner)) : undefined;
  return user ?? (await findUser(preferredName)) ?? (await makeUser());
}

/** Looks a user up by name or id. */
async function findUser(key: string): Promise<ServerUser | undefined> {
  // The file alone does not know users of a directory service; getent does, but not every system has it.
  const passwords = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const more = await run('getent', ['passwd', key]).then(
    ({ stdout }) => stdout,
    () => '',
  );
  for (const line of `${passwords}\n${more}`.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name && uid && gid && (name === key || uid === key)) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

async function makeUser(): Promise<ServerUser> {
  let reason: string | undefined;
  for (const commands of waysToMakeUser) {
    try {
      for (const [program = '', ...parameters] of commands) await run(program, parameters);
      const user = await findUser(preferredName);
      if (user !== undefined) return user;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' && error instanceof Error) reason ??= error.message.trim().split('\n').at(-1)?.replace(/\.$/, '');
    }
  }
  throw new StartError(
    `PostgreSQL does not run as root, and the user ${preferredName} could not be made for it (${reason ?? 'no program makes users here'}): make that user, or start Starling as a normal user.`,
  );
}

/** Makes sure that the server's programs run, as that user, with that data folder in reach; returns their version. Throws StartError. */
export async function proveReach(root: string, binaries: Binaries, user: ServerUser | undefined): Promise<number> {
  const installation = installationFolder(binaries);
  await makeExecutable(binaries);
  if (user !== undefined) {
    for (const folder of [root, installation]) {
      // Asking the system itself also respects what mode bits do not show, such as access lists.
      const reached = await run('/bin/sh', ['-c', 'cd "$0"', folder], identity(user)).then(
        () => true,
        () => false,
      );
      if (!reached) throw await unreachable(folder, folder === root, user);
    }
  }
  try {
    const options = { ...identity(user), env: {} };
    await run(binaries.initdb, ['--version'], options);
    const { stdout } = await run(binaries.postgres, ['--version'], options);
    return Number(/(\d+)/.exec(stdout)?.[1]);
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error);
    throw new StartError(`PostgreSQL in ${installation} does not run (${reason}): run "npm rebuild" and start again.`);
  }
}

async function unreachable(folder: string, isData: boolean, user: ServerUser): Promise<StartError> {
  const closed = await findClosedFolder(folder, user);
  const advice = isData ? 'choose another folder with --data' : 'move the installation elsewhere';
  const what = isData ? 'the data' : 'the installed PostgreSQL';
  return new StartError(
    `The user ${user.name}, who runs PostgreSQL because root may not, cannot reach ${what} in ${folder}, since ${closed} is closed to others: ${advice}, or start Starling as a normal user.`,
  );
}

/** The first folder on the way to `path` whose mode keeps the user out. */
async function findClosedFolder(path: string, user: ServerUser): Promise<string> {
  const way = [path];
  while (dirname(way[0] as string) !== way[0]) way.unshift(dirname(way[0] as string));
  for (const folder of way) {
    const { mode, uid, gid } = await stat(folder);
    const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
    if (((mode >> shift) & 1) === 0) return folder;
  }
  return path;
}

/** npm does not keep the mode of every file. */
async function makeExecutable(binaries: Binaries): Promise<void> {
  for (const path of [binaries.initdb, binaries.postgres]) {
    const { mode } = await stat(path);
    if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555).catch(() => undefined);
  }
}

/** Gives a folder and everything in it to the user. */
export async function giveTo(path: string, user: ServerUser | undefined): Promise<void> {
  if (user === undefined) return;
  const { uid } = await stat(path);
  if (uid === user.uid) return;
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    await lchown(join(entry.parentPath, entry.name), user.uid, user.gid);
  }
  // The folder itself comes last: only then does its owner say that all of it was given.
  await chown(path, user.uid, user.gid);
}

/** The options of child_process that start a program as that user. */
export function identity(user: ServerUser | undefined): { uid?: number; gid?: number; cwd: string } {
  // The folder that Starling was started in may be closed to the user.
  return user === undefined ? { cwd: '/' } : { uid: user.uid, gid: user.gid, cwd: '/' };
}
