import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDatabase } from '@starling/standalone/database';
import { Client } from 'pg';

/** PEM each. */
export interface ServerCertificate {
  cert: string;
  key: string;
}

/** A PostgreSQL of the test's own that takes connections by TLS alone. */
export interface SecuredDatabase {
  /** postgres:// URL of a superuser, by that name or address of this machine. */
  url(host: string): string;
  /** Shows another certificate soon. */
  show(certificate: ServerCertificate): Promise<void>;
  stop(): Promise<void>;
}

export async function startSecuredDatabase(certificate: ServerCertificate): Promise<SecuredDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-test-secured-'));
  // As root the server runs as another user, who must get in.
  await chmod(directory, 0o711);
  const database = await startDatabase({ directory, say: () => undefined, settings: { fsync: 'off' } });
  const cluster = join(directory, 'postgres');
  // Connections are refused from here on; this one has been made before.
  const admin = new Client({ connectionString: database.url });
  await admin.connect();

  async function write(name: string, text: string): Promise<void> {
    const { uid, gid } = await stat(cluster);
    const file = join(cluster, name);
    await writeFile(file, text, { mode: 0o600 });
    await chown(file, uid, gid);
  }

  async function show({ cert, key }: ServerCertificate): Promise<void> {
    // The names that the server looks for in its cluster.
    await write('server.crt', cert);
    await write('server.key', key);
    await admin.query('SELECT pg_reload_conf()');
  }

  const access = await readFile(join(cluster, 'pg_hba.conf'), 'utf8');
  await write('pg_hba.conf', access.replace(/^host\b/gm, 'hostssl'));
  await admin.query('ALTER SYSTEM SET ssl = on');
  await show(certificate);
  return {
    url: (host) => Object.assign(new URL(database.url), { hostname: host }).href,
    show,
    async stop() {
      await admin.end();
      await database.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
