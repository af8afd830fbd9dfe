import { renderProblem } from '@starling/contracts/problems';
import { describe, expect, it } from 'vitest';
import type { ClientOptions } from '../client.ts';
import { createClient } from '../client.ts';
import { settle } from '../testing/fake-clock.ts';
import { FakeStorage } from '../testing/fake-storage.ts';
import { pending, type Stage, shownBodies, startClient } from '../testing/start-client.ts';

/** The same person in a new process, or another tab, on the same storage. */
async function startAgain(stage: Stage, storage: FakeStorage, options: Partial<ClientOptions> = {}): Promise<Stage> {
  const { server, clock, group } = stage;
  const client = createClient({
    baseUrl: 'http://starling.test',
    auth: { kind: 'password', email: 'ann@example.org', password: 'correct horse' },
    fetch: server.createFetch(),
    WebSocket: server.WebSocket,
    clock,
    random: () => 0.5,
    storage,
    ...options,
  });
  client.start();
  await settle();
  await client.openConversation(group);
  return { ...stage, client };
}

function sends({ server }: Stage) {
  return server.frames.filter((frame) => frame.type === 'send');
}

describe('posts in the storage', () => {
  it('go on in a new process under the same ids, as repetitions, in the order of writing', async () => {
    const storage = new FakeStorage();
    const stage = await startClient({ storage });
    const { server, client, group, ann } = stage;
    server.onPost = () => 'lose';
    const ids = ['one', 'two', 'three'].map((body) => client.send(group, body).client);
    await settle();
    client.stop();
    server.onPost = () => 'store';
    const again = await startAgain(stage, storage);
    await settle();
    expect(sends(stage).map(({ client: id, retry }) => [id, retry])).toEqual([[ids[0], undefined], ...ids.map((id) => [id, true])]);
    expect(shownBodies(again)).toEqual(['one', 'two', 'three']);
    expect(pending(again)).toEqual([]);
    expect(storage.namesOf(ann)).toEqual([]);
  });

  it('are kept no longer than until they are known to be stored', async () => {
    const storage = new FakeStorage();
    const stage = await startClient({ storage });
    const { server, client, group, ann } = stage;
    await client.openConversation(group);
    server.onPost = () => 'lose';
    const { client: id } = client.send(group, 'hello');
    await settle();
    expect(storage.namesOf(ann)).toEqual([`send/${group}/${id}`]);
    server.broadcast({ type: 'ack', conversation: group, client: id, position: server.log.rooms.get(group)!.lastPosition + 5, at: 1 });
    await settle();
    expect(pending(stage)).toEqual(['hello (sent)']);
    expect(storage.namesOf(ann)).toEqual([]);
  });

  it('are stored once when two tabs send them at once', async () => {
    const storage = new FakeStorage();
    const stage = await startClient({ storage });
    const { server, client, group } = stage;
    server.onPost = () => 'store-silently';
    client.send(group, 'hello');
    await settle();
    const other = await startAgain(stage, storage);
    expect(server.log.rooms.get(group)?.messages.map(({ body }) => body)).toEqual(['hello']);
    expect(pending(other)).toEqual([]);
    expect(client.countUnsent()).toBe(0);
  });

  it('are only for the user who wrote them', async () => {
    const storage = new FakeStorage();
    const stage = await startClient({ storage });
    stage.server.onPost = () => 'lose';
    stage.client.send(stage.group, 'of Ann');
    await settle();
    const auth = { kind: 'password', email: 'bob@example.org', password: 'correct horse' } as const;
    const bob = await startAgain(stage, storage, { auth });
    expect(pending(bob)).toEqual([]);
    expect(bob.client.countUnsent()).toBe(0);
    expect(stage.client.countUnsent()).toBe(1);
  });

  it('that were refused are still there to be read, and are not sent again', async () => {
    const storage = new FakeStorage();
    const stage = await startClient({ storage });
    const { server, client, group, ann } = stage;
    server.onPost = () => ({ answer: 'nack', problem: renderProblem('forbidden') });
    const { client: id, outcome } = client.send(group, 'bad');
    await outcome;
    const again = await startAgain(stage, storage);
    expect(pending(again)).toEqual(['bad (refused)']);
    expect(again.client.getState().sends.get(group)?.[0]?.problem).toMatchObject({ status: 403 });
    expect(sends(stage)).toHaveLength(1);
    again.client.discard(group, id);
    expect(storage.namesOf(ann)).toEqual([]);
  });

  it('that were written before it was known who writes are kept as soon as it is', async () => {
    const storage = new FakeStorage();
    const stage = await startClient({ storage });
    stage.client.stop();
    stage.server.onPost = () => 'lose';
    const { server, clock, group, ann } = stage;
    const early = createClient({
      baseUrl: 'http://starling.test',
      auth: { kind: 'password', email: 'ann@example.org', password: 'correct horse' },
      fetch: server.createFetch(),
      WebSocket: server.WebSocket,
      clock,
      random: () => 0.5,
      storage,
    });
    early.send(group, 'early');
    expect(early.getState().sends.get(group)?.[0]?.isKept).toBe(false);
    early.start();
    await settle();
    expect(early.getState().sends.get(group)?.[0]?.isKept).toBe(true);
    expect(storage.namesOf(ann)).toHaveLength(1);
  });

  it('are at most 500 of a million characters; more is only in memory, and said to be', async () => {
    const storage = new FakeStorage();
    const { server, client, group } = await startClient({ storage });
    server.onPost = () => 'lose';
    const areKept = () =>
      client
        .getState()
        .sends.get(group)
        ?.map(({ isKept }) => isKept) ?? [];
    for (let index = 0; index < 501; index++) client.send(group, `m${index}`);
    expect(areKept().lastIndexOf(true)).toBe(499);
    expect(areKept().at(-1)).toBe(false);
    await client.logOut();
    await client.logIn({ email: 'ann@example.org', password: 'correct horse' });
    client.start();
    await settle();
    for (let index = 0; index < 30; index++) client.send(group, 'x'.repeat(39_000));
    expect(areKept().filter(Boolean)).toHaveLength(25);
  });

  it('are only in memory when the storage has no room', async () => {
    const { server, client, group } = await startClient({ storage: new FakeStorage(10) });
    server.onPost = () => 'lose';
    client.send(group, 'hello');
    expect(client.getState().sends.get(group)).toMatchObject([{ body: 'hello', isKept: false }]);
    server.onPost = () => 'store';
  });

  it('and drafts are gone after logging out, but not when the session has ended by itself', async () => {
    const storage = new FakeStorage();
    const stage = await startClient({ storage });
    const { server, client, group, ann } = stage;
    server.onPost = () => 'lose';
    client.send(group, 'hello');
    client.setDraft(group, 'and then');
    client.endSession('logged-out');
    expect(storage.namesOf(ann)).toHaveLength(2);
    client.start();
    await settle();
    await client.logOut();
    expect(storage.namesOf(ann)).toEqual([]);
    expect(client.getDraft(group)).toBe('');
  });

  it('of another version, or spoilt, are passed over', async () => {
    const storage = new FakeStorage();
    const stage = await startClient({ storage });
    storage.set(`starling/${stage.ann}/send/${stage.group}/x`, '{');
    storage.set(`starling/${stage.ann}/send/${stage.group}/y`, '{"text":"hello"}');
    const again = await startAgain(stage, storage);
    expect(pending(again)).toEqual([]);
    expect(storage.namesOf(stage.ann)).toEqual([]);
  });
});
