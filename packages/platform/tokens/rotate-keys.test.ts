import { mkdir, mkdtemp, readFile, rm, rmdir, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '@starling/testing/clock';
import { waitFor } from '@starling/testing/wait-for';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestLogger } from '../telemetry/test-logger.ts';
import { createGate, type Gate } from './gate.ts';
import { type HeldKey, keyFile, readPrivateKeys, readPublicKeys } from './key-files.ts';
import { createMinter, type Minter } from './minter.ts';
import { openKeyRing, openSigningKeys } from './open-keys.ts';
import { ensureKeys, type KeyPlace, rotateKeys, startKeyRotation } from './rotate-keys.ts';

const overlap = { publishAheadMs: 600_000, keepMs: 905_000 };
const ISSUERS = ['identity', 'web'];
let directory: string;
let clock: FakeClock;
let place: KeyPlace;
let log: ReturnType<typeof createTestLogger>;
const closing: (() => void)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'starling-rotation-'));
  clock = new FakeClock();
  log = createTestLogger();
  place = { directory, issuers: ISSUERS, publicFile: join(directory, 'public.json'), clock };
  await ensureKeys(place);
});
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await rm(directory, { recursive: true, force: true });
});

/** What a service and a gate in other processes have of the files; they look every few milliseconds unless told otherwise. */
async function openPair(pollMs = 5): Promise<{ minter: Minter; gate: Gate; kid(): string; knows(kid: string): boolean }> {
  const options = { clock, logger: log.logger, pollMs };
  const signing = await openSigningKeys({ ...options, issuer: 'identity', file: keyFile(directory, 'identity') });
  const ring = await openKeyRing({ ...options, file: place.publicFile });
  closing.push(ring.close, signing.close);
  return {
    minter: createMinter({ signing, cluster: 'test', clock }),
    gate: createGate({ service: 'web', cluster: 'test', ring, clock }),
    kid: () => signing.current().kid,
    knows: (kid) => ring.find('identity', kid) !== undefined,
  };
}

const heldKids = async (issuer = 'identity') => ((await readPrivateKeys(keyFile(directory, issuer))) ?? []).map(({ jwk }) => jwk.kid);
const publicKids = async (issuer = 'identity') => ((await readPublicKeys(place.publicFile))?.[issuer] ?? []).map(({ kid }) => kid);
const mint = async ({ minter }: { minter: Minter }) =>
  (await minter.mintUserToken({ user: 'ann', session: 's', role: 'member', scope: 'api' })).token;

describe('a rotation of keys', () => {
  it('publishes the next key 10 minutes before it signs, and keeps the old one for a token of its and 10 minutes', async () => {
    const pair = await openPair();
    const old = pair.kid();
    await rotateKeys(place);
    const [, next = ''] = await heldKids();
    expect(await heldKids()).toEqual([old, next]);
    await waitFor(() => pair.knows(next));
    clock.advance(overlap.publishAheadMs - 1);
    await ensureKeys(place);
    expect(pair.kid()).toBe(old);
    const last = await mint(pair);
    clock.advance(1);
    await waitFor(() => pair.kid() === next);
    expect((await pair.gate.verifyUserToken(last)).user).toBe('ann');
    expect((await pair.gate.verifyUserToken(await mint(pair))).user).toBe('ann');
    clock.advance(overlap.keepMs - 1);
    await ensureKeys(place);
    expect([await heldKids(), await publicKids()]).toEqual([
      [old, next],
      [old, next],
    ]);
    clock.advance(1);
    await ensureKeys(place);
    expect([await heldKids(), await publicKids()]).toEqual([[next], [next]]);
    await waitFor(() => !pair.knows(old));
  });

  it('concerns every issuer, and those that are not named keep what they have', async () => {
    await rotateKeys({ ...place, issuers: ['web'] });
    expect([(await publicKids('identity')).length, (await publicKids('web')).length]).toEqual([1, 2]);
    await rotateKeys(place);
    expect([(await heldKids('identity')).length, (await heldKids('web')).length]).toEqual([2, 2]);
  });

  it('begun twice is begun once', async () => {
    await rotateKeys(place);
    const [held, known] = [await heldKids(), await publicKids()];
    clock.advance(overlap.publishAheadMs - 1);
    await rotateKeys(place);
    expect([await heldKids(), await publicKids()]).toEqual([held, known]);
  });

  it('in an emergency signs with the new key at once, and refuses the old one, also where it was accepted before', async () => {
    const pair = await openPair();
    const old = pair.kid();
    const token = await mint(pair);
    const hop = await pair.minter.mintHopToken('web');
    await pair.gate.verifyUserToken(token);
    await rotateKeys({ ...place, dropOld: true });
    const [next] = await heldKids();
    expect([await heldKids(), await publicKids()]).toEqual([[next], [next]]);
    await waitFor(() => pair.kid() === next && !pair.knows(old));
    await expect(pair.gate.verifyUserToken(token)).rejects.toThrow('no such key');
    expect((await pair.gate.verifyUserToken(await mint(pair))).user).toBe('ann');
    expect(await pair.minter.mintHopToken('web')).not.toBe(hop);
  });

  it('that dies between any two steps leaves keys that fit, and is done by the next call', async () => {
    // Every state in which a process may leave the files: what each of its writes leads to, by playing them one at a time.
    for (const dropOld of [false, true]) {
      await rm(directory, { recursive: true, force: true });
      await ensureKeys(place);
      const before = await snapshot();
      await rotateKeys({ ...place, dropOld });
      const after = await snapshot();
      const both = JSON.stringify(merge(JSON.parse(before.public), JSON.parse(after.public)));
      const steps = [
        before,
        { ...before, public: both },
        { ...before, public: both, identity: after.identity },
        { public: both, identity: after.identity, web: after.web },
        after,
      ];
      for (const step of steps) {
        await restore(step);
        const pair = await openPair(60_000);
        expect((await pair.gate.verifyUserToken(await mint(pair))).user).toBe('ann');
        await rotateKeys({ ...place, dropOld });
        for (const issuer of ISSUERS) {
          expect(await publicKids(issuer)).toEqual(await heldKids(issuer));
          expect(await heldKids(issuer)).toHaveLength(dropOld ? 1 : 2);
        }
      }
    }
  });

  it('writes the public file before the private ones: when either cannot be written, what signs is known', async () => {
    const old = await heldKids();
    const pair = await openPair(60_000);
    for (const file of [place.publicFile, keyFile(directory, 'identity')]) {
      // A directory stands where the unfinished file would be written.
      await mkdir(`${file}.new`);
      for (const dropOld of [false, true]) {
        await expect(rotateKeys({ ...place, dropOld })).rejects.toThrow('EISDIR');
        expect(await heldKids()).toEqual(old);
        expect(await publicKids()).toContain(old[0]);
        expect((await pair.gate.verifyUserToken(await mint(pair))).user).toBe('ann');
      }
      await rmdir(`${file}.new`);
    }
  });
});

describe('several who change the keys at once', () => {
  it('do so one after the other: what signs is published, and what was dropped is not', async () => {
    const old = await heldKids();
    await Promise.all(Array.from({ length: 8 }, (_, number) => (number % 2 ? ensureKeys(place) : rotateKeys({ ...place, dropOld: true }))));
    for (const issuer of ISSUERS) expect(await publicKids(issuer)).toEqual(await heldKids(issuer));
    expect(await publicKids()).not.toContain(old[0]);
  });

  it('do not wait for one who died over it', async () => {
    await writeFile(`${place.publicFile}.lock`, '');
    const long = new Date(Date.now() - 60_000);
    await utimes(`${place.publicFile}.lock`, long, long);
    const old = await heldKids();
    await rotateKeys({ ...place, dropOld: true });
    expect(await heldKids()).not.toEqual(old);
  });
});

describe('a timer of rotations', () => {
  it('begins one whenever the newest key has signed for its time, and ends it', async () => {
    const stop = startKeyRotation({ ...place, logger: log.logger, everyMs: 86_400_000, checkEveryMs: 5 });
    try {
      const [first = ''] = await heldKids();
      clock.advance(86_400_000 - overlap.publishAheadMs);
      const kids = await waitFor(async () => {
        const now = await heldKids();
        return now.length === 2 ? now : undefined;
      });
      expect(kids[0]).toBe(first);
      const [, next] = (await readPrivateKeys(keyFile(directory, 'identity'))) as [HeldKey, HeldKey];
      expect(next.signsFrom).toBe(clock.now() + overlap.publishAheadMs);
      clock.advance(overlap.publishAheadMs + overlap.keepMs);
      await waitFor(async () => (await publicKids()).length === 1 && (await heldKids())[0] === next.jwk.kid);
    } finally {
      await stop();
    }
  });

  it('says what hinders it, and goes on', async () => {
    const file = keyFile(directory, 'web');
    const good = await readFile(file, 'utf8');
    await writeFile(file, '{');
    const stop = startKeyRotation({ ...place, logger: log.logger, everyMs: 86_400_000, checkEveryMs: 5 });
    try {
      await waitFor(() => log.text().includes(file));
      await writeFile(file, good);
      clock.advance(86_400_000);
      await waitFor(async () => (await heldKids('web')).length === 2);
    } finally {
      await stop();
    }
  });
});

describe('keys in files', () => {
  it('stay as they were when what comes cannot be read', async () => {
    const pair = await openPair();
    const kid = pair.kid();
    await writeFile(place.publicFile, '{');
    await writeFile(keyFile(directory, 'identity'), '{');
    await waitFor(() => log.entries().filter(({ msg }) => String(msg).includes('those from before stay')).length >= 2);
    expect([pair.kid(), pair.knows(kid)]).toEqual([kid, true]);
    expect((await pair.gate.verifyUserToken(await mint(pair))).user).toBe('ann');
    // Once for each thing that is wrong, not at every look.
    expect(log.entries()).toHaveLength(2);
  });

  it('are read again for a key that is not known, at most once in 30 s', async () => {
    const behind = await openPair(60_000_000);
    const replaceKey = async (): Promise<string> => {
      await rotateKeys({ ...place, dropOld: true });
      return mint(await openPair());
    };
    const first = await replaceKey();
    expect((await behind.gate.verifyUserToken(first)).user).toBe('ann');
    clock.advance(29_999);
    const second = await replaceKey();
    await expect(behind.gate.verifyUserToken(second)).rejects.toThrow('no such key');
    clock.advance(1);
    expect((await behind.gate.verifyUserToken(second)).user).toBe('ann');
    await expect(behind.gate.verifyUserToken(first)).rejects.toThrow('no such key');
  });
});

interface Snapshot {
  public: string;
  identity: string;
  web: string;
}

async function snapshot(): Promise<Snapshot> {
  return {
    public: await readFile(place.publicFile, 'utf8'),
    identity: await readFile(keyFile(directory, 'identity'), 'utf8'),
    web: await readFile(keyFile(directory, 'web'), 'utf8'),
  };
}

async function restore(files: Snapshot): Promise<void> {
  await writeFile(place.publicFile, files.public);
  for (const issuer of ['identity', 'web'] as const) await writeFile(keyFile(directory, issuer), files[issuer]);
}

type PublicKeys = Record<string, { kid: string }[]>;

function merge(before: PublicKeys, after: PublicKeys): PublicKeys {
  return Object.fromEntries(
    Object.entries(after).map(([issuer, keys]) => {
      const held = before[issuer] ?? [];
      return [issuer, [...held, ...keys.filter(({ kid }) => held.every((other) => other.kid !== kid))]];
    }),
  );
}
