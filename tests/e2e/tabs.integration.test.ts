import { type StarlingProcess, startStarlingProcess } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, launchBrowser } from './browser.ts';
import { PersonAtBrowser } from './person-at-browser.ts';

/** What one person sees in several tabs, after a reload, and when something goes wrong. */
describe('tabs of a browser', () => {
  let starling: StarlingProcess;
  let browser: Browser;

  beforeAll(async () => {
    [starling, browser] = await Promise.all([startStarlingProcess(), launchBrowser()]);
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await starling?.remove();
  }, 60_000);

  async function signUp(name: string, context?: BrowserContext): Promise<PersonAtBrowser> {
    return PersonAtBrowser.signUp(context ?? (await browser.newContext()), starling.url, name);
  }

  async function openTab(person: PersonAtBrowser): Promise<PersonAtBrowser> {
    const tab = new PersonAtBrowser(person.name, await person.page.context().newPage());
    await tab.page.goto(starling.url);
    await tab.waitLive();
    return tab;
  }

  /** Does not wait until it is tried again by itself; if that is just happening, there is no button any more. */
  async function reconnect(person: PersonAtBrowser): Promise<void> {
    await person.page
      .getByRole('button', { name: 'Try now' })
      .click({ timeout: 2_000 })
      .catch(() => {});
    await person.waitLive();
  }

  function heading(page: Page, name: string) {
    return page.getByRole('heading', { name, exact: true });
  }

  async function focusedIs(page: Page, name: string): Promise<void> {
    await waitFor(async () => (await page.evaluate(() => document.activeElement?.outerHTML ?? '')).includes(name), {
      describe: `the focus to be on ${name}`,
    });
  }

  it('log out together, and none acts for who logs in in another', async () => {
    const bob = await signUp('Bob');
    const tab = await openTab(bob);
    await bob.page.getByRole('button', { name: 'Log out' }).click();
    await heading(tab.page, 'Log in').waitFor();
    await tab.page.getByText('Your session has ended.').waitFor();
    await signUp('Carl', bob.page.context());
    await tab.page.getByText('Somebody else has logged in, in another tab.').waitFor();
  });

  it('notice by themselves that the session is not theirs, when no tab tells them', async () => {
    const dora = await signUp('Dora');
    await signUp('Dorian');
    const context = dora.page.context();
    // Not a tab: another hand on the same cookie.
    const login = { email: 'dorian@example.org', password: 'correct horse battery' };
    const ownPage = { origin: new URL(starling.url).origin, 'x-starling-request': '1' };
    await context.request.post(`${starling.url}/v1/sessions`, { data: login, headers: ownPage });
    await dora.page.getByRole('searchbox', { name: 'Find people' }).fill('dor');
    await dora.page.getByText('Somebody else has logged in, in another tab.').waitFor();
    const ela = await signUp('Ela');
    await ela.page.context().request.delete(`${starling.url}/v1/sessions/current`, { headers: ownPage });
    await ela.page.getByRole('searchbox', { name: 'Find people' }).fill('dor');
    await ela.page.getByText('Your session has ended.').waitFor();
  });

  it('stay at the end of the messages when the window gets narrower', async () => {
    const [jan, kim] = [await signUp('Jan'), await signUp('Kim')];
    await jan.openPrivate('Kim');
    for (let number = 0; number < 60; number++) await jan.send(`${number} ${'and so on '.repeat(((number * 7) % 23) + 1)}`);
    await kim.openFromList('Jan');
    const log = kim.page.getByRole('log', { name: 'Messages' });
    await log.getByText('59 and so on').waitFor();
    const below = () => log.evaluate((list) => Math.round(list.scrollHeight - list.scrollTop - list.clientHeight));
    await waitFor(async () => (await below()) <= 1, { describe: 'the list to be at its end' });
    for (const [width, height] of [
      [360, 640],
      [1100, 750],
      [700, 750],
      [360, 640],
    ] as const) {
      await kim.page.setViewportSize({ width, height });
      // What moves the list is over after some frames without a change.
      await kim.page.evaluate(async () => {
        for (let frame = 0; frame < 30; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
      });
      expect([width, await below()]).toEqual([width, expect.toSatisfy((pixels: number) => pixels <= 1)]);
    }
    // The reader can still leave the end.
    await log.hover();
    await kim.page.mouse.wheel(0, -600);
    await waitFor(async () => (await below()) > 300, { describe: 'the list to be away from its end' });
    await kim.page.getByRole('button', { name: 'Newest messages' }).waitFor();
  });

  it('give the focus a place, at a desk and on a phone', async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(starling.url);
    await focusedIs(page, 'name="email"');
    await page.getByLabel('Password').fill('something');
    await page.getByRole('button', { name: 'Create an account instead' }).click();
    await focusedIs(page, 'name="name"');
    expect(await page.getByLabel('Password').inputValue()).toBe('');
    await page.getByRole('button', { name: 'Create account' }).click();
    for (const sentence of ['Enter a name of up to 80 characters', 'Enter an email address', 'Use 10 to 128 characters']) {
      await page.getByText(sentence).waitFor();
    }
    await focusedIs(page, 'name="name"');
    const lea = await signUp('Lea');
    await focusedIs(lea.page, 'type="search"');
    await signUp('Mia');
    await lea.openPrivate('Mia');
    await focusedIs(lea.page, 'textarea');
    await lea.openPrivate('Mia');
    await focusedIs(lea.page, 'textarea');
    await lea.page.setViewportSize({ width: 360, height: 700 });
    await lea.page.getByRole('link', { name: 'Back to conversations' }).click();
    await focusedIs(lea.page, 'conversation-entry');
  });

  it('make no group by mistake, and remove nobody by mistake', async () => {
    const [nia, oli] = [await signUp('Nia'), await signUp('Oli')];
    await nia.page.getByRole('button', { name: 'New group' }).click();
    const dialog = nia.page.getByRole('dialog');
    await dialog.getByLabel('Group name').fill('Finches');
    await nia.page.keyboard.press('Enter');
    await focusedIs(nia.page, 'type="search"');
    await nia.page.keyboard.type('Oli');
    await dialog.getByRole('button', { name: 'Oli' }).waitFor();
    await nia.page.keyboard.press('Enter');
    await dialog.getByRole('button', { name: 'Create group' }).click();
    await heading(nia.page, 'Finches').waitFor();
    await nia.page.getByRole('button', { name: 'Group details' }).click();
    await nia.page.getByRole('button', { name: 'Remove Oli' }).click();
    await focusedIs(nia.page, 'Keep');
    await nia.page.getByRole('button', { name: 'Keep' }).click();
    await focusedIs(nia.page, 'Remove Oli');
    await nia.page.keyboard.press('Enter');
    await nia.page.getByRole('button', { name: 'Remove now' }).click();
    await nia.page.getByRole('heading', { name: '1 member' }).waitFor();
    await waitFor(async () => (await oli.page.getByRole('link', { name: 'Finches' }).count()) === 0, { describe: 'Oli to be out' });
  });

  it('say that there is no such page', async () => {
    const pia = await signUp('Pia');
    for (const path of ['/c/not-an-id', '/nowhere']) {
      await pia.page.goto(starling.url + path);
      await heading(pia.page, 'There is no such page').waitFor();
    }
    await pia.page.getByRole('link', { name: 'Go to your conversations' }).click();
    await pia.page.getByText('Choose a conversation').waitFor();
    pia.expectNoErrors();
  });

  it('keep drafts and what is on its way over a reload, and tell what is new', async () => {
    const [fay, gil] = [await signUp('Fay'), await signUp('Gil')];
    expect(await fay.page.title()).toBe('Starling');
    await fay.openPrivate('Gil');
    await fay.send('first');
    const entry = gil.page.getByRole('navigation', { name: 'Conversations' }).getByRole('link', { name: 'Fay' });
    await entry.getByText('new messages').waitFor();
    await waitFor(async () => (await gil.page.title()) === '(1) Starling', { describe: 'the title to count it' });
    await entry.click();
    await waitFor(async () => (await gil.page.title()) === 'Fay · Starling', { describe: 'the title to count nothing' });
    await waitFor(async () => (await entry.getByText('new messages').count()) === 0, { describe: 'nothing to be new' });

    await fay.page.context().setOffline(true);
    await starling.kill();
    const text = '  indented\n\n  and more';
    const composer = fay.page.getByRole('textbox', { name: 'Message' });
    await composer.fill(`${text}\n\n \n`);
    await fay.page.keyboard.press('Enter');
    await composer.fill('not finished');
    await fay.page.getByText('Waiting for the connection…').waitFor();
    await fay.page.getByRole('main').getByRole('button', { name: 'Try now' }).waitFor();
    await starling.restart();
    // Offline, it could send nothing: it is closed as it is, and another page is opened.
    const context = fay.page.context();
    await fay.page.close();
    await context.setOffline(false);
    const again = new PersonAtBrowser('Fay', await context.newPage());
    await again.page.goto(starling.url);
    await again.waitLive();
    await again.openFromList('Gil');
    expect(await again.page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('not finished');
    await reconnect(gil);
    const arrived = gil.page.getByRole('log', { name: 'Messages' }).locator('.body').nth(1);
    await arrived.waitFor();
    expect(await arrived.textContent()).toBe(text);
    await waitFor(async () => (await again.page.locator('article[data-state]').count()) === 0, {
      describe: 'no message to be on its way',
    });
    expect(await again.page.getByRole('log', { name: 'Messages' }).locator('.body').allTextContents()).toEqual(['first', text]);
    expect(await again.page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('/send/')))).toEqual([]);
  }, 90_000);

  it('ask before messages that are not sent are given up', async () => {
    const [hal, ina] = [await signUp('Hal'), await signUp('Ina')];
    await hal.openPrivate('Ina');
    await starling.kill();
    await hal.send('unsent');
    await hal.page.getByText('Waiting for the connection…').waitFor();
    await hal.page.getByRole('button', { name: 'Log out' }).click();
    const dialog = hal.page.getByRole('dialog', { name: 'Log out?' });
    await dialog.getByText('One message is not sent yet.').waitFor();
    await dialog.getByRole('button', { name: 'Stay' }).click();
    await starling.restart();
    for (const person of [hal, ina]) await reconnect(person);
    await ina.openFromList('Hal');
    await ina.page.getByRole('log', { name: 'Messages' }).getByText('unsent').waitFor();
    await hal.page.getByRole('button', { name: 'Log out' }).click();
    await heading(hal.page, 'Log in').waitFor();
    expect(await hal.page.evaluate(() => Object.keys(localStorage).filter((key) => !key.includes('/seen/')))).toEqual([]);
  }, 90_000);
});
