import pg from 'pg';
import { readObject } from './kubectl.ts';
import { NAME } from './small-cluster.ts';
import { throughTunnel } from './tunnel.ts';

/** Asks the built-in database something as its administrator. */
export async function askDatabase(namespace: string, sql: string): Promise<object[]> {
  const { username = '', password = '' } = await readSecret(namespace, `${NAME}-postgres-administrator`);
  const { 'ca.crt': ca = '' } = await readSecret(namespace, `${NAME}-postgres-tls`);
  return throughTunnel(namespace, `${NAME}-postgres-0`, 5432, async (port) => {
    // The certificate is for the database's name, not for this end of the tunnel.
    const ssl = { ca, checkServerIdentity: () => undefined };
    const client = new pg.Client({ host: '127.0.0.1', port, database: 'starling', user: username, password, ssl });
    await client.connect();
    try {
      return (await client.query<object>(sql)).rows;
    } finally {
      await client.end();
    }
  });
}

/** The decoded contents of a Secret; empty if there is none. */
export async function readSecret(namespace: string, name: string): Promise<Record<string, string>> {
  const secret = await readObject(namespace, `secret/${name}`);
  const data = Object.entries((secret?.['data'] ?? {}) as Record<string, string>);
  return Object.fromEntries(data.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}
