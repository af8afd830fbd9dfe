import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sparticuz, { inflate, setupLambdaEnvironment } from '@sparticuz/chromium';
import { type BrowserContext, chromium } from 'playwright-core';

/** A headless Chromium: the one that CHROMIUM_PATH names, or the one that comes as a package. */
export interface Browser {
  /** A new person at a new computer: no cookie is shared. */
  newContext(): Promise<BrowserContext>;
  close(): Promise<void>;
}

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** @param flags more of Chromium's own. */
export async function launchBrowser(flags: string[] = []): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_PATH'] || (await unpackChromium());
  const browser = await chromium.launch({ executablePath, args: [...FLAGS, ...flags] });
  return { newContext: () => browser.newContext({ viewport: { width: 1100, height: 750 } }), close: () => browser.close() };
}

/** The package holds Chromium and the libraries that a bare system lacks, both packed. */
async function unpackChromium(): Promise<string> {
  const bin = fileURLToPath(new URL('../bin', import.meta.resolve('@sparticuz/chromium')));
  await inflate(join(bin, 'al2023.tar.br'));
  setupLambdaEnvironment(join(tmpdir(), 'al2023/lib'));
  return sparticuz.executablePath();
}
