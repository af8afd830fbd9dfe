import { systemClock } from '@starling/platform/clock';
import { createPool } from '@starling/platform/db';
import { createLogger } from '@starling/platform/telemetry';
import { createParts } from '../parts.ts';

/**
 * Makes accounts until it is killed, several at a time. Arguments: URL of the service's database, prefix of the addresses
 * (and secret), and, to make a single one instead and be killed on the way, before which statement. Prints `begin <email>`
 * and `done <email>`.
 */
const [url, prefix, killBefore] = process.argv.slice(2) as [string, string, string?];
const logger = createLogger({ service: 'identity', level: 'fatal' });
const db = createPool({ url, logger, applicationName: prefix });
const { accounts } = createParts({ db, clock: systemClock, logger, secret: prefix.repeat(32), stated() {} });

let count = 0;
async function create(): Promise<void> {
  const email = `${prefix}-${++count}@example.org`;
  process.stdout.write(`begin ${email}\n`);
  await accounts.create({ email, name: 'Somebody', role: 'member', passwordHash: 'a hash' }, undefined);
  process.stdout.write(`done ${email}\n`);
}

async function createForever(): Promise<never> {
  for (;;) await create();
}

if (killBefore === undefined) {
  await Promise.all([createForever(), createForever(), createForever()]);
} else {
  let left = Number(killBefore);
  db.on('connect', (client) => {
    const query = client.query.bind(client) as (...of: unknown[]) => unknown;
    client.query = ((...of: unknown[]) => {
      if (--left === 0) process.kill(process.pid, 'SIGKILL');
      return query(...of);
    }) as typeof client.query;
  });
  await create();
  await db.end();
}
