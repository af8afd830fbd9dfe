import {
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { COSEALG, decodeClientDataJSON } from '@simplewebauthn/server/helpers';

/** A challenge, and the page that may answer it. */
interface Challenge {
  challenge: string;
  origin: string;
}

interface NewPasskey {
  credential: string;
  publicKey: Uint8Array<ArrayBuffer>;
  counter: number;
  transports: string[];
}

/** What a passkey must be known by to check its answers. */
interface KnownPasskey extends NewPasskey {
  id: string;
  user: string;
}

/** What authenticators have: the library's own choice adds one that Node has as an experiment. */
export const PASSKEY_ALGORITHMS = [COSEALG.EdDSA, COSEALG.ES256, COSEALG.RS256];
/** At most 1023 bytes (WebAuthn §5.8.3), in base64url. */
const CREDENTIAL = /^[\w-]{1,1364}$/;
const TRANSPORTS: readonly string[] = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'];

/** The passkey that `navigator.credentials.create` made, as JSON; undefined when it is no answer to the challenge. */
export async function verifyNewPasskey(json: string, { challenge, origin }: Challenge): Promise<NewPasskey | undefined> {
  try {
    const response = JSON.parse(json) as RegistrationResponseJSON;
    if (isFramed(response.response.clientDataJSON)) return undefined;
    const { registrationInfo } = await verifyRegistrationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: new URL(origin).hostname,
      requireUserVerification: true,
      supportedAlgorithmIDs: PASSKEY_ALGORITHMS,
    });
    if (!registrationInfo) return undefined;
    const { id, publicKey, counter, transports } = registrationInfo.credential;
    const known = Array.isArray(transports) ? TRANSPORTS.filter((transport) => transports.some((each) => each === transport)) : [];
    return { credential: id, publicKey, counter, transports: known };
  } catch {
    // The library throws for everything that is not as it should be, and for texts that are not what they claim to be.
    return undefined;
  }
}

/**
 * Whose passkey made what `navigator.credentials.get` gave, as JSON, and its new count; undefined when it is no answer
 * to the challenge, or the count did not grow.
 */
export async function verifyPasskey(
  json: string,
  { challenge, origin }: Challenge,
  find: (credential: string) => Promise<KnownPasskey | undefined>,
): Promise<{ id: string; user: string; counter: number } | undefined> {
  const response = parseAnswer(json);
  const passkey = response && (await find(response.id));
  if (!passkey) return undefined;
  try {
    // Who was chosen on the authenticator, as it was told when the passkey was made.
    if (response.response.userHandle !== Buffer.from(passkey.user).toString('base64url')) return undefined;
    if (isFramed(response.response.clientDataJSON)) return undefined;
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: new URL(origin).hostname,
      requireUserVerification: true,
      credential: { id: passkey.credential, publicKey: passkey.publicKey, counter: passkey.counter },
    });
    return verified ? { id: passkey.id, user: passkey.user, counter: authenticationInfo.newCounter } : undefined;
  } catch {
    return undefined;
  }
}

function parseAnswer(json: string): AuthenticationResponseJSON | undefined {
  try {
    const answer = JSON.parse(json) as AuthenticationResponseJSON | null;
    return typeof answer?.id === 'string' && CREDENTIAL.test(answer.id) ? answer : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the page was shown within another's; the library lets that pass where the browser does not name the other. */
function isFramed(clientDataJSON: string): boolean {
  return decodeClientDataJSON(clientDataJSON).crossOrigin === true;
}
