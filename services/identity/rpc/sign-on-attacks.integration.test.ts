import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { problemOf } from '../test-identity.ts';
import { startTestSignOn, type TestSignOn } from './test-sign-on.ts';

let world: TestSignOn;

beforeAll(async () => {
  world = await startTestSignOn();
  // Ann has an account, which the attacks are after.
  await world.identity.signOn.finishSignOn(await world.comeBack());
});

afterEach(() => {
  world.one.lies = {};
});

afterAll(() => world.stop());

function finish(back: { flow: string; callbackUrl: string }): Promise<string> {
  return problemOf(world.identity.signOn.finishSignOn(back));
}

function withParameters(callbackUrl: string, changes: Record<string, string | undefined>): string {
  const url = new URL(callbackUrl);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.href;
}

const parameter = (callbackUrl: string, name: string) => new URL(callbackUrl).searchParams.get(name) ?? '';

test('what an attacker began does not end in another browser, and no code of it is presented', async () => {
  const [attacker, victim] = [await world.comeBack(), await world.comeBack()];
  const { codesPresented } = world.one;
  expect(await finish({ flow: victim.flow, callbackUrl: attacker.callbackUrl })).toBe('sign-on-refused');
  for (const flow of ['', 'x', attacker.flow.slice(1)])
    expect(await finish({ flow, callbackUrl: attacker.callbackUrl })).toBe('sign-on-refused');
  expect(world.one.codesPresented).toBe(codesPresented);
});

test('a state that is missing, or there twice, is refused', async () => {
  const { codesPresented } = world.one;
  const missing = await world.comeBack();
  expect(await finish({ ...missing, callbackUrl: withParameters(missing.callbackUrl, { state: undefined }) })).toBe('sign-on-refused');
  const twice = await world.comeBack();
  expect(await finish({ ...twice, callbackUrl: `${twice.callbackUrl}&state=other` })).toBe('sign-on-refused');
  expect(world.one.codesPresented).toBe(codesPresented);
});

test('a stolen code does not do in a flow of the thief', async () => {
  const victim = await world.comeBack();
  const thief = await world.comeBack();
  const injected = withParameters(thief.callbackUrl, { code: parameter(victim.callbackUrl, 'code') });
  expect(await finish({ flow: thief.flow, callbackUrl: injected })).toBe('sign-on-refused');
});

test('a code that was used is not taken again in a new flow', async () => {
  const used = await world.comeBack();
  expect(await finish(used)).toBe('no refusal, but undefined');
  const next = await world.comeBack();
  const replayed = withParameters(next.callbackUrl, { code: parameter(used.callbackUrl, 'code') });
  expect(await finish({ flow: next.flow, callbackUrl: replayed })).toBe('sign-on-refused');
});

test('a flow is answered once, by two at once too, and however it is written', async () => {
  const back = await world.comeBack();
  const { codesPresented } = world.one;
  const outcomes = await Promise.all([finish(back), finish(back), finish({ ...back, flow: `${back.flow}=` })]);
  expect(outcomes.sort()).toEqual(['no refusal, but undefined', 'sign-on-refused', 'sign-on-refused']);
  expect(await finish(back)).toBe('sign-on-refused');
  expect(world.one.codesPresented).toBe(codesPresented + 1);
});

test('a flow ends after ten minutes', async () => {
  const back = await world.comeBack();
  world.clock.advance(10 * 60_000);
  expect(await finish(back)).toBe('sign-on-refused');
});

test('a provider mixed up with another is refused before its code is presented', async () => {
  const honest = await world.comeBack({ provider: 'two' });
  const begun = await world.comeBack({ provider: 'one' });
  const { codesPresented } = world.one;
  const swapped = withParameters(honest.callbackUrl, { state: parameter(begun.callbackUrl, 'state') });
  expect(await finish({ flow: begun.flow, callbackUrl: swapped })).toBe('sign-on-refused');
  const other = await world.comeBack({ provider: 'one' });
  const unnamed = withParameters(honest.callbackUrl, { state: parameter(other.callbackUrl, 'state'), iss: undefined });
  expect(await finish({ flow: other.flow, callbackUrl: unnamed })).toBe('sign-on-refused');
  expect(world.one.codesPresented).toBe(codesPresented);
});

test.each([
  'https://chat.example.org.evil.example/v1/sign-on/corp/callback',
  'http://chat.example.org/v1/sign-on/corp/callback',
  'https://chat.example.org/v1/sign-on/corp/callback/',
  'https://chat.example.org/elsewhere',
])('an answer at %s is refused before its code is presented', async (address) => {
  const back = await world.comeBack();
  const { codesPresented } = world.one;
  expect(await finish({ ...back, callbackUrl: address + new URL(back.callbackUrl).search })).toBe('sign-on-refused');
  expect(world.one.codesPresented).toBe(codesPresented);
});

const ID_TOKENS: Record<string, TestSignOn['one']['lies']> = {
  'with another nonce': { idToken: (claims) => ({ ...claims, nonce: 'of another sign-on' }) },
  'without nonce': { idToken: ({ nonce: _nonce, ...claims }) => claims },
  'for another client': { idToken: (claims) => ({ ...claims, aud: 'another-client' }) },
  'for several, issued to another': { idToken: (claims) => ({ ...claims, aud: [claims['aud'], 'other'], azp: 'other' }) },
  'of another issuer': { idToken: (claims) => ({ ...claims, iss: 'https://accounts.example.org' }) },
  'that has expired': { idToken: (claims) => ({ ...claims, exp: Math.floor(Date.now() / 1000) - 60 }) },
  'without expiry': { idToken: ({ exp: _exp, ...claims }) => claims },
  'without subject': { idToken: ({ sub: _sub, ...claims }) => claims },
  'signed by somebody else': { foreignKey: true },
  'that is not signed': { unsigned: true },
};

test.each(Object.entries(ID_TOKENS))('an ID token %s is refused', async (_name, lies) => {
  world.one.lies = lies;
  expect(await finish(await world.comeBack())).toBe('sign-on-refused');
});

test('a lie that changes nothing is believed, so that it is the lies above that are refused', async () => {
  world.one.lies = { idToken: (claims) => ({ ...claims, more: 1 }) };
  expect(await finish(await world.comeBack())).toBe('no refusal, but undefined');
});

test.each([false, 'true', 1, undefined])('an email whose verification is %j is nobody’s', async (verified) => {
  const account = await world.identity.makeAccount();
  world.one.people['mallory'] = { email: account.email, ...(verified === undefined ? {} : { email_verified: verified }), name: 'M' };
  expect(await finish(await world.comeBack({ person: 'mallory' }))).toBe('sign-on-refused');
  world.one.people['newcomer'] = { email: 'newcomer@example.org', email_verified: verified };
  expect(await finish(await world.comeBack({ person: 'newcomer' }))).toBe('sign-on-refused');
});

test.each(['', 'no address', 'a@b\n@c', undefined, 7])('%j is no email', async (email) => {
  world.one.people['odd'] = { email: email as string, email_verified: true };
  expect(await finish(await world.comeBack({ person: 'odd' }))).toBe('sign-on-refused');
});

test('the same subject at another provider is somebody else', async () => {
  world.two.people['ann'] = { email: 'another.ann@example.org', email_verified: true };
  const { result } = await world.identity.signOn.finishSignOn(await world.comeBack({ provider: 'two' }));
  const { result: anns } = await world.identity.signOn.finishSignOn(await world.comeBack());
  if (result.case !== 'begun' || anns.case !== 'begun') throw new Error(`the sign-ons ended as ${result.case} and ${anns.case}`);
  expect(result.value.user).not.toBe(anns.value.user);
});

test('neither codes nor flows nor addresses are logged, but why a sign-on was refused', () => {
  const text = world.identity.world.logLines.join('');
  expect(text).toContain('a sign-on was refused');
  expect(text).toContain('unexpected \\"state\\"');
  expect(text).not.toContain('code=');
  expect(text.toLowerCase()).not.toContain('@example.org');
});
