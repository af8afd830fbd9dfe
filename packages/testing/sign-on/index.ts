import { createSign, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { browse } from './browse.ts';

/** What the provider says of a person, beside `sub`. */
export interface Person {
  email?: string;
  email_verified?: unknown;
  name?: string;
}

/** How the provider lies, for the tests of who must not believe it. Each is given the truth. */
export interface Lies {
  /** Claims of ID tokens, signed with the provider's own key all the same. */
  idToken?: (claims: Record<string, unknown>) => Record<string, unknown>;
  /** ID tokens are signed with a key that the provider does not publish. */
  foreignKey?: boolean;
  /** ID tokens say that they need no signature, and have none. */
  unsigned?: boolean;
  /** The document at /.well-known/openid-configuration. */
  discovery?: (document: Record<string, unknown>) => Record<string, unknown>;
}

/** A real OpenID provider on 127.0.0.1 by HTTP; nobody has to fill in its pages. */
export interface OpenIdProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** By `sub`; may be changed. */
  readonly people: Record<string, Person>;
  /** The `sub` of who sits in front of the browser; the first unless set. */
  person: string;
  lies: Lies;
  /** How often codes were presented. */
  readonly codesPresented: number;
  /** Goes to the address as a browser does, through log-in and consent, until it is sent back to the client; returns that address. */
  visit(url: string): Promise<string>;
  close(): Promise<void>;
}

const KEY_ID = 'of-this-provider';

/** @param options.redirectUris of its one client, exactly. */
export async function startOpenIdProvider(options: { people: Record<string, Person>; redirectUris: string[] }): Promise<OpenIdProvider> {
  const { people, redirectUris } = options;
  const [clientId, clientSecret] = [`starling-${randomUUID()}`, randomUUID()];
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: redirectUris, response_types: ['code'] }],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: KEY_ID, use: 'sig', alg: 'RS256' }] },
    cookies: { keys: [randomUUID()] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, sub) => (people[sub] ? { accountId: sub, claims: () => ({ sub, ...people[sub] }) } : undefined),
  });
  const running = {
    issuer,
    clientId,
    clientSecret,
    people,
    person: Object.keys(people)[0] ?? '',
    lies: {} as Lies,
    codesPresented: 0,
    visit: (url: string) => browse(url, redirectUris),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  provider.use(async (context, next) => {
    await next();
    const body = context.body as Record<string, unknown> | undefined;
    const { lies } = running;
    if (context.path === '/.well-known/openid-configuration' && lies.discovery && body) context.body = lies.discovery(body);
    if (context.path !== '/token') return;
    running.codesPresented++;
    if (typeof body?.['id_token'] === 'string' && (lies.idToken || lies.foreignKey || lies.unsigned))
      context.body = { ...body, id_token: signAgain(body['id_token'], lies, privateKey) };
  });

  /** Logs in who sits there, and lets the client know what it asks for. */
  async function interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login') return provider.interactionFinished(request, response, { login: { accountId: running.person } });
    const grant = new provider.Grant({ accountId: session?.accountId ?? running.person, clientId: String(params['client_id']) });
    grant.addOIDCScope(String(params['scope']));
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  }

  const serve = provider.callback();
  server.on('request', (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return void serve(request, response);
    interact(request, response).catch((error: Error) => response.writeHead(500).end(error.message));
  });
  return running;
}

function signAgain(token: string, { idToken = (claims) => claims, foreignKey, unsigned }: Lies, own: KeyObject): string {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
  const header = unsigned ? { alg: 'none' } : { alg: 'RS256', kid: KEY_ID };
  const signed = [header, idToken(claims)].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  if (unsigned) return `${signed}.`;
  const key = foreignKey ? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey : own;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`;
}
