import { createPool } from '@starling/platform/db';
import { createLogger } from '@starling/platform/telemetry';
import { createAccounts } from '../store/accounts.ts';

/**
 * Signs people up, several at a time and without end, until it is killed. Arguments: URL of the service's database,
 * prefix of the addresses. Prints `begin <email>` and `done <email>`.
 */
const [url, prefix] = process.argv.slice(2) as [string, string];
const logger = createLogger({ service: 'identity', level: 'fatal' });
const accounts = createAccounts({ db: createPool({ url, logger, applicationName: prefix }), secret: prefix.repeat(32), logger });

let count = 0;
async function signUpForever(): Promise<never> {
  for (;;) {
    const email = `${prefix}-${++count}@example.org`;
    process.stdout.write(`begin ${email}\n`);
    await accounts.signUp({ email, password: 'a long enough password', name: 'Somebody' });
    process.stdout.write(`done ${email}\n`);
  }
}

await Promise.all([signUpForever(), signUpForever(), signUpForever()]);
