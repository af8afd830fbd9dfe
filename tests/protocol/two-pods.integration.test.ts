import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chat, type Person, startChat } from './harness.ts';

describe('two pods on one log', () => {
  let chat: Chat;
  let ann: Person;
  let bob: Person;

  beforeAll(async () => {
    chat = await startChat({ pods: 2 });
    [ann, bob] = [await chat.signUp('Ann'), await chat.signUp('Bob')];
  });
  afterAll(() => chat.stop());

  it('give one answer to one post that reaches both at once, before either has read it back', async () => {
    const group = await ann.createGroup('Race', [bob]);
    const sockets = await Promise.all([0, 1].map((pod) => ann.connect(undefined, pod)));
    for (const socket of sockets) await socket.find('live');
    const clients = Array.from({ length: 25 }, () => v7());
    for (const client of clients)
      for (const socket of sockets) socket.send({ type: 'send', conversation: group.id, client, body: `about ${client}` });
    for (const socket of sockets) await waitFor(() => socket.frames.filter((frame) => frame.type === 'ack').length === clients.length);
    const answers = sockets.map((socket) =>
      socket.frames.flatMap((frame) => (frame.type === 'ack' ? [[frame.client, frame.position]] : [])).sort(),
    );
    expect(answers[0]).toEqual(answers[1]);
    for (const socket of sockets) expect(socket.bodies().sort()).toEqual(clients.map((client) => `about ${client}`).sort());
    const last = Math.max(...(answers[0] ?? []).map((answer) => Number(answer[1])));
    const history = await bob.call('GET', `/v1/conversations/${group.id}/messages?limit=200&after=${last}`);
    expect(history.body.messages.map((message: { client: string; position: number }) => [message.client, message.position]).sort()).toEqual(
      answers[0],
    );
    await Promise.all(sockets.map((socket) => socket.close()));
  });

  it('carry a conversation between users of different pods, and a user from one to the other', async () => {
    const group = await ann.createGroup('Across', [bob]);
    const [a, b] = [await ann.connect(undefined, 0), await bob.connect(undefined, 1)];
    await a.find('live');
    await b.find('live');
    a.send({ type: 'send', conversation: group.id, client: v7(), body: 'ping' });
    await b.find('event', (frame) => frame.kind === 'message.posted');
    const { cursor } = await bob.snapshot();
    await b.close();
    a.send({ type: 'send', conversation: group.id, client: v7(), body: 'pong' });
    await waitFor(() => a.bodies().length === 2);
    const moved = await bob.connect(cursor, 0);
    await moved.find('live');
    expect(moved.bodies().at(-1)).toBe('pong');
    await Promise.all([a.close(), moved.close()]);
  });
});
