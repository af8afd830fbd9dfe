import { renderProblem } from '@starling/contracts/problems';
import type { SendFrame } from '@starling/contracts/socket';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settle } from '../testing/fake-clock.ts';
import type { PostScript } from '../testing/fake-server.ts';
import { pending, type Stage, setStage, shownBodies, startClient } from '../testing/start-client.ts';

function sends({ server }: Stage): SendFrame[] {
  return server.frames.filter((frame) => frame.type === 'send');
}

async function startOpened(): Promise<Stage> {
  const stage = await startClient();
  await stage.client.openConversation(stage.group);
  return stage;
}

describe('send queue', () => {
  it('shows a post as pending, then as a message, never as both or neither', async () => {
    const stage = await startOpened();
    const { client, group } = stage;
    const views: string[] = [];
    client.subscribe(() => views.push([...shownBodies(stage), ...pending(stage)].join('|')));
    const { outcome } = client.send(group, 'hello');
    await settle();
    expect(new Set(views)).toEqual(new Set(['hello (sending)', 'hello']));
    expect(await outcome).toMatchObject({ status: 'ok', position: stage.server.log.rooms.get(group)?.lastPosition });
  });

  it('keeps it shown when the answer is there before the message, and needs none when the message is', async () => {
    const stage = await startOpened();
    const { server, client, group, ann } = stage;
    server.onPost = () => 'lose';
    const first = client.send(group, 'answer first');
    const second = client.send(group, 'message first');
    await settle();
    server.broadcast({
      type: 'ack',
      conversation: group,
      client: first.client,
      position: server.log.rooms.get(group)!.lastPosition + 5,
      at: 1,
    });
    await settle();
    expect(pending(stage)).toEqual(['answer first (sent)', 'message first (sending)']);
    server.post(group, ann, 'answer first', first.client);
    server.post(group, ann, 'message first', second.client);
    expect(await second.outcome).toMatchObject({ status: 'ok' });
    expect(pending(stage)).toEqual([]);
    expect(shownBodies(stage)).toEqual(['answer first', 'message first']);
  });

  it('does not keep what is stored where no messages are shown', async () => {
    const stage = await startClient();
    const { client, group } = stage;
    await client.send(group, 'hello').outcome;
    expect(client.getState().sends.size).toBe(0);
  });

  it('sends again under the same id what may have been stored, until the answer comes: stored once', async () => {
    const stage = await startOpened();
    const { server, client, group, clock } = stage;
    server.onPost = () => ({ answer: 'unknown', stored: false });
    const { client: id, outcome } = client.send(group, 'hello');
    await settle();
    expect(pending(stage)).toEqual(['hello (unknown)']);
    client.discard(group, id);
    expect(pending(stage)).toEqual(['hello (unknown)']);
    await clock.advance(60_000);
    expect(sends(stage).length).toBeGreaterThan(5);
    expect(new Set(sends(stage).map((frame) => frame.client))).toEqual(new Set([id]));
    expect(sends(stage).map((frame) => frame.retry)).toEqual([
      undefined,
      ...sends(stage)
        .slice(1)
        .map(() => true),
    ]);
    server.onPost = () => 'store';
    await clock.advance(20_000);
    expect(await outcome).toMatchObject({ status: 'ok' });
    expect(shownBodies(stage)).toEqual(['hello']);
  });

  it('asks again when no answer comes at all', async () => {
    const stage = await startOpened();
    const { server, client, group, clock } = stage;
    server.onPost = () => 'lose';
    client.send(group, 'hello');
    await clock.advance(14_999);
    expect(pending(stage)).toEqual(['hello (sending)']);
    server.onPost = () => 'store';
    await clock.advance(1_000);
    expect(shownBodies(stage)).toEqual(['hello']);
  });

  it('learns from what it missed that a post was stored when the socket closed, and sends it no more', async () => {
    const stage = await startOpened();
    const { server, client, group, clock, ann } = stage;
    server.onPost = () => 'lose';
    const { client: id, outcome } = client.send(group, 'hello');
    await settle();
    server.closeAll(1012);
    await settle();
    expect(pending(stage)).toEqual(['hello (unknown)']);
    server.post(group, ann, 'hello', id);
    await clock.advance(1000);
    expect(await outcome).toMatchObject({ status: 'ok' });
    expect(sends(stage)).toHaveLength(1);
    expect(pending(stage)).toEqual([]);
  });

  it('does not show forever what was stored when the message itself is beyond the page that a resync loads', async () => {
    const stage = await startOpened();
    const { server, client, bob, group, clock } = stage;
    for (const socket of server.sockets) socket.resumed = false;
    await client.send(group, 'hello').outcome;
    expect(pending(stage)).toEqual(['hello (sent)']);
    for (let index = 0; index < 60; index++) server.post(group, bob, `m${index}`);
    server.closeAll(4409);
    await clock.advance(1000);
    expect(shownBodies(stage).at(-1)).toBe('m59');
    expect(shownBodies(stage)).not.toContain('hello');
    expect(pending(stage)).toEqual([]);
  });

  it('waits as long as a refusal that may pass asks it to', async () => {
    const stage = await startOpened();
    const { server, client, group, clock } = stage;
    server.onPost = () => ({ answer: 'nack', problem: renderProblem('rate-limited', { retryAfter: 8 }) });
    client.send(group, 'hello');
    await settle();
    server.onPost = () => 'store';
    await clock.advance(7_900);
    expect(pending(stage)).toEqual(['hello (sending)']);
    await clock.advance(200);
    expect(shownBodies(stage)).toEqual(['hello']);
  });

  it('keeps a refused post until it is discarded, and goes on with the next', async () => {
    const stage = await startOpened();
    const { server, client, group } = stage;
    server.onPost = ({ body }) => (body === 'bad' ? { answer: 'nack', problem: renderProblem('forbidden') } : 'store');
    const { client: id, outcome } = client.send(group, 'bad');
    client.send(group, 'good');
    expect(await outcome).toMatchObject({ status: 'refused', problem: { status: 403 } });
    await settle();
    expect(shownBodies(stage)).toEqual(['good']);
    expect(pending(stage)).toEqual(['bad (refused)']);
    client.discard(group, id);
    expect(pending(stage)).toEqual([]);
  });

  it('queues while there is no connection, and sends in order when there is', async () => {
    const stage = setStage();
    const { client, group } = stage;
    for (const body of ['one', 'two', 'three']) client.send(group, body);
    client.start();
    await settle();
    await client.openConversation(group);
    expect(shownBodies(stage)).toEqual(['one', 'two', 'three']);
    expect(sends(stage)[0]?.after).toMatchObject({ conversation: group });
  });

  it('refuses at once what cannot be posted, in a sentence', async () => {
    const { client, group } = await startClient();
    expect(() => client.send(group, '  \n')).toThrow('A message needs some text.');
    expect(() => client.send(group, 'é'.repeat(20_001))).toThrow('The message is 2 bytes too long: at most 40,000 fit.');
    expect(() => client.send(group, '\ud800 lone')).toThrow('cannot be sent');
    expect(client.getState().sends.size).toBe(0);
  });

  it('stores every post once and in order, whatever happens to answers and sockets', async () => {
    const script = fc.constantFrom<PostScript | 'close'>(
      'store',
      'store-silently',
      'lose',
      'close',
      { answer: 'unknown', stored: true },
      { answer: 'unknown', stored: false },
      {
        answer: 'nack',
        problem: renderProblem('unavailable'),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(script, { maxLength: 12 }), fc.integer({ min: 1, max: 6 }), async (scripts, count) => {
        const stage = await startOpened();
        const { server, client, group, clock } = stage;
        const left = [...scripts];
        server.onPost = () => {
          const next = left.shift() ?? 'store';
          if (next !== 'close') return next;
          server.closeAll(1006);
          return 'store-silently';
        };
        const bodies = Array.from({ length: count }, (_, index) => `m${index}`);
        const outcomes = bodies.map((body) => client.send(group, body).outcome);
        for (let beat = 0; beat < 40; beat++) {
          await clock.advance(10_000);
          server.sendCursors();
        }
        expect((await Promise.all(outcomes)).map(({ status }) => status)).toEqual(bodies.map(() => 'ok'));
        expect(server.log.rooms.get(group)?.messages.map(({ body }) => body)).toEqual(bodies);
        expect(shownBodies(stage)).toEqual(bodies);
        expect(pending(stage)).toEqual([]);
        client.stop();
      }),
      { numRuns: 40 },
    );
  });
});
