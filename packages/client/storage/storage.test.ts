import { describe, expect, it } from 'vitest';
import { settle } from '../testing/fake-clock.ts';
import { FakeStorage } from '../testing/fake-storage.ts';
import { setStage, startClient } from '../testing/start-client.ts';

describe('drafts', () => {
  it('outlive the client, for their user only', async () => {
    const storage = new FakeStorage();
    const { client, group, ann, bob } = await startClient({ storage });
    storage.set(`starling/${bob}/draft/${group}`, 'not mine');
    expect(client.getDraft(group)).toBe('');
    client.setDraft(group, 'to be cont');
    expect(storage.get(`starling/${ann}/draft/${group}`)).toBe('to be cont');
    client.setDraft(group, '');
    expect(storage.namesOf(ann)).toEqual([]);
    expect(client.getDraft(group)).toBe('');
    expect(storage.namesOf(bob)).toHaveLength(1);
  });

  it('are read back by the next client of the user', async () => {
    const storage = new FakeStorage();
    const { client, group, ann } = setStage({ storage });
    storage.set(`starling/${ann}/draft/${group}`, 'from before');
    expect(client.getDraft(group)).toBe('');
    client.start();
    await settle();
    expect(client.getDraft(group)).toBe('from before');
  });

  it('that are too long to be sent stay in memory', async () => {
    const storage = new FakeStorage();
    const { client, group, ann } = await startClient({ storage });
    client.setDraft(group, 'short');
    client.setDraft(group, 'x'.repeat(100_001));
    expect(client.getDraft(group)).toHaveLength(100_001);
    expect(storage.namesOf(ann)).toEqual([]);
  });
});

describe('what was seen', () => {
  it('is what was in view, and what arrives while the end is', async () => {
    const storage = new FakeStorage();
    const { client, server, group, bob, ann } = await startClient({ storage });
    const seen = () => client.getState().seen.get(group);
    const first = server.post(group, bob, 'one');
    await settle();
    expect(seen()).toBeUndefined();
    client.setReading(group);
    expect(seen()).toBeUndefined();
    await client.openConversation(group);
    expect(seen()).toBe(first);
    const states: (number | undefined)[] = [];
    client.subscribe(() => {
      if (client.getState().ranges.get(group)?.messages.length === 2) states.push(seen());
    });
    const second = server.post(group, bob, 'two');
    await settle();
    // Not for a moment is it there and not seen: its sign would flicker.
    expect(new Set(states)).toEqual(new Set([second]));
    client.setReading(null);
    server.post(group, bob, 'three');
    await settle();
    expect(seen()).toBe(second);
    expect(storage.get(`starling/${ann}/seen/${group}`)).toBe(String(second));
  });

  it('is taken over from an earlier client and from another tab, as far as it is further', async () => {
    const storage = new FakeStorage();
    const { client, group, ann } = setStage({ storage });
    storage.set(`starling/${ann}/seen/${group}`, '7');
    storage.set(`starling/${ann}/seen/other`, 'spoilt');
    client.start();
    await settle();
    expect([...client.getState().seen]).toEqual([[group, 7]]);
    storage.set(`starling/${ann}/seen/${group}`, '9');
    expect(client.getState().seen.get(group)).toBe(9);
    storage.set(`starling/${ann}/seen/${group}`, '8');
    expect(client.getState().seen.get(group)).toBe(9);
  });

  it('is known after logging out and in again, and forgotten with the conversation', async () => {
    const storage = new FakeStorage();
    const { client, server, group, bob, ann } = await startClient({ storage });
    client.setReading(group);
    await client.openConversation(group);
    const position = server.post(group, bob, 'one');
    await settle();
    await client.logOut();
    await client.logIn({ email: 'ann@example.org', password: 'correct horse' });
    client.start();
    await settle();
    expect(client.getState().seen.get(group)).toBe(position);
    server.removeParticipant(group, ann);
    await settle();
    expect(client.getState().seen.size).toBe(0);
    expect(storage.namesOf(ann)).toEqual([]);
  });
});
