import pg from 'pg';

/** SQLSTATE classes that say nothing about the statement: connection, resources, shutdown, system; serialisation. */
const TRANSIENT_STATES = /^(08|53|57P|58|40001|40P01|55P03|25006)/;
const UNIQUE_VIOLATION = '23505';
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EAI_AGAIN',
  'ENOENT',
  'EMFILE',
  'ENFILE',
]);

/** Whether the same work may succeed when it is tried again later, unchanged. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: string }).code;
  if (code !== undefined && (TRANSIENT_STATES.test(code) || NETWORK_CODES.has(code))) return true;
  return /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable/i.test(
    error.message,
  );
}

/** Whether the statement broke this unique constraint or index. */
export function isUniqueViolation(error: unknown, constraint: string): boolean {
  return error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION && error.constraint === constraint;
}
