import { NewerSchemaError } from '@starling/platform/db';
import { StartError } from './database/index.ts';

/** Rethrows why a port could not be listened on, as a sentence where the user can mend it. */
export function explainListen(error: unknown, port: number): never {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') throw new StartError(`Port ${port} is in use by another program: end it, or choose another port.`);
  if (code === 'EACCES') throw new StartError(`Port ${port} may not be used by this user: choose one above 1023.`);
  throw error;
}

/** Rethrows why a database could not be brought up to date, as a sentence where the user can mend it. */
export function explainDatabase(error: unknown): never {
  if (error instanceof NewerSchemaError) {
    throw new StartError(`The database was written by a newer Starling (${error.message}): update Starling, or use another database.`);
  }
  if ((error as { code?: string }).code === '42501') {
    throw new StartError(
      `The user of --database lacks a right (${(error as Error).message}): give it CREATEROLE, and CREATE on the database, or use one that has them.`,
    );
  }
  throw error;
}
