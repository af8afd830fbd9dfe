import { describe, expect, it } from 'vitest';
import { settle } from '../testing/fake-clock.ts';
import { setStage, shownBodies, startClient } from '../testing/start-client.ts';

function names({ client }: { client: { getState(): { conversations: readonly { conversation: { name: string | null } }[] } } }) {
  return client.getState().conversations.map(({ conversation }) => conversation.name);
}

describe('snapshot and events', () => {
  it('shows the list of all pages, then follows live', async () => {
    const stage = setStage();
    const { server, client, ann, bob, clock } = stage;
    for (const name of ['Owls', 'Ducks']) {
      await clock.advance(1000);
      server.addGroup(name, [ann, bob]);
    }
    server.pageSize = 1;
    client.start();
    await settle();
    expect(client.getState()).toMatchObject({ connection: 'live', user: ann, loaded: true });
    expect(names(stage)).toEqual(['Ducks', 'Owls', 'Birds']);
    await clock.advance(1000);
    server.post(stage.group, bob, 'hello');
    expect(names(stage)).toEqual(['Birds', 'Ducks', 'Owls']);
    expect(client.getState().conversations[0]?.lastMessage?.body).toBe('hello');
  });

  it('finds a conversation that moved from a later page to an earlier one between the two', async () => {
    const stage = setStage();
    const { server, client, ann, bob, clock } = stage;
    await clock.advance(1000);
    server.addGroup('Owls', [ann, bob]);
    server.pageSize = 1;
    server.onRequest = ({ query }) => {
      if (query.get('page') === '1') {
        server.onRequest = () => undefined;
        server.post(stage.group, bob, 'moves up');
      }
      return undefined;
    };
    client.start();
    await clock.advance(10);
    expect(names(stage).sort()).toEqual(['Birds', 'Owls']);
  });

  it('shows a conversation as soon as it is made, and one that it is added to', async () => {
    const stage = await startClient();
    const { server, client, ann, bob } = stage;
    const owls = server.addGroup('Owls', [bob]);
    server.post(owls, bob, 'before');
    server.addGroup('Ducks', [bob, ann]);
    expect(names(stage)).toContain('Ducks');
    server.addParticipant(owls, ann);
    server.post(owls, bob, 'after');
    await settle();
    const held = client.getState().conversations.find(({ conversation }) => conversation.id === owls);
    expect(held?.lastMessage?.body).toBe('after');
    expect(held?.participants.map(({ user }) => user).sort()).toEqual([ann, bob].sort());
  });

  it('asks again for a conversation that the server does not show yet', async () => {
    const stage = await startClient();
    const { server, ann, bob, clock } = stage;
    const owls = server.addGroup('Owls', [bob]);
    let refusals = 3;
    server.onRequest = ({ path }) => (path === `/v1/conversations/${owls}` && refusals-- > 0 ? 'not-found' : undefined);
    server.addParticipant(owls, ann);
    await clock.advance(5000);
    expect(names(stage)).toContain('Owls');
  });

  it('loses a conversation at its removal, and does not get it back by an older fact', async () => {
    const stage = await startClient();
    const { server, client, ann, group } = stage;
    await client.openConversation(group);
    const added = { ...server.log.rooms.get(group)!.participants.get(ann)! };
    server.removeParticipant(group, ann);
    expect(names(stage)).toEqual([]);
    expect(client.getState().ranges.has(group)).toBe(false);
    const conversation = server.log.rooms.get(group)!.state;
    for (const socket of server.sockets) {
      const frame = server.log.events.at(-1)!;
      socket.deliver({ ...frame, position: frame.position + 1, kind: 'participant.added', value: { conversation, participant: added } });
    }
    await settle();
    expect(names(stage)).toEqual([]);
    server.addParticipant(group, ann);
    await settle();
    expect(names(stage)).toEqual(['Birds']);
  });

  it('loads profiles of those who are shown, in one request', async () => {
    const { client, server, bob, group, clock, ann } = await startClient();
    await clock.advance(100);
    await client.openConversation(group);
    await clock.advance(100);
    expect(client.getState().profiles.get(bob)?.name).toBe('Bob');
    expect(client.getState().profiles.get(ann)?.name).toBe('Ann');
    expect(server.requests.filter(({ path }) => path === '/v1/users/cards')).toHaveLength(2);
  });

  it('tells listeners once about a burst', async () => {
    const { client, server, bob, group } = await startClient();
    let calls = 0;
    client.subscribe(() => calls++);
    for (let index = 0; index < 20; index++) server.post(group, bob, `m${index}`);
    await settle();
    expect(calls).toBe(1);
  });
});

describe('messages of an opened conversation', () => {
  it('joins the newest page to what arrives while it is on its way, without a hole or a double', async () => {
    let answered = () => {};
    const stage = setStage({
      fetch: async (...request) => {
        const response = await fetchPage(...request);
        if (String(request[0]).includes('/messages')) answered();
        return response;
      },
    });
    const { server, client, bob, group } = stage;
    const fetchPage = server.createFetch();
    server.post(group, bob, 'one');
    client.start();
    await settle();
    server.onRequest = ({ path }) => {
      if (path.endsWith('/messages')) server.post(group, bob, 'two, in the page and live');
      return undefined;
    };
    answered = () => server.post(group, bob, 'three, after the page was read');
    await client.openConversation(group);
    server.post(group, bob, 'four');
    expect(shownBodies(stage)).toEqual(['one', 'two, in the page and live', 'three, after the page was read', 'four']);
    const page = server.requests.find(({ path }) => path.endsWith('/messages'));
    expect(Number(page?.query.get('after'))).toBe(server.log.rooms.get(group)?.messages[0]?.position);
  });

  it('loads older pages until there are none', async () => {
    const stage = setStage();
    const { server, client, bob, group } = stage;
    for (let index = 0; index < 120; index++) server.post(group, bob, `m${index}`);
    client.start();
    await settle();
    await client.openConversation(group);
    expect(shownBodies(stage)).toHaveLength(50);
    await Promise.all([client.loadOlder(group), client.loadOlder(group)]);
    expect(shownBodies(stage)).toHaveLength(100);
    await client.loadOlder(group);
    expect(shownBodies(stage)).toEqual(Array.from({ length: 120 }, (_, index) => `m${index}`));
    expect(client.getState().ranges.get(group)?.more).toBe(false);
    const asked = server.requests.length;
    await client.loadOlder(group);
    expect(server.requests.length).toBe(asked);
  });

  it('says why a page could not be loaded, and loads it when the connection is back', async () => {
    const stage = await startClient();
    const { server, client, bob, group, clock } = stage;
    server.post(group, bob, 'one');
    server.onRequest = () => 'internal';
    const opened = client.openConversation(group);
    await clock.advance(5000);
    await opened;
    expect(client.getState().ranges.get(group)).toMatchObject({ load: 'failed', error: { name: 'ApiError' } });
    server.post(group, bob, 'two');
    server.onRequest = () => undefined;
    server.closeAll(1012);
    await clock.advance(1000);
    expect(shownBodies(stage)).toEqual(['one', 'two']);
  });
});
