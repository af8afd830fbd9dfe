import type { ConnectRouter } from '@connectrpc/connect';
import { SignOnService } from '@starling/contracts/rpc';
import { FORMATS, isLine } from '@starling/contracts/schema';
import type { Clock } from '@starling/platform/clock';
import type { Logger } from '@starling/platform/telemetry';
import { randomNonce, randomPKCECodeVerifier, randomState } from 'openid-client';
import { createBrowserSecret, type Opened, openBrowserSecret } from '../domain/browser-secret.ts';
import type { ClientContext } from '../domain/client-context.ts';
import { deriveKey } from '../domain/keys.ts';
import type { AfterFirstFactor, LogInResult } from '../domain/log-in.ts';
import type { FlowSecrets, Provider, SignedOn } from '../sign-on/provider.ts';
import { ProviderUnreachable } from '../sign-on/provider-fetch.ts';
import type { Accounts } from '../store/accounts.ts';
import type { SignOnLinks } from '../store/sign-on.ts';
import type { Admit } from './admission.ts';
import { refuse } from './refuse.ts';

const ANSWER_WITHIN_MS = 10 * 60_000;
const NAME_CHARACTERS = 80;

interface Flow extends FlowSecrets {
  provider: string;
  invite: string;
}

/** What waits for the password of the account with the provider's email. */
interface Link {
  user: string;
  issuer: string;
  subject: string;
}

type Finished = LogInResult | { case: 'link'; value: { link: string; email: string; provider: string } };

export interface SignOnDeps {
  secret: string;
  clock: Clock;
  logger: Logger;
  providers: Provider[];
  links: SignOnLinks;
  accounts: Pick<Accounts, 'create' | 'findByEmail' | 'describe' | 'checkCredentials'>;
  admit: Admit;
  afterFirstFactor: AfterFirstFactor;
}

/** Sign-on by OpenID Connect: code flow with PKCE, state and nonce. An account is known by (iss, sub), never by an email alone. */
export function signOnRpc(router: ConnectRouter, deps: SignOnDeps): void {
  const { clock, logger, links, accounts, admit, afterFirstFactor } = deps;
  const providers = new Map(deps.providers.map((provider) => [provider.id, provider]));
  const key = deriveKey(deps.secret, 'sign-on');

  async function ask(provider: Provider, { value: flow }: Opened<Flow>, callback: URL): Promise<SignedOn> {
    try {
      return await provider.finish(callback, flow);
    } catch (error) {
      throw explain(provider, error);
    }
  }

  function explain(provider: Provider, error: unknown): Error {
    logger.warn({ provider: provider.id, reason: reasonOf(error) }, 'a sign-on was refused');
    const away = [error, (error as Error).cause].some((each) => each instanceof ProviderUnreachable);
    return refuse(away ? 'unavailable' : 'sign-on-refused');
  }

  /** The way in for somebody who has not signed on with this provider before. */
  async function welcome(provider: Provider, signedOn: SignedOn, invite: string, client: ClientContext | undefined): Promise<Finished> {
    const { issuer, subject } = signedOn;
    const described = await signedOn.describe().catch((error: unknown) => {
      throw explain(provider, error);
    });
    const email = readEmail(described);
    const found = await accounts.findByEmail(email);
    if (!found) {
      const { role, before } = await admit({
        email,
        invite: invite === '' ? undefined : { token: invite },
        byCode: false,
        local: false,
      });
      const made = await accounts.create({ email, name: nameOf(described, email), role, signOn: { issuer, subject } }, client, before);
      if (made !== 'exists') return { case: 'begun', value: made };
    }
    // Another tab may have been quicker with this very sign-on, and the account with this email is the one it made.
    const user = await links.findUser(signedOn);
    if (user !== undefined) return afterFirstFactor(user, client);
    const account = found ?? (await accounts.findByEmail(email));
    if (!account || account.disabled) throw refuse('sign-on-refused');
    if (!account.hasPassword)
      throw refuse('sign-on-refused', {
        detail: 'The account with this email has no password that could prove it is yours: set one first.',
      });
    const link: Link = { user: account.id, issuer, subject };
    const secret = createBrowserSecret(key, 'link', link, clock.now() + ANSWER_WITHIN_MS);
    return { case: 'link', value: { link: secret, email, provider: provider.name } };
  }

  router.service(SignOnService, {
    async beginSignOn({ provider: id, redirectUri, invite }) {
      const provider = providers.get(id);
      if (!provider) throw refuse('not-found');
      if (!URL.canParse(redirectUri)) throw refuse('invalid-request');
      const flow: Flow = {
        provider: id,
        redirectUri,
        invite,
        state: randomState(),
        nonce: randomNonce(),
        verifier: randomPKCECodeVerifier(),
      };
      const url = await provider.begin(flow).catch((error: unknown) => {
        logger.warn({ provider: id, reason: (error as Error).message }, 'a provider for sign-on cannot be used');
        throw refuse('unavailable');
      });
      return { url, flow: createBrowserSecret(key, 'flow', flow, clock.now() + ANSWER_WITHIN_MS) };
    },

    async finishSignOn({ flow, callbackUrl, client }) {
      const opened = openBrowserSecret<Flow>(key, 'flow', flow, clock.now());
      const provider = opened && providers.get(opened.value.provider);
      if (!provider) throw refuse('sign-on-refused', { detail: 'It took too long, or was begun in another browser: begin again.' });
      const callback = URL.canParse(callbackUrl) ? new URL(callbackUrl) : undefined;
      if (!callback || withoutQuery(callback) !== opened.value.redirectUri) throw refuse('sign-on-refused');
      // Used up whatever comes of it: a code or an answer is looked at once.
      if (!(await links.spend(opened.bytes, opened.expiresAt))) throw refuse('sign-on-refused');
      const signedOn = await ask(provider, opened, callback);
      const user = await links.findUser(signedOn);
      if (user === undefined) return { result: await welcome(provider, signedOn, opened.value.invite, client) };
      if ((await accounts.describe(user))?.disabled !== false) throw refuse('sign-on-refused');
      return { result: await afterFirstFactor(user, client) };
    },

    async linkSignOn({ link, password, client }, context) {
      const opened = openBrowserSecret<Link>(key, 'link', link, clock.now());
      if (!opened) throw refuse('link-expired');
      const { user, issuer, subject } = opened.value;
      // Nobody is logged in: it is a stranger's guess, and counts as one.
      const account = await accounts.describe(user);
      if (!account) throw refuse('link-expired');
      const { proof } = await accounts.checkCredentials({ email: account.email, password }, client, context.signal);
      if (!(await links.spend(opened.bytes, opened.expiresAt))) throw refuse('link-expired');
      if (!(await links.link(user, { issuer, subject }))) throw refuse('sign-on-refused');
      return { result: await afterFirstFactor(user, client, proof) };
    },
  });
}

/**
 * What was wrong, in the library's own words, the inner ones of which are more exact, and the provider's one word for it.
 * What was found instead may be personal or secret, and is not said.
 */
function reasonOf(error: unknown): string {
  const { message, cause, error: word } = error as Error & { error?: unknown };
  const reason = cause instanceof Error ? cause.message : message;
  return typeof word === 'string' && /^[a-z_]{1,40}$/.test(word) ? `${reason}: ${word}` : reason;
}

/** The email, if the provider vouches for it. */
function readEmail({ email, emailVerified }: { email: unknown; emailVerified: unknown }): string {
  if (typeof email !== 'string' || email.length > 254 || !FORMATS['email']?.(email))
    throw refuse('sign-on-refused', { detail: 'The provider did not say what your email address is.' });
  if (emailVerified !== true)
    throw refuse('sign-on-refused', { detail: 'The provider does not say that your email address was verified.' });
  return email.toLowerCase();
}

function nameOf({ name }: { name: unknown }, email: string): string {
  const given = typeof name === 'string' ? [...name.trim()].slice(0, NAME_CHARACTERS).join('').trim() : '';
  return isLine(given) ? given : (email.split('@')[0] as string);
}

function withoutQuery(url: URL): string {
  return url.origin + url.pathname;
}
