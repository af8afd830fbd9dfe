import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { IssuedTokensReply, TotpReply } from '@starling/contracts/http';
import { type StarlingProcess, signUpAt, startStarlingProcess } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { totpCode } from './account-pages.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PASSWORD = 'correct horse battery';

/** What somebody who runs the server types when nobody can log in. */
function run(script: string, ...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, 'standalone', script), ...args], (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr }),
    );
  });
}

describe('when nobody can log in', () => {
  let starling: StarlingProcess;
  const accounts = (...args: string[]) => run('accounts.ts', ...args, '--data', starling.data);

  async function post(path: string, body: unknown, token?: string): Promise<Response> {
    const headers = { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    return fetch(`${starling.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }
  const logIn = (email: string) => post('/v1/token', { email, password: PASSWORD });
  async function tokenOf(email: string): Promise<string> {
    return ((await (await logIn(email)).json()) as IssuedTokensReply).token;
  }

  beforeAll(async () => {
    starling = await startStarlingProcess();
    for (const name of ['Ann', 'Bob'])
      await signUpAt(starling.url, { email: `${name.toLowerCase()}@example.org`, password: PASSWORD, name });
  }, 120_000);
  afterAll(() => starling?.remove(), 60_000);

  it('says who owns the installation', async () => {
    expect(await accounts('owners')).toEqual({ code: 0, output: 'ann@example.org  Ann  owner\n' });
  });

  it('makes an owner of an account, whose next token says so', async () => {
    const { output } = await accounts('make-owner', 'BOB@example.org');
    expect(output).toBe('Is an owner now: bob@example.org  Bob  owner\n');
    expect(
      (await fetch(`${starling.url}/v1/admin/users`, { headers: { authorization: `Bearer ${await tokenOf('bob@example.org')}` } })).status,
    ).toBe(200);
  });

  it('takes a lost second factor away, and ends the sessions', async () => {
    const token = await tokenOf('bob@example.org');
    const { secret } = (await (await post('/v1/account/totp', { password: PASSWORD }, token)).json()) as TotpReply;
    expect((await post('/v1/account/totp/confirm', { code: totpCode(secret, Math.floor(Date.now() / 30_000)) }, token)).status).toBe(200);
    expect((await logIn('bob@example.org')).status).toBe(401);
    const { output } = await accounts('remove-second-factor', 'bob@example.org');
    expect(output).toMatch(/authenticator app \(1\), recovery codes \(10\), passkeys \(0\). Sessions ended: \d+/);
    expect((await logIn('bob@example.org')).status).toBe(200);
    await waitFor(
      async () => (await fetch(`${starling.url}/v1/users/me`, { headers: { authorization: `Bearer ${token}` } })).status === 401,
    );
  });

  it('replaces the signing keys, and who was logged in stays so', async () => {
    const { token, refreshToken } = (await (await logIn('ann@example.org')).json()) as IssuedTokensReply;
    const me = (bearer: string) => fetch(`${starling.url}/v1/users/me`, { headers: { authorization: `Bearer ${bearer}` } });
    expect((await me(token)).status).toBe(200);
    expect(await run('replace-keys.ts', '--data', starling.data)).toMatchObject({ code: 0 });
    await waitFor(async () => (await me(token)).status === 401, { deadline: 15_000 });
    const refreshed = await waitFor(
      async () => {
        const reply = await post('/v1/token/refresh', { refreshToken });
        return reply.status === 200 && ((await reply.json()) as IssuedTokensReply);
      },
      { deadline: 15_000 },
    );
    await waitFor(async () => (await me(refreshed.token)).status === 200, { deadline: 15_000 });
  });

  it('works without a running Starling, and says what it cannot do', async () => {
    expect(await accounts('show', 'nobody@example.org')).toEqual({
      code: 1,
      output: 'Starling: There is no account with the email nobody@example.org.\n',
    });
    expect(await accounts('dance')).toMatchObject({ code: 1, output: expect.stringContaining('There is no command "dance"') });
    await starling.interrupt();
    expect((await accounts('show', 'bob@example.org')).output).toContain('bob@example.org  Bob  owner');
    const empty = await mkdtemp(join(tmpdir(), 'starling-empty-'));
    const nowhere = await run('accounts.ts', 'owners', '--data', empty);
    expect(nowhere).toMatchObject({ code: 1, output: expect.stringContaining('There is no database in') });
    expect(await run('replace-keys.ts', '--data', empty)).toMatchObject({
      code: 1,
      output: expect.stringContaining('There are no keys in'),
    });
    await rm(empty, { recursive: true });
  });
});
