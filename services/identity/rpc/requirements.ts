import { FORMATS, isLine, isText } from '@starling/contracts/schema';
import { refuse } from './refuse.ts';

const EMAIL_CHARACTERS = 254;
const NAME_CHARACTERS = 80;
const PASSWORD_CHARACTERS = { least: 10, most: 128 };

/** The email in lower case, which is how emails are compared. Throws refuse('invalid-request') for what is none. */
export function requireEmail(email: string): string {
  if (email.length > EMAIL_CHARACTERS || !FORMATS['email']?.(email))
    throw refuse('invalid-request', { detail: 'This is no email address.' });
  return email.toLowerCase();
}

/** Throws refuse('invalid-request') for what is no name to be shown. */
export function requireName(name: string): string {
  if (!isLine(name) || [...name].length > NAME_CHARACTERS)
    throw refuse('invalid-request', { detail: `A name is one line of at most ${NAME_CHARACTERS} characters.` });
  return name;
}

/** Throws refuse('invalid-request') for what may not become a password. */
export function requireNewPassword(password: string): string {
  const { least, most } = PASSWORD_CHARACTERS;
  const { length } = [...password];
  if (!isText(password) || length < least || length > most)
    throw refuse('invalid-request', { detail: `A password has at least ${least} and at most ${most} characters.` });
  return password;
}
