import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, launchBrowser } from './browser.ts';
import { PersonAtBrowser } from './person-at-browser.ts';

/** What Ctrl-C is promised to take at most, ms. */
const STOP_MS = 5_000;

/** The product under test, in one of its shapes. */
export interface Shape {
  url: string;
  /** Ends without warning what holds the sockets of one or both; resolves when it is gone. */
  crash(): Promise<void>;
  /** Brings it back, unless that happens by itself. */
  recover(): Promise<void>;
  /** Ctrl-C; resolves with the exit code. */
  interrupt(): Promise<number | null>;
  remove(): Promise<void>;
}

/** Two people in two browsers, whatever stands behind the page. */
export function describeTwoPeople(name: string, start: () => Promise<Shape>, expectInMidst?: (shape: Shape) => Promise<void>): void {
  describe(`two people in two browsers, ${name}`, () => {
    let starling: Shape;
    let browser: Browser;
    let ann: PersonAtBrowser;
    let bob: PersonAtBrowser;

    beforeAll(async () => {
      [starling, browser] = await Promise.all([start(), launchBrowser()]);
    }, 180_000);
    afterAll(async () => {
      await browser?.close();
      await starling?.remove();
    }, 60_000);

    /** Every number of a writer once, in the order of writing. */
    function expectComplete(texts: string[], counts: Record<string, number>): void {
      for (const [writer, count] of Object.entries(counts)) {
        const numbers = texts.filter((text) => text.startsWith(`${writer} `)).map((text) => Number(text.split(' ')[1]));
        expect(numbers).toEqual(Array.from({ length: count }, (_, number) => number));
      }
      expect(texts).toHaveLength(Object.values(counts).reduce((sum, count) => sum + count, 0));
    }

    it('sign up, find each other, and talk', async () => {
      ann = await PersonAtBrowser.signUp(await browser.newContext(), starling.url, 'Ann');
      bob = await PersonAtBrowser.signUp(await browser.newContext(), starling.url, 'Bob');
      await ann.openPrivate('Bob');
      await ann.send('ann 0');
      // It appears on the other side without a reload.
      await bob.openFromList('Ann');
      await bob.page.getByRole('log', { name: 'Messages' }).getByText('ann 0').waitFor();
      for (let number = 0; number < 50; number++) {
        if (number > 0) await ann.send(`ann ${number}`);
        await bob.send(`bob ${number}`);
      }
      for (const person of [ann, bob]) {
        const log = person.page.getByRole('log', { name: 'Messages' });
        await log.getByText('ann 49', { exact: true }).waitFor();
        await log.getByText('bob 49', { exact: true }).waitFor();
      }
      const [left, right] = [await ann.readAll(), await bob.readAll()];
      expect(left).toEqual(right);
      expectComplete(left, { ann: 50, bob: 50 });
      await expectInMidst?.(starling);
    });

    it('see the same after a reload', async () => {
      const before = await ann.readAll();
      for (const person of [ann, bob]) {
        await person.page.reload();
        await person.waitLive();
        expect(await person.readAll()).toEqual(before);
      }
    });

    it('go on by themselves when what holds their sockets was killed in mid-conversation, and nothing is missing, doubled or out of order', async () => {
      for (let number = 50; number < 60; number++) await ann.send(`ann ${number}`);
      await starling.crash();
      for (let number = 60; number < 70; number++) {
        await ann.send(`ann ${number}`);
        await bob.send(`bob ${number - 10}`);
      }
      await starling.recover();
      for (const person of [ann, bob]) await person.waitLive();
      for (let number = 70; number < 75; number++) await ann.send(`ann ${number}`);
      for (const person of [ann, bob]) {
        const log = person.page.getByRole('log', { name: 'Messages' });
        await log.getByText('ann 74', { exact: true }).waitFor();
        await waitFor(async () => (await person.page.locator('article[data-state]').count()) === 0, {
          describe: 'no message to be on its way',
        });
      }
      const [left, right] = [await ann.readAll(), await bob.readAll()];
      expect(left).toEqual(right);
      expectComplete(left, { ann: 75, bob: 60 });
      await bob.page.reload();
      await bob.waitLive();
      expect(await bob.readAll()).toEqual(left);
    });

    it('make a group, and the third is in it at once', async () => {
      const eve = await PersonAtBrowser.signUp(await browser.newContext(), starling.url, 'Eve');
      await ann.page.getByRole('button', { name: 'New group' }).click();
      const dialog = ann.page.getByRole('dialog');
      await dialog.getByLabel('Group name').fill('Birds');
      for (const name of ['Bob', 'Eve']) {
        await dialog.getByRole('searchbox').fill(name);
        await dialog.getByRole('list', { name: 'People found' }).getByRole('button', { name }).click();
      }
      await dialog.getByRole('button', { name: 'Create group' }).click();
      await ann.page.getByRole('heading', { name: 'Birds', level: 2 }).waitFor();
      await ann.send('welcome');
      for (const person of [bob, eve]) {
        await person.openFromList('Birds');
        await person.page.getByRole('log', { name: 'Messages' }).getByText('welcome').waitFor();
      }
      for (const person of [ann, bob, eve]) person.expectNoErrors();
    });

    it('log out, and see nothing any more', async () => {
      await bob.page.getByRole('button', { name: 'Log out' }).click();
      await bob.page.getByRole('heading', { name: 'Log in' }).waitFor();
      await bob.page.goto(`${starling.url}/`);
      await bob.page.getByRole('heading', { name: 'Log in' }).waitFor();
      expect(await bob.page.getByRole('navigation', { name: 'Conversations' }).count()).toBe(0);
    });

    it('stop with Ctrl-C, sockets open', async () => {
      expect(await withDeadline(starling.interrupt(), STOP_MS)).toBe(0);
    });
  });
}

async function withDeadline<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`it took longer than ${milliseconds} ms`)), milliseconds);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
