import { certificateFault } from '../tls/index.ts';

/** The database cannot be used as configured. The message is one sentence for the operator, without the password. */
export class DatabaseConnectionError extends Error {
  override readonly name = 'DatabaseConnectionError';
  /** It does not answer, which may pass by itself; otherwise it refuses, or is refused. */
  readonly unreachable: boolean;

  constructor(message: string, { cause, unreachable }: { cause?: unknown; unreachable: boolean }) {
    super(message, { cause });
    this.unreachable = unreachable;
  }
}

/** Where the operator gave what is needed to connect: an option of the command line or a file. */
export interface ConnectionSettings {
  url: string;
  /** Of the authority's PEM. */
  ca?: string | undefined;
}

/** A database as its user knows it. */
export interface DatabaseTarget {
  /** such as: the database "chat" on db.example:5432 */
  name: string;
  server: string;
  database: string;
  user: string;
}

/** What a URL points at. Throws DatabaseConnectionError for what is no postgres:// URL. */
export function describeTarget(url: string, settings: ConnectionSettings): DatabaseTarget {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'postgres:' && parsed?.protocol !== 'postgresql:') {
    throw new DatabaseConnectionError(
      `The value of ${settings.url} is not a PostgreSQL URL: write postgres://user:password@host:5432/database.`,
      { unreachable: false },
    );
  }
  const user = decode(parsed.username);
  const database = decode(parsed.pathname.slice(1)) || user;
  const server = `${parsed.hostname || parsed.searchParams.get('host') || 'localhost'}:${parsed.port || '5432'}`;
  return { name: `the database "${database}" on ${server}`, server, database, user };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Says what is wrong with a connection, where, and what to look at. */
export function explainConnection(error: unknown, target: DatabaseTarget, settings: ConnectionSettings): DatabaseConnectionError {
  const { server, database, user } = target;
  const { code, message } = error instanceof Error ? (error as Error & { code?: string }) : { code: undefined, message: String(error) };
  const refuse = (text: string) => new DatabaseConnectionError(text, { cause: error, unreachable: false });
  const away = (text: string) => new DatabaseConnectionError(text, { cause: error, unreachable: true });
  switch (certificateFault(code)) {
    case 'untrusted':
      return refuse(
        `The server ${server} shows a certificate that the configured authority did not issue: check the CA certificate in ${settings.ca ?? settings.url}.`,
      );
    case 'wrong-name':
      return refuse(
        `The server ${server} shows a certificate that is not for this host name: check the host in ${settings.url}, or the server's certificate.`,
      );
    case 'expired':
      return refuse(`The server ${server} shows a certificate that has expired: renew it.`);
  }
  // pg gives this refusal no code.
  if (message === 'The server does not support SSL connections')
    return refuse(`The server ${server} speaks no TLS: check the host and the port in ${settings.url}, and ssl in its postgresql.conf.`);
  switch (code) {
    case '28P01':
    case '28000':
      return refuse(
        `The server ${server} refuses the user "${user}": check the user and the password in ${settings.url}, and the server's pg_hba.conf.`,
      );
    case '3D000':
      return refuse(
        `There is no database "${database}" on ${server}: make it with CREATE DATABASE, or name another one in ${settings.url}.`,
      );
    case '42501':
      return refuse(
        `The user "${user}" may not use the database "${database}" on ${server}: grant it CONNECT, or use another user in ${settings.url}.`,
      );
    case '53300':
      return away(`The server ${server} has no connection left: raise its max_connections, or end other clients.`);
    default:
      return away(
        `No PostgreSQL server answers on ${server} (${code ?? message}): check the host and the port in ${settings.url}, and that it is running.`,
      );
  }
}
