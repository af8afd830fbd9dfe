import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@starling/platform/config';
import { expect, onTestFinished, test } from 'vitest';
import { createSmtp, readMailUrl } from './transport.ts';

const from = 'no-reply@example.org';

test('the URL of the mail server is in the configuration, or in a file that it names', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'starling-mail-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const urlFile = join(folder, 'mail-url');
  await expect(readMailUrl({ from, urlFile })).rejects.toThrow(/the file of mail, .*mail-url, cannot be read/);
  await writeFile(urlFile, 'smtp://user:hidden@mail.example.org\n');
  expect(await readMailUrl({ from, urlFile })).toBe('smtp://user:hidden@mail.example.org');
  expect(await readMailUrl({ from, url: 'smtps://mail.example.org' })).toBe('smtps://mail.example.org');
  await expect(readMailUrl({ from })).rejects.toThrow(ConfigError);
});

test('what is no URL of a mail server is said, and not repeated', () => {
  for (const url of ['', 'mail.example.org', 'http://user:hidden@mail.example.org', 'smtp://', 'smtp:hidden', 'smtp://user:hidden@:25']) {
    const refusal = (() => {
      try {
        return createSmtp({ url, from });
      } catch (error) {
        return error as Error;
      }
    })();
    expect(refusal).toBeInstanceOf(ConfigError);
    expect((refusal as Error).message).toContain('smtp://user:password@host:587');
    expect((refusal as Error).message).not.toContain('hidden');
  }
  createSmtp({ url: 'smtp://user:p%40ss@[::1]:2525', from });
});
