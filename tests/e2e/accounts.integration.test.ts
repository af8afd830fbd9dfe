import type { CreatedInviteReply } from '@starling/contracts/http';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arriveAt, closeAccount, fillIn, logOut, openAccount, presentStep, press, totpCode, wrongCode } from './account-pages.ts';
import { type AccountsWorld, startAccountsWorld } from './accounts-world.ts';
import { type Browser, launchBrowser } from './browser.ts';
import { PersonAtBrowser } from './person-at-browser.ts';

const PASSWORD = 'the password that comes first';
const NEW_PASSWORD = 'the password that comes later';
const EMAIL = 'ann@example.org';
const NEW_EMAIL = 'ann.other@example.org';

/** The first to come owns the installation; all others need an invite. */
describe('accounts, with a mail server and a provider for sign-on', () => {
  let world: AccountsWorld;
  let mail: AccountsWorld['mail'];
  let provider: AccountsWorld['provider'];
  let url: string;
  let browser: Browser;
  const people: PersonAtBrowser[] = [];
  let ann: PersonAtBrowser;
  let invite: string;
  let recoveryCodes: string[];
  /** Someone whose registration waits for its code. */
  let waiting: { person: PersonAtBrowser; code: string };

  beforeAll(async () => {
    [world, browser] = await Promise.all([
      startAccountsWorld({
        ann: { email: NEW_EMAIL, email_verified: true, name: 'Ann Other' },
        cleo: { email: 'cleo@example.org', email_verified: true, name: 'Cleo' },
      }),
      launchBrowser(),
    ]);
    ({ mail, provider } = world);
    ({ url } = world.starling);
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await world?.remove();
  }, 60_000);

  /** Somebody at a computer of their own. */
  async function arrive(name: string): Promise<PersonAtBrowser> {
    const person = new PersonAtBrowser(name, await (await browser.newContext()).newPage());
    people.push(person);
    // Below that of a test, so that what is not there is named.
    person.page.setDefaultTimeout(15_000);
    await person.page.goto(url);
    return person;
  }

  async function mailedCode(email: string, before?: string): Promise<string> {
    const codeOf = (text: string) => /^ {4}(\d{6})$/m.exec(text)?.[1];
    const { text } = await mail.waitFor(email, (each) => ![undefined, before].includes(codeOf(each.text)));
    return codeOf(text) ?? '';
  }

  async function register({ page, name }: PersonAtBrowser, email: string): Promise<void> {
    await fillIn(page, { 'Your name': name, Email: email, Password: PASSWORD }, 'Create account');
    await arriveAt(page, 'Confirm your email');
    await page.getByText(`We have sent a code to ${email}.`).waitFor();
  }

  async function logIn(page: Page): Promise<void> {
    await fillIn(page, { Email: NEW_EMAIL, Password: NEW_PASSWORD }, 'Log in');
  }

  async function enterRecoveryCode(page: Page): Promise<void> {
    await arriveAt(page, 'One more step');
    await press(page, 'Use a recovery code instead');
    await fillIn(page, { 'Recovery code': recoveryCodes.pop() ?? '' }, 'Log in');
  }

  it('are made with the code that was mailed, and with no other', async () => {
    ann = await arrive('Ann');
    await press(ann.page, 'Create an account instead');
    await register(ann, EMAIL);
    // Only the mail has it.
    expect(await ann.page.getByText(/\d{6}/).count()).toBe(0);
    const code = await mailedCode(EMAIL);
    await fillIn(ann.page, { Code: wrongCode(code) }, 'Confirm');
    await ann.page.getByText('The code is wrong.').waitFor();
    await fillIn(ann.page, { Code: code }, 'Confirm');
    await ann.waitLive();
  });

  it('are made by invite alone from then on', async () => {
    const bea = await arrive('Bea');
    await bea.page.getByText('To register here, you need an invite link.').waitFor();
    expect(await bea.page.getByRole('button', { name: 'Create an account instead' }).count()).toBe(0);
    const reply = await ann.page.request.post(`${url}/v1/admin/invites`, {
      data: { role: 'member', uses: 2, expiresAt: Date.now() + 3_600_000 },
      headers: { origin: url, 'x-starling-request': '1' },
    });
    expect(reply.status()).toBe(201);
    invite = ((await reply.json()) as CreatedInviteReply).link;
    await bea.page.goto(invite);
    await arriveAt(bea.page, 'Create your account');
    // Whoever looks over the shoulder, or into the history, gets no invite.
    expect(bea.page.url()).toBe(`${url}/invite`);
    await register(bea, 'bea@example.org');
    waiting = { person: bea, code: await mailedCode('bea@example.org') };
  });

  it('are got back with the link that was mailed, once', async () => {
    const { page } = ann;
    await logOut(page);
    await press(page, 'Forgot password?');
    await arriveAt(page, 'Forgot your password?');
    await fillIn(page, { Email: EMAIL }, 'Send link');
    await page.getByRole('status').getByText(`If there is an account with ${EMAIL}, a link to set a new password is on its way`).waitFor();
    const { text } = await mail.waitFor(EMAIL, ({ subject }) => subject === 'A new password');
    const link = /http:\S+/.exec(text)?.[0] ?? '';
    await page.goto(link);
    await arriveAt(page, 'Set a new password');
    expect(page.url()).toBe(`${url}/reset`);
    await fillIn(page, { 'New password': NEW_PASSWORD }, 'Set password');
    await page.getByRole('status').getByText('Your new password is set. Log in with it.').waitFor();
    await fillIn(page, { Email: EMAIL, Password: PASSWORD }, 'Log in');
    await page.getByText('Email or password is wrong.').waitFor();
    await fillIn(page, { Password: NEW_PASSWORD }, 'Log in');
    await ann.waitLive();
    await page.goto(link);
    await fillIn(page, { 'New password': PASSWORD }, 'Set password');
    await page.getByText('The link is not valid any more').waitFor();
    await press(page, 'Back to log in');
    await ann.waitLive();
  });

  it('get another address with the code that was mailed there', async () => {
    const dialog = await openAccount(ann.page);
    await press(dialog, 'Change email');
    await fillIn(dialog, { 'New email': NEW_EMAIL, 'Present password': NEW_PASSWORD }, 'Send code');
    await dialog.getByText(`We have sent a code to ${NEW_EMAIL}.`).waitFor();
    await fillIn(dialog, { Code: await mailedCode(NEW_EMAIL) }, 'Confirm');
    await dialog.getByRole('status').getByText(`Your email address is ${NEW_EMAIL} now.`).waitFor();
    await dialog.getByText(`${NEW_EMAIL} (owner)`).waitFor();
    await closeAccount(dialog);
    await mail.waitFor(EMAIL, ({ subject }) => subject === 'Your account has another email address');
  });

  it('show where one is logged in; a browser whose session is ended says so', async () => {
    const elsewhere = await arrive('Ann');
    await logIn(elsewhere.page);
    await elsewhere.waitLive();
    const dialog = await openAccount(ann.page);
    const sessions = dialog.getByRole('list', { name: 'Sessions' }).getByRole('listitem');
    expect(await sessions.count()).toBe(2);
    await sessions.filter({ hasNotText: 'This one' }).getByRole('button', { name: /^End / }).click();
    await arriveAt(elsewhere.page, 'Log in');
    await elsewhere.page.getByRole('alert').getByText('Your session has ended.').waitFor();
    await sessions.nth(1).waitFor({ state: 'detached' });
    await sessions.getByText('This one').waitFor();
    await closeAccount(dialog);
    await ann.page.reload();
    await ann.waitLive();
  });

  it('want a code of the authenticator app once it is set up, or a recovery code', async () => {
    const { page } = ann;
    const dialog = await openAccount(page);
    await press(dialog, 'Set up an authenticator app');
    await fillIn(dialog, { 'Present password': NEW_PASSWORD }, 'Go on');
    await dialog.getByRole('img', { name: 'QR code for your authenticator app' }).waitFor();
    const secret = (await dialog.getByText(/^[A-Z2-7]{4}( [A-Z2-7]{1,4})+$/).textContent()) ?? '';
    const step = presentStep();
    await fillIn(dialog, { Code: totpCode(secret, step) }, 'Turn on');
    const codes = dialog.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem');
    await codes.first().waitFor();
    recoveryCodes = await codes.allInnerTexts();
    expect(recoveryCodes).toHaveLength(10);
    // They are shown this once: a slip does not close them.
    await page.keyboard.press('Escape');
    await press(dialog, 'I have kept them');
    await dialog.getByRole('status').getByText('From now on, a log-in wants a code of your app too.').waitFor();
    await closeAccount(dialog);

    await logOut(page);
    await logIn(page);
    await arriveAt(page, 'One more step');
    // Each code is good once, and clocks may differ by a step.
    await fillIn(page, { Code: totpCode(secret, step) }, 'Log in');
    await page.getByText('The code is wrong.').waitFor();
    await fillIn(page, { Code: totpCode(secret, Math.max(step + 1, presentStep())) }, 'Log in');
    await ann.waitLive();

    await logOut(page);
    await logIn(page);
    await enterRecoveryCode(page);
    await ann.waitLive();
    const again = await openAccount(page);
    await again.getByText('9 recovery codes are left.').waitFor();
    await closeAccount(again);
  });

  it('are entered with a passkey, and no more when that is removed', async () => {
    const { page } = ann;
    const devTools = await page.context().newCDPSession(page);
    await devTools.send('WebAuthn.enable');
    await devTools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    const dialog = await openAccount(page);
    await press(dialog, 'Add a passkey');
    await fillIn(dialog, { Name: 'The laptop', 'Present password': NEW_PASSWORD }, 'Make passkey');
    await dialog.getByRole('status').getByText('The passkey “The laptop” is added.').waitFor();
    await dialog.getByRole('list', { name: 'Passkeys' }).getByText('The laptop').waitFor();
    await closeAccount(dialog);
    await logOut(page);
    await press(page, 'Use a passkey');
    // It is both factors: no code is asked for.
    await ann.waitLive();
    const again = await openAccount(page);
    await press(again, 'Remove The laptop');
    await press(again, 'Remove now');
    await again.getByText('You have none.').waitFor();
    await closeAccount(again);
    await logOut(page);
    await press(page, 'Use a passkey');
    await page.getByRole('alert').getByText('The passkey was not accepted.').waitFor();
  });

  it('are connected with a provider by their password, which signs one on from then on', async () => {
    const { page } = ann;
    provider.person = 'ann';
    await page.getByRole('link', { name: 'Continue with Example Corp' }).click();
    await arriveAt(page, 'Connect your account');
    await page.getByText(`There is an account with ${NEW_EMAIL} already.`).waitFor();
    await fillIn(page, { Password: PASSWORD }, 'Connect and log in');
    await page.getByText('The password is wrong.').waitFor();
    await fillIn(page, { Password: NEW_PASSWORD }, 'Connect and log in');
    await enterRecoveryCode(page);
    await ann.waitLive();
    await logOut(page);
    await page.getByRole('link', { name: 'Continue with Example Corp' }).click();
    await enterRecoveryCode(page);
    await ann.waitLive();
  });

  it('are made by a provider’s word for who has an invite, and for nobody else', async () => {
    const cleo = await arrive('Cleo');
    provider.person = 'cleo';
    await cleo.page.getByRole('link', { name: 'Continue with Example Corp' }).click();
    await cleo.page.getByRole('alert').getByText('The sign-on was not accepted.').waitFor();
    await cleo.page.goto(invite);
    await cleo.page.getByRole('link', { name: 'Continue with Example Corp' }).click();
    await cleo.waitLive();
    const dialog = await openAccount(cleo.page);
    await dialog.getByText('cleo@example.org (member)').waitFor();
    await dialog.getByText('You have none. What changes your account asks for it, so set one first.').waitFor();
  });

  // The last: codes to one address are a minute apart, which all the others have filled.
  it('are made with the latest code that was mailed, in place of those before', { timeout: 90_000 }, async () => {
    const { person, code } = waiting;
    await person.page.getByRole('button', { name: 'Send a new code' }).click({ timeout: 75_000 });
    await person.page.getByRole('status').getByText('This is code number 2: those from before are void.').waitFor();
    const latest = await mailedCode('bea@example.org', code);
    await fillIn(person.page, { Code: code }, 'Confirm');
    await person.page.getByText('The code is wrong.').waitFor();
    await fillIn(person.page, { Code: latest }, 'Confirm');
    await person.waitLive();
    for (const each of people) each.expectNoErrors();
  });
});
