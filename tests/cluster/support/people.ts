import { setTimeout as delay } from 'node:timers/promises';
import type { CommandReply, HistoryReply, IssuedTokensReply, PostReply, RecoveryCodesReply, TotpReply } from '@starling/contracts/http';
import { type FindCode, signUpAt } from '@starling/testing/starling';
import { v7 } from 'uuid';
import { presentStep, totpCode } from '../../e2e/account-pages.ts';
import { call, PASSWORD } from '../../e2e/program.ts';
import { waitUntil } from './conditions.ts';

/** Pods may be on their way, and Secrets take a minute to reach them. */
const WITHIN_MS = 180_000;
const STEP_MS = 30_000;

/** Somebody with an account, at a program that speaks to the ingress. */
export interface PersonAtProgram {
  user: string;
  email: string;
  /** Of the authenticator app, in base32, where the account has one. */
  authenticator?: string;
}

/** Once the registration is answered; a code is asked for once a try. */
export async function signUp(url: string, name: string, findCode: FindCode): Promise<PersonAtProgram> {
  const email = `${name.toLowerCase()}.${v7()}@example.org`;
  const { user } = await waitUntil(`${name} to have an account`, WITHIN_MS, () =>
    signUpAt(url, { email, password: PASSWORD, name }, findCode),
  );
  return { user, email };
}

/** POST /v1/token with what is given. */
export function requestTokens(url: string, { email }: PersonAtProgram, code?: string): Promise<Response> {
  return call(url, 'POST', '/v1/token', { body: { email, password: PASSWORD, ...(code === undefined ? {} : { code }) } });
}

/** Logs in, with the code of this moment where the account wants one. */
export function logIn(url: string, person: PersonAtProgram): Promise<IssuedTokensReply> {
  return waitUntil(`${person.email} to be logged in`, WITHIN_MS, async () => {
    const step = presentStep();
    const code = person.authenticator === undefined ? undefined : totpCode(person.authenticator, step);
    const answer = await requestTokens(url, person, code);
    // Another try with the same code would count as a guess.
    if (!answer.ok && code !== undefined) await delay((step + 1) * STEP_MS - Date.now());
    return expectStatus<IssuedTokensReply>(answer, 200);
  });
}

/** Turns the second factor on. Resolves when another code than the one that was used now is the present one. */
export async function addAuthenticator(url: string, person: PersonAtProgram, token: string): Promise<PersonAtProgram> {
  const { secret } = await expectStatus<TotpReply>(
    await call(url, 'POST', '/v1/account/totp', { token, body: { password: PASSWORD } }),
    200,
  );
  const used = presentStep();
  const body = { code: totpCode(secret, used) };
  await expectStatus<RecoveryCodesReply>(await call(url, 'POST', '/v1/account/totp/confirm', { token, body }), 200);
  await delay((used + 1) * STEP_MS - Date.now());
  return { ...person, authenticator: secret };
}

/** Makes a group of one's own, or with others. */
export async function createGroup(url: string, token: string, name: string, participants: string[] = []): Promise<string> {
  const headers = { 'idempotency-key': v7() };
  const reply = await waitUntil('a group', WITHIN_MS, async () => {
    const answer = await call(url, 'POST', '/v1/conversations', { token, headers, body: { name, participants } });
    return answer.ok && ((await answer.json()) as CommandReply);
  });
  return reply.id;
}

/** Posts until it is done; a repetition of what was done already changes nothing. */
export function post(url: string, token: string, conversation: string, body: string): Promise<PostReply> {
  const client = v7();
  return waitUntil(`"${body}" to be posted`, WITHIN_MS, async () => {
    const answer = await call(url, 'POST', `/v1/conversations/${conversation}/messages`, { token, body: { client, body } });
    return answer.ok && ((await answer.json()) as PostReply);
  });
}

/** The texts of a conversation, oldest first, once there are so many. */
export async function readTexts(url: string, token: string, conversation: string, count: number): Promise<string[]> {
  return waitUntil(`${count} messages`, WITHIN_MS, async () => {
    const answer = await call(url, 'GET', `/v1/conversations/${conversation}/messages?limit=200`, { token });
    const { messages } = await expectStatus<HistoryReply>(answer, 200);
    return messages.length >= count && messages.map(({ body }) => body);
  });
}

async function expectStatus<T>(answer: Response, status: number): Promise<T> {
  if (answer.status !== status) throw new Error(`${new URL(answer.url).pathname} was answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}
