import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { findPort } from './ports.ts';
import type { ProcessPlan } from './set-up.ts';
import { Supervisor } from './supervise.ts';

/** Listens on the side port, which the configuration file's name is here. */
const listen = (answer: string) =>
  `(await import('node:http')).createServer((_, response) => { ${answer} }).listen(Number(process.argv.at(-1)), '127.0.0.1');`;
const READY = listen('response.end();');
const SCRIPTS = {
  obedient: `process.on('SIGTERM', () => { console.log('ends'); process.exit(0); }); ${READY}`,
  deaf: `process.on('SIGTERM', () => console.log('heard')); ${READY}`,
  slow: listen(`response.writeHead(503).end('the log\\nthe stars\\n');`),
  late: `let asked = 0; ${listen(`response.writeHead(++asked < 3 ? 503 : 200).end('the stars\\n');`)}`,
};
type Script = keyof typeof SCRIPTS;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-supervise-'));
  for (const [name, text] of Object.entries(SCRIPTS)) await writeFile(join(folder, `${name}.mjs`), text);
});
afterAll(() => rm(folder, { recursive: true }));

async function planOf(script: Script): Promise<ProcessPlan> {
  const side = await findPort('127.0.0.1');
  return { label: script, service: 'web', configFile: String(side), ports: { http: 1, rpc: 2, side } };
}

function supervise(graceMs = 10_000) {
  const lines: string[] = [];
  const supervisor = new Supervisor((line) => lines.push(line), { graceMs, mainOf: ({ label }) => join(folder, `${label}.mjs`) });
  onTestFinished(() => supervisor.kill());
  return { supervisor, output: () => lines.join('\n') };
}

function pidIn(output: string): number | undefined {
  const found = /pid (\d+)/.exec(output)?.[1];
  return found === undefined ? undefined : Number(found);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a supervisor', () => {
  it('lets processes end by themselves', async () => {
    const { supervisor, output } = supervise();
    await supervisor.start(await planOf('obedient'));
    await supervisor.stop();
    expect(output()).toContain('obedient     ends');
    expect(isAlive(pidIn(output())!)).toBe(false);
  });

  it.each(['deaf', 'obedient'] as const)('ends by force what does not end: %s', async (script) => {
    const { supervisor, output } = supervise(200);
    await supervisor.start(await planOf(script));
    const pid = pidIn(output())!;
    if (script === 'obedient') process.kill(pid, 'SIGSTOP');
    await supervisor.stop();
    expect(isAlive(pid)).toBe(false);
    expect(output()).not.toContain('ends');
  });

  it('starts nothing once it stops', async () => {
    const { supervisor, output } = supervise();
    const stopped = supervisor.stop();
    await expect(supervisor.start(await planOf('obedient'))).rejects.toThrow('obedient is not started');
    await stopped;
    expect(output()).toBe('');
  });

  it('waits for a process to be ready, and says once what it waits for', async () => {
    const { supervisor, output } = supervise();
    await supervisor.start(await planOf('late'));
    expect(output().split('is not ready yet: the stars')).toHaveLength(2);
    await supervisor.stop();
  });

  it('ends a start that is under way', async () => {
    const { supervisor, output } = supervise();
    const started = expect(supervisor.start(await planOf('slow'))).rejects.toThrow('before it was ready');
    await waitFor(() => output().includes('slow         is not ready yet: the log; the stars'));
    await supervisor.stop();
    await started;
    expect(isAlive(pidIn(output())!)).toBe(false);
  });
});

/** A supervisor in a process of its own, and the id of the process that it has started. */
async function superviseApart(script: Script, then = ''): Promise<{ parent: ChildProcess; pid: number; output(): string }> {
  const text = `
    import { join } from 'node:path';
    import { Supervisor } from ${JSON.stringify(new URL('./supervise.ts', import.meta.url).href)};
    import { endAllWithThisProcess } from ${JSON.stringify(new URL('./end-all.ts', import.meta.url).href)};
    const supervisor = new Supervisor(console.log, { mainOf: ({ label }) => join(${JSON.stringify(folder)}, label + '.mjs') });
    endAllWithThisProcess(supervisor, { print: console.log, fail: (error) => { console.log(error.message); process.exit(1); } });
    await supervisor.start(${JSON.stringify(await planOf(script))});
    console.log('all are started');
    ${then}`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', text], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  parent.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  onTestFinished(() => {
    parent.kill('SIGKILL');
    const pid = pidIn(printed);
    if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL');
  });
  await waitFor(() => printed.includes('all are started'));
  return { parent, pid: pidIn(printed)!, output: () => printed };
}

describe('the end of the supervisor is the end of all', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s', async (signal) => {
    const { parent, pid, output } = await superviseApart('obedient');
    parent.kill(signal);
    expect(await once(parent, 'close')).toEqual([0, null]);
    expect(isAlive(pid)).toBe(false);
    expect(output()).toContain('obedient     ends');
  });

  it('by SIGKILL', async () => {
    const { parent, pid } = await superviseApart('obedient');
    parent.kill('SIGKILL');
    await waitFor(() => !isAlive(pid));
  });

  it('by an exception that nobody catches', async () => {
    const { parent, pid, output } = await superviseApart('obedient', `setImmediate(() => { throw new Error('a mistake'); });`);
    await waitFor(() => parent.exitCode !== null);
    expect(parent.exitCode).toBe(1);
    expect(isAlive(pid)).toBe(false);
    await waitFor(() => output().includes('a mistake'));
  });

  it('at once by a second signal', async () => {
    const { parent, pid, output } = await superviseApart('deaf');
    parent.kill('SIGINT');
    await waitFor(() => output().includes('heard'));
    parent.kill('SIGINT');
    expect(await once(parent, 'exit')).toEqual([130, null]);
    await waitFor(() => !isAlive(pid));
  });
});
