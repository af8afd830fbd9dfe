import { parseArgs } from 'node:util';
import { createRecovery, type RecoveredAccount, type Recovery } from '@starling/identity/recovery';
import { checkConnection, createPool, DatabaseConnectionError } from '@starling/platform/db';
import { createLogger } from '@starling/platform/telemetry';
import { reachDatabase, StartError } from './database/index.ts';

const USAGE = `Mends accounts when nobody can log in any more, whether Starling runs or not.

  npm run accounts -- owners                      who owns this installation
  npm run accounts -- show EMAIL                  what there is of an account
  npm run accounts -- make-owner EMAIL            makes an account owner, and enables it
  npm run accounts -- remove-second-factor EMAIL  authenticator app, recovery codes and passkeys; ends its
                                                  sessions: the password alone logs in then

  --data FOLDER     of npm start (starling-data), or
  --database URL    postgres://user:password@host/database of --database or --postgres
`;

/** What each says of what it did; undefined: there is no such account. */
const COMMANDS: Record<string, (recovery: Recovery, email: string) => Promise<string | undefined>> = {
  async show(recovery, email) {
    const account = await recovery.find(email);
    return account && describe(account);
  },
  async 'make-owner'(recovery, email) {
    const account = await recovery.makeOwner(email);
    return account && `Is an owner now: ${describe(account)}`;
  },
  async 'remove-second-factor'(recovery, email) {
    const removed = await recovery.removeSecondFactors(email);
    if (!removed) return undefined;
    const { authenticators, recoveryCodes, passkeys, sessions } = removed;
    return `Removed from ${email}: authenticator app (${authenticators}), recovery codes (${recoveryCodes}), passkeys (${passkeys}). Sessions ended: ${sessions}. The password alone logs in now.`;
  },
};

async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args);
  const [command = '', email] = positionals;
  const perform = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  const asksOwners = command === 'owners' && email === undefined;
  if (values.help || positionals.length === 0) return console.log(USAGE);
  if (!asksOwners && !perform) throw new StartError(`There is no command "${command}"; see --help.`);
  if (perform && (email === undefined || positionals.length > 2)) throw new StartError(`${command} wants one email address; see --help.`);

  const database =
    values.database === undefined
      ? await reachDatabase({ directory: values.data, say: console.error })
      : { url: values.database, close: async () => {} };
  try {
    await checkConnection({ url: database.url, settings: { url: '--database' } });
    const url = new URL(database.url);
    url.searchParams.set('options', '-c search_path=identity');
    const db = createPool({
      url: url.href,
      logger: createLogger({ service: 'accounts', level: 'silent' }),
      applicationName: 'starling accounts',
    });
    try {
      const recovery = createRecovery(db);
      const said = perform
        ? await perform(recovery, email ?? '')
        : (await recovery.listOwners()).map(describe).join('\n') || 'There is no owner.';
      if (said === undefined) throw new StartError(`There is no account with the email ${email}.`);
      console.log(said);
    } finally {
      await db.end();
    }
  } finally {
    await database.close();
  }
}

function readArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { data: { type: 'string', default: 'starling-data' }, database: { type: 'string' }, help: { type: 'boolean' } },
    });
  } catch (error) {
    throw new StartError(`${(error as Error).message.split('. ')[0]}; see --help.`);
  }
}

function describe({ email, name, role, disabled, secondFactor }: RecoveredAccount): string {
  return `${email}  ${name}  ${role}${disabled ? ', disabled' : ''}${secondFactor ? ', with a second factor' : ''}`;
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  const { code } = error as { code?: string };
  if (error instanceof StartError || error instanceof DatabaseConnectionError) console.error(`Starling: ${error.message}`);
  // undefined_table: the schema is not there.
  else if (code === '42P01') console.error('Starling: there are no accounts in this database: is it the one that Starling uses?');
  else console.error(error);
  process.exit(1);
}
