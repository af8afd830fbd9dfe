import { beforeEach, describe, expect, it } from 'vitest';
import { RESOURCES } from '../kube/index.ts';
import { PROJECTION_MS } from '../material/authorities.ts';
import { textOf } from './secret-text.ts';
import { Installation, SERVICES } from './test-installation.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
let installation: Installation;

interface Key {
  kid: string;
  signsFrom: number;
}

function keysOf(service: string): Key[] {
  const text = textOf(installation.fake.find('Secret', `chat-${service}-signing-key`), 'private.jwk.json') ?? '';
  return (JSON.parse(text) as { keys: Key[] }).keys;
}

function published(service: string): string[] {
  const { data } = installation.fake.find('ConfigMap', 'chat-public-keys') as unknown as { data: Record<string, string> };
  return (JSON.parse(data['public.json'] ?? '') as Record<string, Key[]>)[service]?.map(({ kid }) => kid) ?? [];
}

function setAnnotation(value: string): void {
  installation.fake.edit('ChatCluster', 'chat', ({ metadata }) => {
    metadata.annotations = { 'starling.chat/rotate-keys': value };
  });
}

const isAsked = () => installation.fake.find('ChatCluster', 'chat').metadata.annotations?.['starling.chat/rotate-keys'];

beforeEach(async () => {
  installation = new Installation();
  await installation.install({ keys: { rotateDays: 2 } });
});

describe('signing keys', () => {
  it('rotate by overlap: published ten minutes ahead, kept for the life of what they signed', async () => {
    const { clock } = installation.fake;
    const [first] = keysOf('web');
    clock.advance(2 * DAY - 10 * MINUTE - 1_000);
    await installation.settle();
    expect(keysOf('web')).toEqual([first]);
    clock.advance(1_000);
    await installation.settle();
    const [, next] = keysOf('web');
    expect(next?.signsFrom).toBe(clock.now() + 10 * MINUTE);
    expect(published('web')).toEqual([first?.kid, next?.kid]);
    clock.advance(10 * MINUTE + 15 * MINUTE);
    await installation.settle();
    expect(published('web')).toEqual([first?.kid, next?.kid]);
    clock.advance(5_001);
    await installation.settle();
    expect(keysOf('web')).toEqual([next]);
    expect(published('web')).toEqual([next?.kid]);
  });

  it('are looked after in time, without anything else that happens', async () => {
    const result = await installation.pass();
    expect(result?.after).toBeLessThanOrEqual(2 * DAY - 10 * MINUTE);
    expect(result?.after).toBeGreaterThan(DAY);
  });

  it('that were stolen go at once, of every service, and the request is taken away', async () => {
    const before = SERVICES.map((service) => keysOf(service)[0]?.kid);
    setAnnotation('now');
    await installation.settle();
    expect(isAsked()).toBeUndefined();
    for (const [index, service] of SERVICES.entries()) {
      const keys = keysOf(service);
      expect(keys).toHaveLength(1);
      expect(keys[0]?.kid).not.toBe(before[index]);
      expect(keys[0]?.signsFrom).toBe(installation.fake.clock.now());
      expect(published(service)).toEqual([keys[0]?.kid]);
    }
    expect(installation.status.operation).toBeUndefined();
    expect(installation.fake.events.map(({ reason }) => reason)).toContain('KeysReplaced');
  });

  it('are replaced for nothing but the word', async () => {
    const before = keysOf('web');
    setAnnotation('later');
    await installation.settle();
    expect(keysOf('web')).toEqual(before);
  });

  it('are replaced once by one request, wherever the operator dies; what signs is always published', async () => {
    const count = async (at: number): Promise<number> => {
      let writes = 0;
      installation.fake.beforeWrite = () => {
        writes += 1;
        for (const service of SERVICES) expect(published(service)).toEqual(expect.arrayContaining(keysOf(service).map(({ kid }) => kid)));
        if (writes === at) throw new Error('killed');
      };
      setAnnotation('now');
      const seen = new Set<string>();
      const note = () => {
        for (const { kid } of keysOf('web')) seen.add(kid);
      };
      note();
      for (let dead = true; dead; note())
        dead = await installation.settle().then(
          () => false,
          (error: Error) => error.message === 'killed' || Promise.reject(error),
        );
      expect(isAsked()).toBeUndefined();
      expect(seen.size).toBe(2);
      return writes;
    };
    const total = await count(-1);
    for (let at = 1; at < total; at += 2) {
      await count(at);
      installation.fake.clock.advance(MINUTE);
    }
  });

  it('of a Secret that lost its label are not made anew', async () => {
    const before = keysOf('web');
    const { get } = installation.fake;
    // The cache does not see it; the API has it.
    installation.tools = {
      ...installation.tools,
      cache: {
        ...installation.tools.cache,
        get: (reference) => (reference.name === 'chat-web-signing-key' ? undefined : get.call(installation.fake, reference)),
      },
    };
    await installation.pass();
    expect(keysOf('web')).toEqual(before);
  });

  it('that another wrote meanwhile are not written over', async () => {
    installation.fake.clock.advance(2 * DAY);
    const { fake } = installation;
    fake.beforeWrite = (write) => {
      if (write !== 'apply ConfigMap chat-public-keys') return;
      fake.beforeWrite = () => {};
      fake.edit('Secret', 'chat-web-signing-key', ({ metadata }) => {
        metadata.annotations = { touched: 'yes' };
      });
    };
    await expect(installation.pass()).rejects.toMatchObject({ reason: 'Conflict' });
    await installation.settle();
    expect(keysOf('web')).toHaveLength(2);
    expect(published('web')).toEqual(keysOf('web').map(({ kid }) => kid));
  });
});

describe('certificates', () => {
  it('are kept alive under a spec that cannot be carried out', async () => {
    const certificate = () => textOf(installation.fake.find('Secret', 'chat-web-tls'), 'tls.crt');
    const before = certificate();
    installation.tools = installation.fake.tools({ allowedRegistries: ['ghcr.io'] });
    await installation.settle();
    expect(installation.condition('SpecValid').reason).toBe('RegistryNotAllowed');
    installation.fake.clock.advance(61 * DAY);
    await installation.settle();
    expect(certificate()).not.toBe(before);
    expect(installation.condition('CertificatesValid').status).toBe('True');
  });

  it('are renewed in time under a shorter life, authority and all', async () => {
    installation.write({ certificates: { leafMinutes: 3, authorityMinutes: 6 } });
    await installation.settle();
    const end = installation.fake.clock.now() + 20 * MINUTE;
    const authorities = new Set<string>();
    while (installation.fake.clock.now() < end) {
      const { after = 0 } = (await installation.pass()) ?? {};
      expect(after).toBeGreaterThan(0);
      expect(after).toBeLessThan(2 * MINUTE);
      // As the watch would tell of what was written.
      await installation.settle();
      expect(Date.parse(installation.status.certificates?.notAfter ?? '') - installation.fake.clock.now()).toBeGreaterThanOrEqual(
        PROJECTION_MS - 1_000,
      );
      authorities.add(textOf(installation.fake.find('Secret', 'chat-web-tls'), 'ca.crt') ?? '');
      installation.fake.clock.advance(after);
    }
    expect(authorities.size).toBeGreaterThan(3);
  }, 120_000);
});

it('brings back the Secrets of keys and authorities that are lost', async () => {
  for (const name of ['chat-authority', 'chat-web-signing-key', 'chat-web-tls', 'chat-web']) installation.fake.remove('Secret', name);
  installation.fake.remove('ConfigMap', 'chat-public-keys');
  await installation.settle();
  expect(published('web')).toEqual(keysOf('web').map(({ kid }) => kid));
  installation.fake.clock.advance(PROJECTION_MS);
  await installation.settle();
  expect(installation.fake.list(RESOURCES.Secret, {}).length).toBeGreaterThan(20);
  expect(installation.condition('CertificatesValid').status).toBe('True');
});
