import { createHmac } from 'node:crypto';
import type { Locator, Page } from 'playwright-core';

/** A page, or a dialog of it. */
type Place = Pick<Page, 'getByLabel' | 'getByRole' | 'getByText'>;

export async function press(place: Place, button: string): Promise<void> {
  await place.getByRole('button', { name: button, exact: true }).click();
}

/** Fills in fields by their labels, and presses the button. */
export async function fillIn(place: Place, fields: Record<string, string>, button: string): Promise<void> {
  for (const [label, text] of Object.entries(fields)) await place.getByLabel(label, { exact: true }).fill(text);
  await press(place, button);
}

/** Waits for the page of before the log-in that has this heading. */
export async function arriveAt(page: Page, heading: string): Promise<void> {
  await page.getByRole('heading', { name: heading, exact: true, level: 1 }).waitFor();
}

export async function logOut(page: Page): Promise<void> {
  await press(page, 'Log out');
  await arriveAt(page, 'Log in');
}

export async function openAccount(page: Page): Promise<Locator> {
  await press(page, 'Your account');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('list', { name: 'Sessions' }).getByRole('listitem').first().waitFor();
  return dialog;
}

export async function closeAccount(dialog: Locator): Promise<void> {
  await press(dialog, 'Close');
  await dialog.waitFor({ state: 'detached' });
}

/** The code of RFC 6238 for a step of 30 s, as an authenticator app computes it. @param secret in base32. */
export function totpCode(secret: string, step: number): string {
  const bits = [...secret.replaceAll(' ', '')].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', key).update(counter).digest();
  const truncated = mac.readUInt32BE((mac.at(-1) ?? 0) & 0xf) & 0x7fffffff;
  return String(truncated % 1_000_000).padStart(6, '0');
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export function presentStep(): number {
  return Math.floor(Date.now() / 30_000);
}

/** A code that is not this one. */
export function wrongCode(code: string): string {
  return `${code.slice(0, 5)}${(Number(code[5]) + 1) % 10}`;
}
