import type { Clock } from '@starling/platform/clock';
import { readConfiguredFile } from '@starling/platform/config';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  None,
} from 'openid-client';
import type { SignOnProvider } from '../domain/sign-on-providers.ts';
import { createProviderFetch, ProviderUnreachable } from './provider-fetch.ts';
import { isProtected } from './public-address.ts';

/** A provider may change its addresses; its keys are read again when an unknown one signs. */
const DISCOVERY_MS = 3_600_000;

/** What one sign-on must find unchanged when the browser comes back. */
export interface FlowSecrets {
  state: string;
  nonce: string;
  /** PKCE's (RFC 7636). */
  verifier: string;
  redirectUri: string;
}

/** Who signed on. The claims are the provider's word. */
export interface SignedOn {
  issuer: string;
  subject: string;
  /** The person's email and name; asked for only where they are needed. */
  describe(): Promise<{ email: unknown; emailVerified: unknown; name: unknown }>;
}

/** One OpenID provider. */
export interface Provider {
  readonly id: string;
  readonly name: string;
  /** Where to send the browser. Throws ProviderUnreachable. */
  begin(flow: FlowSecrets): Promise<string>;
  /**
   * Turns the browser's return into who it is: code for ID token, whose signature, issuer, audience, times and nonce are
   * checked. Throws ProviderUnreachable, and the library's errors for everything that is not as it should be.
   */
  finish(callback: URL, flow: FlowSecrets): Promise<SignedOn>;
}

export function createProvider(config: SignOnProvider, clock: Clock): Provider {
  const { issuer, clientId, privateNetwork = false } = config;
  const scopes = new Set(['openid', ...(config.scopes ?? ['email', 'profile'])]);
  let discovered: { configuration: Promise<Configuration>; at: number } | undefined;

  async function discover(): Promise<Configuration> {
    const server = new URL(issuer);
    const secret = config.clientSecretFile && (await readConfiguredFile(`the client secret of ${config.id}`, config.clientSecretFile));
    const configuration = await discovery(server, clientId, {}, secret === undefined ? None() : authenticate(secret), {
      [customFetch]: createProviderFetch(privateNetwork),
      // Without it the library takes the ID token's word, as it came by TLS, and no signature is looked at.
      execute: [enableNonRepudiationChecks, ...(privateNetwork && server.protocol === 'http:' ? [allowInsecureRequests] : [])],
    });
    // The library makes exceptions for two providers, one of which lets every tenant of theirs sign on.
    if (new URL(configuration.serverMetadata().issuer).href !== server.href)
      throw new ProviderUnreachable('the provider there calls itself another');
    return configuration;
  }

  async function discoverOrSay(): Promise<Configuration> {
    try {
      return await discover();
    } catch (error) {
      throw error instanceof ProviderUnreachable ? error : new ProviderUnreachable((error as Error).message);
    }
  }

  async function configured(): Promise<Configuration> {
    if (!discovered || clock.now() - discovered.at >= DISCOVERY_MS) {
      const attempt = { configuration: discoverOrSay(), at: clock.now() };
      discovered = attempt;
      attempt.configuration.catch(() => {
        if (discovered === attempt) discovered = undefined;
      });
    }
    return discovered.configuration;
  }

  return {
    id: config.id,
    name: config.name,

    async begin({ state, nonce, verifier, redirectUri }) {
      const url = buildAuthorizationUrl(await configured(), {
        redirect_uri: redirectUri,
        scope: [...scopes].join(' '),
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      if (!isProtected(url, privateNetwork)) throw new ProviderUnreachable('its page is not https');
      return url.href;
    },

    async finish(callback, { state, nonce, verifier }) {
      const configuration = await configured();
      const tokens = await authorizationCodeGrant(configuration, callback, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (!claims) throw new ProviderUnreachable('it gave no ID token');
      return {
        issuer: claims.iss,
        subject: claims.sub,
        async describe() {
          const {
            email,
            email_verified: emailVerified,
            name,
          } = claims['email'] === undefined && configuration.serverMetadata().userinfo_endpoint !== undefined
            ? await fetchUserInfo(configuration, tokens.access_token, claims.sub)
            : claims;
          return { email, emailVerified, name };
        },
      };
    },
  };
}

/** By header, unless the provider says that it takes the secret in the form alone (OpenID Connect Core §9). */
function authenticate(secret: string): ClientAuth {
  return (server, client, body, headers) => {
    const { token_endpoint_auth_methods_supported: methods = ['client_secret_basic'] } = server;
    const method = methods.includes('client_secret_basic') ? ClientSecretBasic : ClientSecretPost;
    return method(secret)(server, client, body, headers);
  };
}
