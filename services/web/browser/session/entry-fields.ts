import { FORMATS, isLine, isText } from '@starling/contracts/schema';

/** What a form asks for; what it does not ask for is left out. */
export interface EntryFields {
  name?: string;
  email?: string;
  /** The account's present password. */
  current?: string;
  /** One that is to become the account's. */
  password?: string;
}

/** The fields that the server would not take, in the order in which they are shown. */
export function findWrongFields({ name, email, current, password }: EntryFields): (keyof EntryFields)[] {
  const wrong: (keyof EntryFields)[] = [];
  if (name !== undefined && (!isLine(name) || name.length > 80)) wrong.push('name');
  if (email !== undefined && !FORMATS['email']!(email)) wrong.push('email');
  if (current !== undefined && !isPassword(current, 1)) wrong.push('current');
  if (password !== undefined && !isPassword(password, 10)) wrong.push('password');
  return wrong;
}

function isPassword(text: string, least: number): boolean {
  return text.length >= least && text.length <= 128 && isText(text);
}
