import { FORMATS, isLine, isText } from '@starling/contracts/schema';

export type EntryMode = 'log-in' | 'sign-up';

export interface EntryFields {
  name: string;
  email: string;
  password: string;
}

/** The fields that the server would not take, in the order in which they are shown. */
export function findWrongFields(mode: EntryMode, { name, email, password }: EntryFields): (keyof EntryFields)[] {
  const wrong: (keyof EntryFields)[] = [];
  if (mode === 'sign-up' && (!isLine(name) || name.length > 80)) wrong.push('name');
  if (!FORMATS['email']!(email)) wrong.push('email');
  const least = mode === 'sign-up' ? 10 : 1;
  if (password.length < least || password.length > 128 || !isText(password)) wrong.push('password');
  return wrong;
}
