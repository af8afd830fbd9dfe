import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '../wait-for/index.ts';
import { type BrokerPorts, brokerSettings, SCRAM_USER } from './broker-settings.ts';
import { makeCertificates } from './certificates.ts';
import type { Launcher, Running } from './launcher.ts';
import { FOLDER_PREFIX, sweepLeftovers } from './leftovers.ts';

const START_MS = 60_000;

export interface BrokerOptions {
  /** How many brokers; each holds every record. */
  count: 1 | 3;
  /** A second listener with TLS and SCRAM, whose users may do what access rules allow, and its administrator everything. */
  secured?: boolean;
  /** Further settings of server.properties. */
  settings?: Record<string, string>;
}

/** How to reach the secured listener. */
export interface SecuredListener {
  /** `localhost:port`, the only name that the certificate holds. */
  brokers: string[];
  /** PEM of the authority. */
  ca: string;
  sasl: typeof SCRAM_USER;
}

/** Running brokers of the test's own; they are counted from 0. */
export interface Brokers {
  /** `127.0.0.1:port` each. */
  brokers: string[];
  secured: SecuredListener | undefined;
  /** Process ids, in the brokers' order. */
  readonly pids: number[];
  /** Stops a broker's process as it stands (SIGSTOP). */
  pause(index: number): Promise<void>;
  resume(index: number): Promise<void>;
  /** Ends a broker without warning (SIGKILL). */
  kill(index: number): Promise<void>;
  /** Kills it if it runs, and starts it on the same port and data. Resolves when it listens. */
  restart(index: number): Promise<void>;
  /** Ends them all and deletes their data. */
  stop(): Promise<void>;
}

/** Starts KRaft brokers on free ports of the loopback address, with their data in a temporary folder. */
export async function startBrokers(launcher: Launcher, { count, secured = false, settings = {} }: BrokerOptions): Promise<Brokers> {
  sweepLeftovers();
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
  const free = await findFreePorts(count * 3);
  const ports = Array.from({ length: count }, (_, index): BrokerPorts => {
    const [plain, controller, third] = free.slice(index * 3) as [number, number, number];
    return { plain, controller, ...(secured && { secured: third }) };
  });
  const certificates = secured ? await makeCertificates(folder) : undefined;
  const running: Running[] = [];
  const cancelCleanUp = cleanUpAtExit(() => {
    for (const { process: child } of running) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  // One that began with a dash would be taken for an option.
  const cluster = `s${randomBytes(16).toString('base64url').slice(1)}`;
  const file = (index: number, name: string) => join(folder, `${index + 1}.${name}`);

  async function format(index: number): Promise<void> {
    const directory = file(index, 'data');
    await mkdir(directory);
    const text = brokerSettings({ id: index + 1, directory, ports, keystore: certificates?.keystore, extra: settings });
    await writeFile(file(index, 'properties'), text);
    const { username, password } = SCRAM_USER;
    const scram = secured ? ['--add-scram', `SCRAM-SHA-512=[name=${username},password=${password}]`] : [];
    await launcher.finish(folder, [
      'kafka.tools.StorageTool',
      'format',
      '--cluster-id',
      cluster,
      '--config',
      file(index, 'properties'),
      ...scram,
    ]);
  }

  function launch(index: number): void {
    const started = launcher.start(folder, ['kafka.Kafka', file(index, 'properties')], file(index, 'output'));
    running[index] = started;
    writeFileSync(file(index, 'pid'), String(started.process.pid));
  }

  function at(index: number): Running {
    const broker = running[index];
    if (!broker) throw new Error(`there is no broker ${index}`);
    return broker;
  }

  async function kill(index: number): Promise<void> {
    const { process: child, signal } = at(index);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    await signal('KILL');
    await ended;
  }

  async function listening(index: number): Promise<void> {
    const { plain, secured: other } = ports[index] as BrokerPorts;
    await waitFor(
      async () => {
        const { exitCode, signalCode } = at(index).process;
        if (exitCode !== null || signalCode !== null) return 'ended';
        return (await accepts(plain)) && (!other || (await accepts(other))) && 'listens';
      },
      { deadline: START_MS, describe: `broker ${index} listens on port ${plain}` },
    ).then((state) => {
      if (state === 'ended')
        throw new Error(`broker ${index} ended while it started:\n${readFileSync(file(index, 'output'), 'utf8').slice(-4_000)}`);
    });
  }

  async function stop(): Promise<void> {
    await Promise.all(running.map((_, index) => kill(index)));
    cancelCleanUp();
    rmSync(folder, { recursive: true, force: true });
  }

  try {
    await Promise.all(ports.map((_, index) => format(index)));
    for (const index of ports.keys()) launch(index);
    await Promise.all(ports.map((_, index) => listening(index)));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    brokers: ports.map(({ plain }) => `127.0.0.1:${plain}`),
    secured: certificates && { brokers: ports.map((port) => `localhost:${port.secured}`), ca: certificates.ca, sasl: SCRAM_USER },
    get pids() {
      return running.map(({ process: child }) => child.pid ?? 0);
    },
    pause: (index) => at(index).signal('STOP'),
    resume: (index) => at(index).signal('CONT'),
    kill,
    async restart(index) {
      await kill(index);
      launch(index);
      await listening(index);
    },
    stop,
  };
}

/** Ports that nobody listens on now. All are held until all are found, so that they differ. */
async function findFreePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const settle = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/** Cleans up if the run ends without a teardown, as after Ctrl-C. Returns what takes that back. */
function cleanUpAtExit(cleanUp: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    cleanUp();
    cancel();
    // Whoever else listens decides how the process ends; without a listener it ends by the signal itself.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const cancel = () => {
    process.off('exit', cleanUp);
    for (const signal of signals) process.off(signal, onSignal);
  };
  process.on('exit', cleanUp);
  for (const signal of signals) process.on(signal, onSignal);
  return cancel;
}
