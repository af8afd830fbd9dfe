import pg from 'pg';
import { type Authority, currentAuthority } from '../tls/index.ts';
import { type ConnectionSettings, describeTarget, explainConnection } from './explain-connection.ts';

/** How a database is reached. */
export interface DatabaseAccess {
  /** postgres://; of its query, what concerns TLS counts only without `ca`. */
  url: string;
  /**
   * The authority: the connection is by TLS, and the server's certificate must be from there and for the host of
   * the URL, be it a name or an address. Without it the URL decides.
   */
  ca?: Authority | undefined;
}

const CONNECT_MS = 5_000;

/** The settings of a client or a pool. */
export function connectionConfig({ url, ca }: DatabaseAccess): pg.ClientConfig {
  const common = { connectionTimeoutMillis: CONNECT_MS };
  if (ca === undefined) return { ...common, connectionString: url };
  // What the URL says of TLS would win over `ssl`. pg itself passes the host on for the check of the certificate's names.
  const bare = new URL(url);
  for (const name of [...bare.searchParams.keys()]) if (name.startsWith('ssl')) bare.searchParams.delete(name);
  // A getter: of a pool's connections, each reads it anew.
  const ssl = {
    rejectUnauthorized: true,
    get ca() {
      return currentAuthority(ca);
    },
  };
  return { ...common, connectionString: bare.href, ssl };
}

/** Connects once, within 5 s. Throws a DatabaseConnectionError that says what is wrong, and in which setting. */
export async function checkConnection(access: DatabaseAccess & { settings: ConnectionSettings }): Promise<void> {
  const { settings } = access;
  const target = describeTarget(access.url, settings);
  const client = new pg.Client(connectionConfig(access));
  // What happens to it after its connection is no concern here.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    throw explainConnection(error, target, settings);
  } finally {
    await client.end().catch(() => {});
  }
}
