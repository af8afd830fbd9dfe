import { ApiError } from '@starling/client';
import { useState } from 'react';
import { formatWait } from './times.ts';

/** What went wrong with a form: per field, by its name, and for the form as a whole. */
export interface FormErrors {
  fields: Record<string, string>;
  form: string | null;
}

const NONE: FormErrors = { fields: {}, form: null };

export const NAME_EXPECTED = 'Enter a name of up to 80 characters, on one line.';
export const EMAIL_EXPECTED = 'Enter an email address, like ann@example.org.';
export const NEW_PASSWORD_EXPECTED = 'Use 10 to 128 characters.';
export const DIGITS_EXPECTED = 'Enter the six digits.';

/**
 * Problems that are about one field, whichever form they come from. `current` is where a form asks for the password of
 * an account that is known: there, that alone can be wrong.
 */
const FIELD_OF: Partial<Record<string, { field: string; says?: string }>> = {
  'account-exists': { field: 'email' },
  'handle-taken': { field: 'handle' },
  'wrong-code': { field: 'code' },
  'code-expired': { field: 'code' },
  'wrong-credentials': { field: 'current', says: 'The password is wrong.' },
};

/** The form's fields by name, each with the sentence that says what is expected in it. */
export type Expectations = Record<string, string>;

/** Sorts an error to the fields that it is about. A schema's words are for programs: people read what is expected. */
export function readErrors(error: unknown, expected: Expectations): FormErrors {
  if (!(error instanceof ApiError))
    return { fields: {}, form: error instanceof Error ? error.message : 'Something went wrong. Try again.' };
  const { field, says } = FIELD_OF[error.code] ?? {};
  if (field !== undefined && field in expected) return { fields: { [field]: says ?? sentence(error.message) }, form: null };
  const { retryAfter } = error.problem;
  if (error.code === 'rate-limited' && retryAfter !== undefined) {
    return { fields: {}, form: `Too many requests. Try again in ${formatWait(retryAfter)}.` };
  }
  const fields: Record<string, string> = {};
  const others: string[] = [];
  for (const { pointer, detail } of error.problem.errors ?? []) {
    const name = pointer.replace(/^\/(body\/)?/, '').split('/')[0]!;
    const sought = expected[name];
    if (sought !== undefined) fields[name] = sought;
    else others.push(sentence(detail));
  }
  if (Object.keys(fields).length > 0 && others.length === 0) return { fields, form: null };
  return { fields, form: others.length > 0 ? others.join(' ') : sentence(error.message) };
}

/** One form's way to the server: whether it is under way, and what came back. */
export function useSubmit(expected: Expectations) {
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState(NONE);
  /** Returns whether it succeeded. */
  async function submit(work: () => Promise<unknown>): Promise<boolean> {
    setBusy(true);
    setErrors(NONE);
    try {
      await work();
      return true;
    } catch (error) {
      setErrors(readErrors(error, expected));
      return false;
    } finally {
      setBusy(false);
    }
  }
  /** Says of these fields what is expected in them, without a word to the server. */
  function refuse(fields: string[]): void {
    setErrors({ fields: Object.fromEntries(fields.map((name) => [name, expected[name] ?? ''])), form: null });
  }
  return { busy, errors, submit, refuse, clear: () => setErrors(NONE) };
}

function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
