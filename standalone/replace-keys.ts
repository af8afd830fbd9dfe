import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SERVICE_NAMES } from '@starling/contracts/services';
import { systemClock } from '@starling/platform/clock';
import { type KeyPlace, publicKeysFile, rotateKeys } from '@starling/platform/tokens';
import { StartError } from './database/index.ts';

const USAGE = `Replaces the keys with which the services sign tokens, at once: for keys that were stolen.
Whoever is logged in stays so, and gets new tokens; a running Starling takes the keys up within 5 seconds.

  npm run keys:replace -- [--data FOLDER]   of npm start (starling-data) or of npm run services
`;

/** Both shapes keep their keys in the folder of `--data`, the services' beside each other. */
function keyPlaceIn(data: string): KeyPlace {
  const place = { issuers: SERVICE_NAMES, clock: systemClock };
  const own = join(data, 'secrets', 'keys');
  if (existsSync(own)) return { ...place, directory: own, publicFile: publicKeysFile(own) };
  const shared = join(data, 'keys');
  if (existsSync(shared)) return { ...place, directory: shared, publicFile: join(data, 'public-keys.json') };
  throw new StartError(`There are no keys in ${data}: name the folder of Starling's data with --data.`);
}

try {
  const { values } = parseArgs({ options: { data: { type: 'string', default: 'starling-data' }, help: { type: 'boolean' } } });
  if (values.help) {
    console.log(USAGE);
  } else {
    await rotateKeys({ ...keyPlaceIn(values.data), dropOld: true });
    console.log('All signing keys are replaced; tokens that the old ones signed are refused.');
  }
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code?.startsWith('ERR_PARSE_ARGS')) console.error(`Starling: ${message.split('. ')[0]}; see --help.`);
  else console.error(error instanceof StartError ? `Starling: ${message}` : error);
  process.exit(1);
}
