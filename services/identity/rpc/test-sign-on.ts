import { FakeClock } from '@starling/testing/clock';
import { type OpenIdProvider, startOpenIdProvider } from '@starling/testing/sign-on';
import type { IdentityConfig } from '../config.ts';
import { startTestIdentity, type TestIdentity } from '../test-identity.ts';
import { writeSecretFile } from '../test-secret-file.ts';

export const REDIRECT_URI = 'https://chat.example.org/v1/sign-on/corp/callback';

/** Identity with two providers, `one` and `two`. */
export interface TestSignOn {
  identity: TestIdentity;
  clock: FakeClock;
  one: OpenIdProvider;
  two: OpenIdProvider;
  /** A browser goes to the provider and comes back: what finishSignOn is called with. */
  comeBack(as?: { person?: string; provider?: 'one' | 'two'; invite?: string }): Promise<{ flow: string; callbackUrl: string }>;
  stop(): Promise<void>;
}

export async function startTestSignOn(config: Partial<IdentityConfig> = {}): Promise<TestSignOn> {
  const clock = new FakeClock(Date.now());
  const providers = { one: await startOpenIdProvider(people()), two: await startOpenIdProvider(people()) };
  const identity = await startTestIdentity({
    clock,
    config: {
      signOn: Object.entries(providers).map(([id, { issuer, clientId, clientSecret }]) => ({
        id,
        name: `Provider ${id}`,
        issuer,
        clientId,
        clientSecretFile: writeSecretFile(clientSecret),
        privateNetwork: true,
      })),
      ...config,
    },
  });

  return {
    identity,
    clock,
    ...providers,
    async comeBack({ person, provider = 'one', invite = '' } = {}) {
      const { url, flow } = await identity.signOn.beginSignOn({ provider, redirectUri: REDIRECT_URI, invite });
      const at = providers[provider];
      at.person = person ?? 'ann';
      return { flow, callbackUrl: await at.visit(url) };
    },
    async stop() {
      await identity.stop();
      await Promise.all([providers.one.close(), providers.two.close()]);
    },
  };
}

function people() {
  return { people: { ann: { email: 'Ann@example.org', email_verified: true, name: 'Ann Other' } }, redirectUris: [REDIRECT_URI] };
}
