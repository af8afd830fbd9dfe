import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chat, type Person, startChat } from './harness.ts';

describe('posting', () => {
  let chat: Chat;
  let ann: Person;
  let bob: Person;
  let eve: Person;

  beforeAll(async () => {
    chat = await startChat();
    [ann, bob, eve] = [await chat.signUp('Ann'), await chat.signUp('Bob'), await chat.signUp('Eve')];
  });
  afterAll(() => chat.stop());

  it('reaches every participant, the sender included, and is what history says', async () => {
    const group = await ann.createGroup('Pair', [bob]);
    const sockets = [await ann.connect(), await bob.connect()];
    for (const socket of sockets) await socket.find('live');
    const client = v7();
    sockets[0]?.send({ type: 'send', conversation: group.id, client, body: 'hello' });
    const ack = await sockets[0]?.find('ack');
    for (const socket of sockets) {
      const event = await socket.find('event', (frame) => frame.kind === 'message.posted');
      expect(event).toMatchObject({
        topic: 'conversations',
        key: group.id,
        author: ann.id,
        client,
        position: ack?.position,
        at: ack?.at,
        value: { body: 'hello' },
      });
    }
    const history = await bob.call('GET', `/v1/conversations/${group.id}/messages?after=${ack?.position}`);
    expect(history.body).toEqual({
      messages: [{ conversation: group.id, position: ack?.position, author: ann.id, client, body: 'hello', at: ack?.at }],
      more: false,
    });
    await Promise.all(sockets.map((socket) => socket.close()));
  });

  it('is one message with one answer, however often and by whatever way its id is sent', async () => {
    const group = await ann.createGroup('Twenty', [bob]);
    const other = await bob.createGroup('Other', []);
    const socket = await ann.connect();
    await socket.find('live');
    const client = v7();
    const replies = Promise.all(
      Array.from({ length: 10 }, () => ann.post(group.id, 'once', client, { after: { conversation: group.id, position: group.position } })),
    );
    for (let time = 0; time < 10; time++)
      socket.send({ type: 'send', conversation: group.id, client, body: 'once', retry: time % 2 === 1 });
    await waitFor(() => socket.frames.filter((frame) => frame.type === 'ack').length === 10);
    const answers = [
      ...(await replies).map(({ status, body }) => ({ status, position: body.position, at: body.at })),
      ...socket.frames.flatMap((frame) => (frame.type === 'ack' ? [{ status: 201, position: frame.position, at: frame.at }] : [])),
    ];
    expect(answers).toHaveLength(20);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]?.status).toBe(201);

    const independent = await bob.post(other.id, "bob's own", client);
    expect(independent.status).toBe(201);
    const inSame = await bob.post(group.id, "bob's too", client);
    expect(inSame.status).toBe(201);
    const { body } = await ann.call('GET', `/v1/conversations/${group.id}/messages?after=${inSame.body.position}`);
    expect(body.messages.map((message: { body: string }) => message.body)).toEqual(['once', "bob's too"]);
    expect(socket.bodies()).toEqual(['once', "bob's too"]);
    await socket.close();
  });

  it('keeps one order for all, whoever sends', async () => {
    const group = await ann.createGroup('Order', [bob]);
    const sockets = [await ann.connect(), await bob.connect()] as const;
    for (const socket of sockets) await socket.find('live');
    for (let number = 0; number < 50; number++) {
      sockets[0].send({ type: 'send', conversation: group.id, client: v7(), body: `ann ${number}` });
      sockets[1].send({ type: 'send', conversation: group.id, client: v7(), body: `bob ${number}` });
    }
    for (const socket of sockets)
      await waitFor(() => socket.bodies().length === 100 && socket.frames.filter((frame) => frame.type === 'ack').length === 50);
    const last = sockets[0].events().at(-1)?.position;
    const history = await ann.call('GET', `/v1/conversations/${group.id}/messages?limit=200&after=${last}`);
    const order = history.body.messages.map((message: { body: string }) => message.body);
    expect(sockets[0].bodies()).toEqual(order);
    expect(sockets[1].bodies()).toEqual(order);
    for (const who of ['ann', 'bob'])
      expect(order.filter((body: string) => body.startsWith(who))).toEqual(Array.from({ length: 50 }, (_, number) => `${who} ${number}`));
    await Promise.all(sockets.map((socket) => socket.close()));
  });

  it('works at once in a conversation that was just made, and the other side sees it without asking', async () => {
    const socket = await bob.connect();
    await socket.find('live');
    for (let round = 0; round < 200; round++) {
      const group = await ann.createGroup(`Round ${round}`, [bob]);
      const reply = await ann.post(group.id, `first of ${round}`, v7(), { after: { conversation: group.id, position: group.position } });
      expect(reply).toMatchObject({ status: 201 });
    }
    await waitFor(() => socket.bodies().length === 200);
    const created = socket
      .events()
      .filter((frame) => frame.kind === 'conversation.created')
      .map((frame) => frame.key);
    for (const event of socket.events()) if (event.topic === 'conversations') expect(created).toContain(event.key);
    expect(socket.bodies()).toEqual(expect.arrayContaining(Array.from({ length: 200 }, (_, round) => `first of ${round}`)));
    await socket.close();
  });

  it('is refused to someone who takes no part, like a conversation that is not there', async () => {
    const group = await ann.createGroup('Closed', [bob]);
    const absent = '00000000-0000-4000-8000-000000000000';
    const socket = await eve.connect();
    await socket.find('live');
    const routes = [
      ['GET', ''],
      ['GET', '/messages'],
      ['PATCH', '', { name: 'Mine' }],
      ['PUT', `/participants/${eve.id}`],
      ['DELETE', `/participants/${eve.id}`],
      ['DELETE', `/participants/${ann.id}`],
      ['POST', '/messages', { client: v7(), body: 'x' }],
    ] as const;
    for (const [method, path, body] of routes) {
      const [there, nowhere] = [
        await eve.call(method, `/v1/conversations/${group.id}${path}`, body),
        await eve.call(method, `/v1/conversations/${absent}${path}`, body),
      ];
      expect([method, path, there.status]).toEqual([method, path, 404]);
      expect(there.body).toEqual(nowhere.body);
    }
    for (const conversation of [group.id, absent]) socket.send({ type: 'send', conversation, client: v7(), body: 'x' });
    await waitFor(() => socket.frames.filter((frame) => frame.type === 'nack').length === 2);
    const problems = socket.frames.flatMap((frame) => (frame.type === 'nack' ? [frame.problem] : []));
    expect(problems[0]).toEqual(problems[1]);
    expect((await eve.snapshot()).conversations).toEqual([]);
    await ann.post(group.id, 'among us');
    const own = await eve.createGroup('Own', []);
    await socket.find('event', (frame) => frame.key === own.id);
    expect(socket.events().filter((frame) => frame.key === group.id)).toEqual([]);
    await socket.close();
  });

  it('ends with removal, at its place in the order, and begins with being added', async () => {
    const group = await ann.createGroup('Changing', [bob]);
    const socket = await bob.connect();
    const newcomer = await eve.connect();
    await socket.find('live');
    await newcomer.find('live');
    await ann.post(group.id, 'one');
    await ann.call('PUT', `/v1/conversations/${group.id}/participants/${eve.id}`);
    await ann.post(group.id, 'two');
    const removal = await ann.call('DELETE', `/v1/conversations/${group.id}/participants/${bob.id}`);
    expect(removal.status).toBe(200);
    await ann.post(group.id, 'three');
    await waitFor(() => newcomer.bodies().length === 2);
    expect(newcomer.bodies()).toEqual(['two', 'three']);
    await socket.find('event', (frame) => frame.kind === 'participant.removed');
    expect(socket.bodies()).toEqual(['one', 'two']);
    expect(socket.events().at(-1)).toMatchObject({ kind: 'participant.removed', position: removal.body.position });
    expect((await bob.post(group.id, 'four')).status).toBe(404);
    expect((await bob.call('GET', `/v1/conversations/${group.id}/messages`)).status).toBe(404);
    await Promise.all([socket.close(), newcomer.close()]);
  });
});
