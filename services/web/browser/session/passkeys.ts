import {
  type AuthenticationResponseJSON,
  browserSupportsWebAuthn,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  startAuthentication,
  startRegistration,
} from '@simplewebauthn/browser';

export const canUsePasskeys = browserSupportsWebAuthn;

/** Has the person prove who they are. Throws an Error with a sentence for them. */
export async function askForPasskey(options: unknown): Promise<AuthenticationResponseJSON> {
  try {
    return await startAuthentication({ optionsJSON: options as PublicKeyCredentialRequestOptionsJSON });
  } catch (error) {
    throw new Error(explainPasskeyError(error), { cause: error });
  }
}

/** Has the device make a passkey. Throws an Error with a sentence for the person. */
export async function createPasskey(options: unknown): Promise<RegistrationResponseJSON> {
  try {
    return await startRegistration({ optionsJSON: options as PublicKeyCredentialCreationOptionsJSON });
  } catch (error) {
    throw new Error(explainPasskeyError(error), { cause: error });
  }
}

/** Browsers tell little on purpose, and in words that are for programs. */
export function explainPasskeyError(error: unknown): string {
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
    case 'AbortError':
      return 'No passkey was given: it was cancelled, or took too long. Try again.';
    case 'InvalidStateError':
      return 'This device has a passkey of your account already.';
    case 'SecurityError':
      return 'Passkeys cannot be used at this address. Open the site by its name, with HTTPS.';
    default:
      return 'Your browser could not use a passkey. Try another way.';
  }
}
