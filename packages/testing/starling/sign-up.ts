import type { CodeReply, SessionReply, SignUpRequest } from '@starling/contracts/http';

/** Finds the code of a sign-up by its id, where the answer does not hold it. */
export type FindCode = (id: string) => Promise<string>;

/**
 * Makes an account on a Starling without a mail server: as a person at its machine does, whose answer holds the code, or
 * with a code from elsewhere.
 */
export async function signUpAt(url: string, account: SignUpRequest, findCode?: FindCode): Promise<SessionReply> {
  const { id, code } = await post<CodeReply>(url, '/v1/accounts', account);
  return post<SessionReply>(url, '/v1/accounts/confirm', { id, code: findCode ? await findCode(id) : code });
}

async function post<T>(url: string, path: string, body: unknown): Promise<T> {
  const reply = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error(`${path} was answered ${reply.status}: ${await reply.text()}`);
  return (await reply.json()) as T;
}
