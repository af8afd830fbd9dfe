import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MailServer, startMailServer } from '@starling/testing/mail';
import { type OpenIdProvider, type Person, startOpenIdProvider } from '@starling/testing/sign-on';
import { type StarlingProcess, startStarlingProcess } from '@starling/testing/starling';

/** The product in one process, with a mail server and the provider "Example Corp" for sign-on; only the first may register without an invite. */
export interface AccountsWorld {
  starling: StarlingProcess;
  mail: MailServer;
  provider: OpenIdProvider;
  remove(): Promise<void>;
}

/** @param people whom the provider knows. */
export async function startAccountsWorld(people: Record<string, Person>): Promise<AccountsWorld> {
  const origin = `http://localhost:${await findPort()}`;
  const folder = await mkdtemp(join(tmpdir(), 'starling-accounts-'));
  const mail = await startMailServer();
  const provider = await startOpenIdProvider({ people, redirectUris: [`${origin}/v1/sign-on/corp/callback`] });
  async function removeOthers(): Promise<void> {
    await provider.close();
    await mail.close();
    await rm(folder, { recursive: true });
  }
  try {
    const { issuer, clientId, clientSecret } = provider;
    const [mailFile, signOnFile, clientSecretFile] = ['mail-url', 'sign-on.json', 'client-secret'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const corp = { id: 'corp', name: 'Example Corp', issuer, clientId, clientSecretFile, privateNetwork: true };
    await writeFile(clientSecretFile, clientSecret);
    await writeFile(mailFile, mail.url);
    await writeFile(signOnFile, JSON.stringify({ providers: [corp] }));
    const options = {
      '--port': new URL(origin).port,
      '--public-url': origin,
      '--mail': mailFile,
      '--mail-from': 'no-reply@example.org',
      '--sign-on': signOnFile,
      '--registration': 'invite',
    };
    const starling = await startStarlingProcess(Object.entries(options).flat());
    const remove = async () => {
      await starling.remove();
      await removeOthers();
    };
    return { starling, mail, provider, remove };
  } catch (error) {
    await removeOthers();
    throw error;
  }
}

/** One that is free: links and the provider must know it before the start. */
async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
