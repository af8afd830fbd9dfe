import { Code, ConnectError, type ConnectRouter, type HandlerContext } from '@connectrpc/connect';
import { generateAuthenticationOptions, generateRegistrationOptions } from '@simplewebauthn/server';
import { PasskeysService } from '@starling/contracts/rpc';
import { isLine, isUuid } from '@starling/contracts/schema';
import { requireRight, rpcUser } from '@starling/platform/rpc';
import { PASSKEY_ALGORITHMS, verifyNewPasskey, verifyPasskey } from '../domain/passkey-answers.ts';
import type { Accounts } from '../store/accounts.ts';
import { PASSKEY_CHALLENGE_MS, type Passkeys } from '../store/passkeys.ts';
import type { Sessions } from '../store/sessions.ts';
import type { Throttle } from '../store/throttle.ts';
import { refuse } from './refuse.ts';

const NAME_CHARACTERS = 80;
/** Of one address: log-ins that anybody begins. */
const BY_ADDRESS = { capacity: 30, refillSeconds: 2 };

/** Passkeys (WebAuthn level 3): each was unlocked by its person, so that one is both factors of a log-in. */
export function passkeysRpc(
  router: ConnectRouter,
  deps: {
    accounts: Pick<Accounts, 'confirmPassword' | 'describe'>;
    sessions: Pick<Sessions, 'begin'>;
    passkeys: Passkeys;
    throttle: Throttle;
  },
): void {
  const { accounts, sessions, passkeys, throttle } = deps;

  router.service(PasskeysService, {
    async beginPasskey({ password, origin, client }, context) {
      const user = ownerOf(context);
      const rpID = hostOf(origin);
      await accounts.confirmPassword(user, password, client, context.signal);
      const account = await accounts.describe(user);
      if (!account) throw refuse('not-found');
      const options = await generateRegistrationOptions({
        rpName: 'Starling',
        rpID,
        userName: account.email,
        userDisplayName: account.name,
        userID: Uint8Array.from(Buffer.from(user)),
        timeout: PASSKEY_CHALLENGE_MS,
        excludeCredentials: await passkeys.credentialsOf(user),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        supportedAlgorithmIDs: PASSKEY_ALGORITHMS,
      });
      const id = await passkeys.keepChallenge({ challenge: options.challenge, origin, user });
      return { id, options: JSON.stringify(options) };
    },

    async addPasskey({ challenge: id, response, name }, context) {
      const user = ownerOf(context);
      const trimmed = name.trim();
      if (!isLine(trimmed) || [...trimmed].length > NAME_CHARACTERS) throw refuse('invalid-request');
      const challenge = isUuid(id) ? await passkeys.takeChallenge(id, user) : undefined;
      const added = challenge && (await verifyNewPasskey(response, challenge));
      const passkey = added && (await passkeys.add({ ...added, user, name: trimmed }));
      if (passkey === undefined || passkey === 'exists') throw refuse('passkey-refused');
      return passkey;
    },

    async listPasskeys(_request, context) {
      return { passkeys: await passkeys.list(ownerOf(context)) };
    },

    async removePasskey({ id }, context) {
      const user = ownerOf(context);
      if (!isUuid(id) || !(await passkeys.remove(user, id))) throw refuse('not-found');
      return {};
    },

    async beginPasskeyLogIn({ origin, client }) {
      const rpID = hostOf(origin);
      if (client && !client.local && client.address !== '') {
        const taken = await throttle.take(`passkey log-ins by address ${client.address}`, BY_ADDRESS);
        if (!taken.allowed) throw refuse('rate-limited', taken);
      }
      // Names no passkey: the authenticator offers those that it has for this host.
      const options = await generateAuthenticationOptions({
        rpID,
        timeout: PASSKEY_CHALLENGE_MS,
        userVerification: 'required',
      });
      return { id: await passkeys.keepChallenge({ challenge: options.challenge, origin }), options: JSON.stringify(options) };
    },

    async passkeyLogIn({ challenge: id, response, client }) {
      const challenge = isUuid(id) ? await passkeys.takeChallenge(id) : undefined;
      const used = challenge && (await verifyPasskey(response, challenge, (credential) => passkeys.find(credential)));
      if (!used || !(await passkeys.use(used.id, used.counter))) throw refuse('passkey-refused');
      try {
        return await sessions.begin(used.user, client);
      } catch (error) {
        // The user is disabled.
        throw error instanceof ConnectError && error.code === Code.Unauthenticated ? refuse('passkey-refused') : error;
      }
    },
  });
}

function ownerOf(context: HandlerContext): string {
  const user = rpcUser(context);
  requireRight(user, 'account.use');
  return user.user;
}

/** The host that passkeys are good for. Throws unless the text is an origin exactly as browsers write it. */
function hostOf(origin: string): string {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url?.origin !== origin || url.hostname === '') throw refuse('invalid-request');
  return url.hostname;
}
