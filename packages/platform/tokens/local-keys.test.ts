import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '@starling/testing/clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestLogger } from '../telemetry/test-logger.ts';
import { createGate } from './gate.ts';
import { openLocalKeys } from './local-keys.ts';
import { createMinter } from './minter.ts';

let parent: string;
const clock = new FakeClock();
let directory: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'starling-keys-'));
  directory = join(parent, 'below', 'keys');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const fileOf = (issuer: string) => join(directory, `${issuer}.jwk.json`);

/** The keys as a process that starts has them; it looks at the files no more. */
async function openKeys<Issuer extends string>(issuers: readonly Issuer[]) {
  const keys = await openLocalKeys(issuers, { directory, clock, logger: createTestLogger().logger });
  keys.close();
  return keys;
}

describe('the keys of a machine', () => {
  it('are made at the first start, for their owner only, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      await openKeys(['identity', 'web']);
    } finally {
      process.umask(umask);
    }
    expect((await readdir(directory)).sort()).toEqual(['identity.jwk.json', 'public.json', 'web.jwk.json']);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    for (const issuer of ['identity', 'web']) expect((await stat(fileOf(issuer))).mode & 0o777).toBe(0o600);
  });

  it('are the same at the next start: what was signed before is still good', async () => {
    const first = await openKeys(['identity']);
    const before = await readFile(fileOf('identity'), 'utf8');
    const { token } = await createMinter({ signing: first.signing('identity'), cluster: 'test', clock }).mintUserToken({
      user: 'ann',
      session: 's',
      role: 'member',
      scope: 'api',
    });
    const second = await openKeys(['identity', 'web']);
    expect(await readFile(fileOf('identity'), 'utf8')).toBe(before);
    expect(second.signing('identity').current().kid).toBe(first.signing('identity').current().kid);
    expect(second.signing('web').current().kid).not.toBe(first.signing('identity').current().kid);
    expect((await createGate({ service: 'web', cluster: 'test', ring: second.ring, clock }).verifyUserToken(token)).user).toBe('ann');
  });

  it('are read from a file of the first versions, and kept', async () => {
    const first = await openKeys(['identity']);
    const { keys } = JSON.parse(await readFile(fileOf('identity'), 'utf8')) as { keys: Record<string, unknown>[] };
    const { signsFrom: _signsFrom, ...single } = keys[0] ?? {};
    await writeFile(fileOf('identity'), JSON.stringify(single));
    expect((await openKeys(['identity'])).signing('identity').current().kid).toBe(first.signing('identity').current().kid);
  });

  it('hold no private part in the ring, nor in the public file', async () => {
    const { ring, signing } = await openKeys(['identity']);
    const key = ring.find('identity', signing('identity').current().kid);
    expect([key?.type, key?.usages]).toEqual(['public', ['verify']]);
    expect(await readFile(join(directory, 'public.json'), 'utf8')).not.toContain('"d"');
  });

  it('are refused when a file is damaged, with the file but nothing of what is in it, and the file is left as it is', async () => {
    await openKeys(['identity']);
    const file = JSON.parse(await readFile(fileOf('identity'), 'utf8')) as { keys: Record<string, string>[] };
    const { signsFrom: _signsFrom, ...good } = file.keys[0] ?? {};
    const { d: secret = '' } = good;
    const { d: _d, ...publicOnly } = good;
    const { kid: _kid, ...withoutId } = good;
    const damages = {
      empty: '',
      'cut short': JSON.stringify(good).slice(0, 60),
      'cut within the secret': `{"d":"${secret.slice(0, 20)}`,
      'no JSON': `${secret}`,
      'secret without quotes': `{"d":${secret}}`,
      null: 'null',
      'a list': '[]',
      'an empty object': '{}',
      'no private part': JSON.stringify(publicOnly),
      'no id': JSON.stringify(withoutId),
      'of another type': JSON.stringify({ ...good, kty: 'RSA' }),
      'no keys': JSON.stringify({ keys: [] }),
      'a key without its time': JSON.stringify({ keys: [good] }),
      'a second key that is none': JSON.stringify({ keys: [...file.keys, { ...publicOnly, signsFrom: 0 }] }),
      'a private part that is none': JSON.stringify({ ...good, d: 'AAAA' }),
    };
    for (const [name, text] of Object.entries(damages)) {
      await writeFile(fileOf('identity'), text);
      const error = await openKeys(['identity']).then(
        () => expect.fail(`${name} was taken`),
        (thrown: Error) => thrown,
      );
      expect(error.message, name).toContain(fileOf('identity'));
      expect(error.message, name).not.toContain(secret.slice(0, 6));
      expect(await readFile(fileOf('identity'), 'utf8')).toBe(text);
    }
  });

  it('are refused when they cannot be read at all', async () => {
    await writeFile(parent.concat('/file'), 'x');
    directory = join(parent, 'file');
    await expect(openKeys(['identity'])).rejects.toThrow(/file/);
  });
});
