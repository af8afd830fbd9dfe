import { writeFile } from 'node:fs/promises';
import { startStarlingProcess } from '@starling/testing/starling';
import type { BrowserContext, Page } from 'playwright-core';
import { type Browser, launchBrowser } from '../../tests/e2e/browser.ts';

/**
 * Takes `client.png`, the picture of the README, from the product as it runs: three people sign up, make two groups and
 * talk. Only the times are set back, so that what takes seconds here looks like a morning.
 */

const FILE = new URL('client.png', import.meta.url);
const SIZE = { width: 1200, height: 750 };
/** What the clock of the picture shows, in hours. */
const HOUR = 10;
const MINUTE_MS = 60_000;

interface Line {
  by: 'Mira Olsen' | 'Jonas Weber' | 'Amara Diallo';
  text: string;
  /** How long before the picture it was written, minutes. */
  ago: number;
}

const RELEASE: Line[] = [
  { by: 'Jonas Weber', text: 'Morning! Staging has been on 2.4 since last night.', ago: 34 },
  { by: 'Jonas Weber', text: 'Importing 80,000 contacts took 41 seconds. With 2.3 it was six minutes.', ago: 33 },
  { by: 'Amara Diallo', text: 'Oh, that is a lot better than I had hoped.', ago: 29 },
  { by: 'Amara Diallo', text: 'Did the names with accents survive this time?', ago: 29 },
  { by: 'Jonas Weber', text: 'All of them: Zoë, Łukasz, Søren, Nguyễn. I compared both exports.', ago: 27 },
  { by: 'Mira Olsen', text: 'Lovely. Then we go at 14:00, as planned?', ago: 12 },
  {
    by: 'Amara Diallo',
    text: 'Yes. The notes are at https://wiki.example.org/release-2.4, please read the part on sign-in once more.',
    ago: 9,
  },
  { by: 'Mira Olsen', text: 'Read it, nothing to add. I tell support right away.', ago: 4 },
  { by: 'Jonas Weber', text: 'And I bring cake.', ago: 2 },
];
const LUNCH: Line[] = [
  { by: 'Amara Diallo', text: 'Soup or dumplings today?', ago: 52 },
  { by: 'Jonas Weber', text: 'Dumplings. Always dumplings.', ago: 49 },
];
const PRIVATE: Line[] = [
  { by: 'Amara Diallo', text: 'Do you have ten minutes before the release?', ago: 18 },
  { by: 'Mira Olsen', text: 'Sure, 13:30 at your desk?', ago: 16 },
  { by: 'Amara Diallo', text: 'Perfect, see you there.', ago: 15 },
];

type People = Map<string, Page>;

async function signUp(context: BrowserContext, url: string, name: string): Promise<Page> {
  const page = await context.newPage();
  await page.setViewportSize(SIZE);
  await page.goto(url);
  await page.getByRole('button', { name: 'Create an account instead' }).click();
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Email').fill(`${name.split(' ')[0]?.toLowerCase()}@example.org`);
  await page.getByLabel('Password').fill('correct horse battery');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByText(/^\d{6}$/).waitFor();
  await page.getByRole('button', { name: 'Confirm' }).click();
  await waitLive(page);
  return page;
}

async function waitLive(page: Page): Promise<void> {
  await page.getByRole('status').getByText('Connected', { exact: true }).waitFor();
}

async function makeGroup(page: Page, title: string, others: string[]): Promise<void> {
  await page.getByRole('button', { name: 'New group' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Group name').fill(title);
  for (const name of others) {
    await dialog.getByRole('searchbox').fill(name);
    await dialog.getByRole('list', { name: 'People found' }).getByRole('button', { name }).click();
  }
  await dialog.getByRole('button', { name: 'Create group' }).click();
  await page.getByRole('heading', { name: title, level: 2 }).waitFor();
}

async function openPrivate(page: Page, other: string): Promise<void> {
  await page.getByRole('searchbox', { name: 'Find people' }).fill(other);
  await page.getByRole('list', { name: 'People found' }).getByRole('button', { name: other }).click();
  await page.getByRole('heading', { name: other, level: 2 }).waitFor();
}

async function openFromList(page: Page, title: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Conversations' }).getByRole('link', { name: title }).click();
  await page.getByRole('heading', { name: title, level: 2 }).waitFor();
}

/** Each line is written by its author and awaited by the one who watches, so that they stand in this order. */
async function talk(people: People, watching: Page, titleFor: (name: string) => string, lines: Line[]): Promise<void> {
  for (const { by, text } of lines) {
    const page = people.get(by) as Page;
    await openFromList(page, titleFor(by));
    await page.getByRole('textbox', { name: 'Message' }).fill(text);
    await page.keyboard.press('Enter');
    await watching.getByRole('log', { name: 'Messages' }).getByText(text.slice(0, 30)).waitFor();
  }
}

/** A zone in which it is now between 10 and 11 in the morning. */
function morningZone(): string {
  const west = ((((new Date().getUTCHours() - HOUR + 12) % 24) + 24) % 24) - 12;
  return west === 0 ? 'Etc/GMT' : `Etc/GMT${west > 0 ? '+' : '-'}${Math.abs(west)}`;
}

/** Lets the page see the messages at the times that their lines name. */
async function setTimesBack(page: Page, lines: Line[]): Promise<void> {
  const now = Date.now();
  const times = new Map(lines.map(({ text, ago }) => [text, now - ago * MINUTE_MS]));
  const setBack = (_key: string, value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if ('body' in value && 'at' in value) return { ...value, at: times.get(String(value.body)) ?? value.at };
    if ('lastMessage' in value && value.lastMessage !== null) {
      const { body } = value.lastMessage as { body: string };
      return { ...value, lastAt: times.get(body) };
    }
    return value;
  };
  await page.route(/\/v1\/(snapshot|conversations\/[^/]+(\/messages)?)(\?|$)/, async (route) => {
    if (route.request().method() !== 'GET') return route.continue();
    const response = await route.fetch();
    await route.fulfill({ response, body: JSON.stringify(await response.json(), setBack) });
  });
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setTimezoneOverride', { timezoneId: morningZone() });
  await session.send('Emulation.setLocaleOverride', { locale: 'en-GB' });
}

async function takePicture(browser: Browser, url: string): Promise<Buffer> {
  const people: People = new Map();
  for (const name of ['Mira Olsen', 'Jonas Weber', 'Amara Diallo']) people.set(name, await signUp(await browser.newContext(), url, name));
  const mira = people.get('Mira Olsen') as Page;
  await makeGroup(mira, 'Lunch', ['Jonas Weber', 'Amara Diallo']);
  await talk(people, mira, () => 'Lunch', LUNCH);
  await openPrivate(mira, 'Amara Diallo');
  await talk(people, mira, (name) => (name === 'Mira Olsen' ? 'Amara Diallo' : 'Mira Olsen'), PRIVATE);
  await makeGroup(mira, 'Release 2.4', ['Jonas Weber', 'Amara Diallo']);
  await talk(people, mira, () => 'Release 2.4', RELEASE);

  await setTimesBack(mira, [...LUNCH, ...PRIVATE, ...RELEASE]);
  await mira.reload();
  await waitLive(mira);
  await mira.getByRole('log', { name: 'Messages' }).getByText('And I bring cake.').waitFor();
  await mira.getByRole('textbox', { name: 'Message' }).fill('With candles, please');
  return mira.screenshot({ animations: 'disabled', caret: 'initial' });
}

const [starling, browser] = await Promise.all([startStarlingProcess(), launchBrowser()]);
try {
  await writeFile(FILE, await takePicture(browser, starling.url));
} finally {
  await browser.close();
  await starling.remove();
}
