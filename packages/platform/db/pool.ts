import { parsePosition } from '@starling/contracts/log';
import pg from 'pg';
import type { Logger } from '../telemetry/index.ts';
import { connectionConfig, type DatabaseAccess } from './connect.ts';

const INT8 = 20;

/**
 * A pool of connections. `int8` arrives as a number, checked to be a safe integer (positions are). The pool connects
 * on demand and survives the server's restarts: a query during one rejects, see `isTransient`.
 */
export function createPool(options: DatabaseAccess & { logger: Logger; max?: number; applicationName: string }): pg.Pool {
  const pool = new pg.Pool({
    ...connectionConfig(options),
    max: options.max ?? 10,
    application_name: options.applicationName,
    idleTimeoutMillis: 60_000,
    types: {
      getTypeParser: ((oid: number, format?: 'text') =>
        oid === INT8 ? parseInt8 : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  });
  pool.on('error', (error) => {
    // A pool that has ended says goodbye to its server by itself, and the server may be quicker.
    if (!pool.ending) options.logger.warn({ error: error.message }, 'an idle database connection was lost');
  });
  // Without a listener, the loss of a connection in use would end the process; whoever uses it hears of it from their query.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

function parseInt8(text: string): number {
  return text.startsWith('-') ? -parsePosition(text.slice(1)) : parsePosition(text);
}
