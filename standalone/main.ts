import { ConfigError } from '@starling/platform/config';
import { StartError } from './database/index.ts';
import { readOptions, USAGE } from './options.ts';
import { startStarling } from './start.ts';

/** From the first Ctrl-C on, ms. */
const STOP_WITHIN_MS = 5_000;

const begun = performance.now();
function say(line: string): void {
  console.log(`${((performance.now() - begun) / 1000).toFixed(1).padStart(5)} s  ${line}`);
}

function fail(error: unknown): never {
  const expected = error instanceof StartError || error instanceof ConfigError;
  console.error(expected ? `Starling: ${error.message}` : error);
  process.exit(1);
}

const interrupted = new AbortController();
let stop: (() => Promise<void>) | undefined;

async function end(): Promise<void> {
  if (interrupted.signal.aborted) process.exit(130);
  interrupted.abort(new StartError('interrupted'));
  if (!stop) return;
  say('stopping (again Ctrl-C: at once)');
  setTimeout(() => {
    console.error(`Starling: not everything ended within ${STOP_WITHIN_MS / 1000} s; what was acknowledged is safe`);
    process.exit(1);
  }, STOP_WITHIN_MS - 200).unref();
  await stop();
  say('stopped');
  process.exit(0);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end().catch(fail));

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(USAGE);
  } else {
    const starling = await startStarling({ options, say, signal: interrupted.signal, onLost: (reason) => fail(new StartError(reason)) });
    stop = starling.stop;
    if (interrupted.signal.aborted) await starling.stop();
    interrupted.signal.throwIfAborted();
    say(`Starling is ready: ${starling.url}`);
  }
} catch (error) {
  if (!interrupted.signal.aborted) fail(error);
  say('stopped');
  process.exit(130);
}
