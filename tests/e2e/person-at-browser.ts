import type { CodeReply } from '@starling/contracts/http';
import type { FindCode } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import type { BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';

/** What a person does with the page, by the names that a screen reader would speak. */
export class PersonAtBrowser {
  readonly name: string;
  readonly page: Page;
  /** What the page complained of. */
  readonly errors: string[] = [];

  constructor(name: string, page: Page) {
    this.name = name;
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy/.test(message.text())) this.errors.push(message.text());
    });
  }

  /**
   * Without a mail server. At the machine itself the page has the code, and it is in its field; elsewhere it is found by
   * the sign-up's id, and typed.
   */
  static async signUp(context: BrowserContext, url: string, name: string, findCode?: FindCode): Promise<PersonAtBrowser> {
    const page = await context.newPage();
    const person = new PersonAtBrowser(name, page);
    await page.goto(url);
    await page.getByRole('button', { name: 'Create an account instead' }).click();
    await page.getByLabel('Your name').fill(name);
    await page.getByLabel('Email').fill(`${name.toLowerCase()}@example.org`);
    await page.getByLabel('Password').fill('correct horse battery');
    const answered = page.waitForResponse((response) => new URL(response.url()).pathname === '/v1/accounts');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByRole('heading', { name: 'Confirm your email' }).waitFor();
    if (findCode) {
      const { id } = (await (await answered).json()) as CodeReply;
      await page.getByLabel('Code').fill(await findCode(id));
    } else await page.getByText(/^\d{6}$/).waitFor();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await person.waitLive();
    return person;
  }

  async waitLive(): Promise<void> {
    await this.page.getByRole('status').getByText('Connected', { exact: true }).waitFor({ timeout: 30_000 });
  }

  async openPrivate(other: string): Promise<void> {
    await this.page.getByRole('searchbox', { name: 'Find people' }).fill(other);
    await this.page.getByRole('list', { name: 'People found' }).getByRole('button', { name: other }).click();
    await this.page.getByRole('heading', { name: other, level: 2 }).waitFor();
  }

  async openFromList(title: string): Promise<void> {
    await this.page.getByRole('navigation', { name: 'Conversations' }).getByRole('link', { name: title }).click();
    await this.page.getByRole('heading', { name: title, level: 2 }).waitFor();
  }

  async send(text: string): Promise<void> {
    await this.page.getByRole('textbox', { name: 'Message' }).fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** The texts of the conversation that is open, from its first message on: the page is scrolled through. */
  async readAll(): Promise<string[]> {
    const log = this.page.getByRole('log', { name: 'Messages' });
    const texts: string[] = [];
    await waitFor(
      async () => {
        const seen = await log.evaluate((element) => {
          element.scrollTop = 0;
          return element.querySelectorAll('article').length;
        });
        return seen > 0 && (await this.#atTop());
      },
      { describe: 'the first message to show' },
    );
    for (;;) {
      const shown = await log.locator('article .body').allInnerTexts();
      const overlap = texts.length === 0 ? 0 : shown.indexOf(texts.at(-1) ?? '') + 1;
      texts.push(...shown.slice(overlap));
      const moved = await log.evaluate((element) => {
        const before = element.scrollTop;
        element.scrollTop += element.clientHeight / 2;
        return element.scrollTop > before;
      });
      if (!moved) return texts;
      await this.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    }
  }

  async #atTop(): Promise<boolean> {
    const log = this.page.getByRole('log', { name: 'Messages' });
    const height = () => log.evaluate((element) => [element.scrollHeight, element.scrollTop].join());
    const before = await height();
    await this.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
    return before === (await height()) && before.endsWith(',0');
  }

  expectNoErrors(): void {
    expect(this.errors).toEqual([]);
  }
}
