import { ConfigError } from '@starling/platform/config';
import { expect, it } from 'vitest';
import { readSecret } from './config.ts';
import { writeSecretFile } from './test-secret-file.ts';

const rest = { registration: 'open' as const, firstLocalOwner: false, signOn: [] };
const SECRET = 'a secret that is as long as it must be';

it('takes the secret from its file, or as it is given', async () => {
  expect(await readSecret({ ...rest, secretFile: writeSecretFile(SECRET) })).toEqual({ ...rest, secret: SECRET });
  expect(await readSecret({ ...rest, secret: SECRET })).toEqual({ ...rest, secret: SECRET });
});

it('refuses none, both, a file that is not there and a secret that is too short, and says none of it', async () => {
  const refusal = async (secret: { secret?: string; secretFile?: string }) => {
    const error = await readSecret({ ...rest, ...secret }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  };
  const one = 'service.secretFile or service.secret: give one of them, and not both';
  expect(await refusal({})).toBe(one);
  expect(await refusal({ secret: SECRET, secretFile: writeSecretFile(SECRET) })).toBe(one);
  expect(await refusal({ secretFile: '/nowhere' })).toMatch(/^the file of service\.secretFile, \/nowhere, cannot be read/);
  const short = await refusal({ secretFile: writeSecretFile('sesame') });
  expect(short).toMatch(/holds less than 32 characters$/);
  expect(short).not.toContain('sesame');
});
