import { isExplained } from '@starling/platform/process';
import { createLogger } from '@starling/platform/telemetry';
import { endAllWithThisProcess } from './end-all.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { findPort } from './ports.ts';
import { inTurn, startProxy } from './proxy.ts';
import { rotateKeysOf } from './rotate-keys.ts';
import { setUp } from './set-up.ts';
import { Supervisor } from './supervise.ts';

const HOST = '127.0.0.1';

function fail(error: unknown): never {
  console.error(`Starling: ${(error as Error).message}`);
  if (!isExplained(error)) console.error(error);
  process.exit(1);
}

async function run(options: Options): Promise<void> {
  const logger = createLogger({ service: 'set-up' });
  const deliveryPorts: number[] = [];
  const nextPods = inTurn(deliveryPorts);
  const internal = await startProxy({ host: HOST, port: 0, route: () => nextPods() });
  const plans = await setUp(options, {
    logger,
    say: console.log,
    ports: () => findPort(HOST),
    deliveryUrl: `http://${HOST}:${internal.port}`,
  });
  deliveryPorts.push(...plans.filter(({ service }) => service === 'delivery').map(({ ports }) => ports.http));
  const web = plans.find(({ service }) => service === 'web');
  if (!web) throw new Error('there is no web service');

  rotateKeysOf(options, logger);
  const supervisor = new Supervisor(console.log);
  endAllWithThisProcess(supervisor, { print: console.log, fail });
  try {
    // Those that are called come before those that call.
    for (const plan of plans) await supervisor.start(plan);
    const entry = await startProxy({
      host: HOST,
      port: options.port,
      route: (path) => (path === '/v1/socket' ? nextPods() : [web.ports.http]),
    });
    console.log(`Starling is ready: http://localhost:${entry.port}`);
  } catch (error) {
    // When a signal has begun the stop, the process exits by that before this goes on.
    await supervisor.stop();
    throw error;
  }
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') console.log(USAGE);
  else await run(options);
} catch (error) {
  fail(error);
}
