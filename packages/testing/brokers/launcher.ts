import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** As in pom.xml. */
const KAFKA_VERSION = '4.1.0';
const JAVA = 'java';
const OLDEST_JAVA = 17;
const POM = join(import.meta.dirname, 'pom.xml');

/** A running broker. `signal` also reaches one that runs in a container, whose `process` is only its attendant. */
export interface Running {
  process: ChildProcess;
  signal(name: 'STOP' | 'CONT' | 'KILL'): Promise<void>;
}

/** How Kafka's Java programs are run here. */
export interface Launcher {
  /** Runs one to its end, which must be a good one. */
  finish(directory: string, args: string[]): Promise<void>;
  /** Starts one that stays; its output goes to a file. */
  start(directory: string, args: string[], output: string): Running;
}

/** Java and Maven where they are, else Docker, else `undefined`. */
export async function findLauncher(): Promise<Launcher | undefined> {
  const jars = (await hasJava()) ? await fetchJars() : undefined;
  if (jars) return javaLauncher(jars);
  return (await succeeds('docker', ['info'])) ? dockerLauncher() : undefined;
}

async function hasJava(): Promise<boolean> {
  try {
    const { stderr } = await run(JAVA, ['-version']);
    return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0) >= OLDEST_JAVA;
  } catch {
    return false;
  }
}

/** The folder with Kafka's jars, got once from Maven Central; `undefined` where that cannot be done. */
async function fetchJars(): Promise<string | undefined> {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const folder = join(cache, 'starling-kafka', KAFKA_VERSION);
  if (existsSync(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const partial = await mkdtemp(`${folder}-`);
  try {
    await run('mvn', ['--quiet', '--batch-mode', '--file', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`]);
    await rename(partial, folder);
    return folder;
  } catch {
    await rm(partial, { recursive: true, force: true });
    // Another test run may have been quicker.
    return existsSync(folder) ? folder : undefined;
  }
}

/** Small and quick to start: tests have little to store, and there may be three beside the tests on two cores. */
const JVM = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

function javaLauncher(jars: string): Launcher {
  const command = [...JVM, '-cp', join(jars, '*')];
  return {
    async finish(directory, args) {
      await run(JAVA, [...command, ...args], { cwd: directory });
    },
    start(directory, args, output) {
      const file = openSync(output, 'a');
      const child = spawn(JAVA, [...command, ...args], { cwd: directory, stdio: ['ignore', file, file] });
      return { process: child, signal: async (name) => void child.kill(`SIG${name}`) };
    },
  };
}

/** On the host's network, so that ports and addresses are those of a plain process. */
function dockerLauncher(): Launcher {
  const command = (directory: string, name: string) => [
    ...['run', '--rm', '--network', 'host', '--name', name, '--volume', `${directory}:${directory}`, '--user', 'root'],
    ...['--entrypoint', JAVA, `apache/kafka:${KAFKA_VERSION}`, ...JVM, '-cp', '/opt/kafka/libs/*'],
  ];
  const newName = () => `starling-test-kafka-${randomBytes(6).toString('hex')}`;
  return {
    async finish(directory, args) {
      await run('docker', [...command(directory, newName()), ...args]);
    },
    start(directory, args, output) {
      const file = openSync(output, 'a');
      const name = newName();
      const child = spawn('docker', [...command(directory, name), ...args], { stdio: ['ignore', file, file] });
      return { process: child, signal: async (signal) => void (await run('docker', ['kill', '--signal', signal, name])) };
    },
  };
}

async function succeeds(command: string, args: string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}
