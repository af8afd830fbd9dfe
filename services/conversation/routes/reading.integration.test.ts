import { offsetOf, partitionOf, positionOf } from '@starling/contracts/log';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestChat, type TestChat } from '../test-chat.ts';

let chat: TestChat;
beforeAll(async () => {
  chat = await openTestChat({ snapshotPage: 2 });
});
afterAll(() => chat.close());

interface Message {
  position: number;
  body: string;
}

async function history(user: string, id: string, query = ''): Promise<{ bodies: string[]; messages: Message[]; more: boolean }> {
  const { status, body } = await chat.call(user, 'GET', `/v1/conversations/${id}/messages${query}`);
  expect(status).toBe(200);
  return { ...body, bodies: body.messages.map((message: Message) => message.body) };
}

async function postAll(id: string, author: string, bodies: string[]): Promise<number[]> {
  const positions = [];
  for (const body of bodies) positions.push(positionOf(1, await chat.post(id, author, body)));
  await chat.projected();
  return positions;
}

const bodiesOf = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

describe('the history', () => {
  it('is read page by page in both directions, with nothing left out or twice', async () => {
    const ann = v7();
    const { id } = (await chat.createGroup(ann)).body;
    const bodies = bodiesOf('m', 11);
    const positions = await postAll(id, ann, bodies);
    for (const limit of [1, 3, 4, 10, 11, 12]) {
      const backwards: string[] = [];
      let before: number | undefined;
      for (let page = 0; page < 20; page++) {
        const {
          messages,
          bodies: read,
          more,
        } = await history(ann, id, `?limit=${limit}${before === undefined ? '' : `&before=${before}`}`);
        backwards.unshift(...read);
        expect(more).toBe(backwards.length < bodies.length);
        if (!more) break;
        expect(read).toHaveLength(limit);
        before = messages[0]?.position;
      }
      expect(backwards).toEqual(bodies);
      const forwards: string[] = [];
      let from = 0;
      for (let page = 0; page < 20; page++) {
        const { messages, bodies: read, more } = await history(ann, id, `?limit=${limit}&from=${from}`);
        forwards.push(...read);
        expect(more).toBe(forwards.length < bodies.length);
        if (!more) break;
        from = (messages.at(-1)?.position ?? 0) + 1;
      }
      expect(forwards).toEqual(bodies);
    }
    expect((await history(ann, id, `?before=${positions[3]}`)).bodies).toEqual(bodies.slice(0, 3));
    expect((await history(ann, id, `?from=${positions[3]}`)).bodies).toEqual(bodies.slice(3));
    expect(await history(ann, id, `?from=${(positions.at(-1) ?? 0) + 1}`)).toMatchObject({ bodies: [], more: false });
    expect(await history(ann, id, '?before=0')).toMatchObject({ bodies: [], more: false });
  });

  it('has 50 a page unless it is told otherwise', async () => {
    const ann = v7();
    const { id } = (await chat.createGroup(ann)).body;
    const bodies = bodiesOf('m', 51);
    await postAll(id, ann, bodies);
    expect(await history(ann, id)).toMatchObject({ bodies: bodies.slice(1), more: true });
  });

  it('is asked for in one way', async () => {
    const ann = v7();
    const { id } = (await chat.createGroup(ann)).body;
    for (const query of ['?before=1&from=1', '?limit=0', '?limit=201', '?limit=x', '?before=-1', '?before=9007199254740993', '?page=1']) {
      expect((await chat.call(ann, 'GET', `/v1/conversations/${id}/messages${query}`)).status, query).toBe(400);
    }
  });

  it('is readable for those who take part now, in all of the times that they may see', async () => {
    const [ann, bob] = [v7(), v7()];
    const { id } = (await chat.createGroup(ann)).body;
    await postAll(id, ann, ['before']);
    await chat.call(ann, 'PUT', `/v1/conversations/${id}/participants/${bob}`);
    await postAll(id, ann, ['while']);
    await chat.call(ann, 'DELETE', `/v1/conversations/${id}/participants/${bob}`);
    await postAll(id, ann, ['between']);
    expect((await chat.call(bob, 'GET', `/v1/conversations/${id}/messages`)).status).toBe(404);
    await chat.call(ann, 'PUT', `/v1/conversations/${id}/participants/${bob}`);
    await postAll(id, ann, ['again']);
    expect((await history(bob, id)).bodies).toEqual(['before', 'while', 'between', 'again']);
    // Whoever sees only what came after joining does not see what came before, nor what came while away.
    await chat.admin.query(
      `UPDATE conversation.participation SET spans = (SELECT jsonb_agg(jsonb_set(span, '{visibleFrom}', span -> 'from')) FROM jsonb_array_elements(spans) AS span) WHERE conversation = $1 AND "user" = $2`,
      [id, bob],
    );
    expect((await history(bob, id)).bodies).toEqual(['while', 'again']);
    expect(await history(bob, id, '?limit=1')).toMatchObject({ bodies: ['again'], more: true });
    expect((await history(bob, id, '?limit=1&from=0')).bodies).toEqual(['while']);
    expect((await chat.call(bob, 'GET', `/v1/conversations/${id}`)).body.lastMessage.body).toBe('again');
    await chat.call(ann, 'DELETE', `/v1/conversations/${id}/participants/${bob}`);
    expect((await chat.call(bob, 'GET', `/v1/conversations/${id}/messages`)).status).toBe(404);
  });

  it('waits for what its reader has seen already', async () => {
    const ann = v7();
    const { id } = (await chat.createGroup(ann)).body;
    const position = positionOf(1, await chat.post(id, ann, 'just now'));
    expect((await history(ann, id, `?after=${position}`)).bodies).toEqual(['just now']);
    // Another epoch has nothing to wait for.
    expect((await history(ann, id, `?after=${positionOf(0, 99)}`)).bodies).toEqual(['just now']);
  });
});

describe('a snapshot', () => {
  async function readAll(user: string) {
    const pages = [];
    let page = '';
    for (;;) {
      const { status, body } = await chat.call(user, 'GET', `/v1/snapshot${page}`);
      expect(status).toBe(200);
      pages.push(body);
      if (body.next === null) return pages;
      page = `?page=${body.next}`;
    }
  }

  it('has every conversation of its reader once, by id, whatever the number', async () => {
    for (const count of [0, 1, 2, 3, 4, 5]) {
      const [ann, bob] = [v7(), v7()];
      const ids = [];
      for (let index = 0; index < count; index++) ids.push((await chat.createGroup(ann, [bob])).body.id);
      await chat.createGroup(bob);
      const pages = await readAll(ann);
      expect(pages).toHaveLength(Math.max(1, Math.ceil(count / 2)));
      expect(pages.flatMap((page) => page.conversations.map((entry: { conversation: { id: string } }) => entry.conversation.id))).toEqual(
        [...ids].sort(),
      );
    }
  });

  it('says from where on the log follows, as a whole and for each conversation', async () => {
    const [ann, bob] = [v7(), v7()];
    const { id, position } = (await chat.createGroup(ann, [bob])).body;
    const [message = 0] = await postAll(id, bob, ['hi']);
    const [{ cursor, conversations }] = await readAll(ann);
    expect(cursor).toMatchObject({ epoch: 1, conversations: await chat.log.endOffsets('conversations') });
    expect([cursor.receipts.length, cursor.users.length]).toEqual([2, 2]);
    expect(conversations).toEqual([
      {
        conversation: { id, kind: 'group', name: 'Staff', rev: 1 },
        participants: [ann, bob].map((user, index) => ({
          user,
          role: index === 0 ? 'owner' : 'member',
          present: true,
          history: 'all',
          rev: 1,
        })),
        at: offsetOf(message) + 1,
        lastPosition: message,
        lastAt: expect.any(Number),
        lastMessage: { conversation: id, position: message, author: bob, client: expect.any(String), body: 'hi', at: expect.any(Number) },
      },
    ]);
    expect(cursor.conversations[partitionOf(id, 2)]).toBe(offsetOf(message) + 1);
    expect(message).toBeGreaterThan(position);
  });

  it('of a later page is not what its first page was: only the first cursor is behind all of them', async () => {
    const ann = v7();
    for (let index = 0; index < 3; index++) await chat.createGroup(ann);
    const first = (await chat.call(ann, 'GET', '/v1/snapshot')).body;
    const { id } = (await chat.createGroup(ann)).body;
    await chat.call(ann, 'PATCH', `/v1/conversations/${first.conversations[0].conversation.id}`, { name: 'Changed' });
    const second = (await chat.call(ann, 'GET', `/v1/snapshot?page=${first.next}`)).body;
    expect(second.conversations.map((entry: { conversation: { id: string } }) => entry.conversation.id)).toContain(id);
    for (const entry of second.conversations)
      expect(entry.at).toBeGreaterThanOrEqual(first.cursor.conversations[partitionOf(entry.conversation.id, 2)]);
    expect(second.next).toBeNull();
  });

  it('leaves out what its reader has left, and those who are away', async () => {
    const [ann, bob] = [v7(), v7()];
    const { id } = (await chat.createGroup(ann, [bob])).body;
    await chat.call(bob, 'DELETE', `/v1/conversations/${id}/participants/${bob}`);
    expect((await readAll(bob))[0].conversations).toEqual([]);
    expect((await readAll(ann))[0].conversations[0].participants).toMatchObject([{ user: ann }]);
    expect((await readAll(ann))[0].conversations[0].lastMessage).toBeNull();
    expect((await chat.call(ann, 'GET', '/v1/snapshot?page=x')).status).toBe(400);
  });
});

describe('while the projection does not go on', () => {
  it('what is awaited is behind, and what was read before is still read', async () => {
    const [ann, bob] = [v7(), v7()];
    const { id } = (await chat.createGroup(ann)).body;
    await postAll(id, ann, ['read before']);
    // The projection waits for the lock of its row.
    await chat.admin.query('BEGIN');
    await chat.admin.query('SELECT FROM conversation.projection FOR UPDATE');
    try {
      const position = positionOf(1, await chat.post(id, ann, 'not yet'));
      const added = await chat.call(ann, 'PUT', `/v1/conversations/${id}/participants/${bob}`);
      expect(added).toEqual({ status: 202, body: { id } });
      const begun = performance.now();
      const behind = await Promise.all([
        chat.call(ann, 'GET', `/v1/conversations/${id}/messages?after=${position}`),
        chat.call(bob, 'GET', `/v1/conversations/${id}`),
        chat.call(bob, 'GET', `/v1/conversations/${id}/messages`),
      ]);
      for (const reply of behind)
        expect(reply).toMatchObject({ status: 503, body: { type: 'urn:starling:problem:behind', retryAfter: 1 } });
      expect(performance.now() - begun).toBeGreaterThan(1_900);
      expect((await history(ann, id)).bodies).toEqual(['read before']);
      // Rights are taken away at once, before the log is read.
      await chat.call(ann, 'DELETE', `/v1/conversations/${id}/participants/${ann}`);
      expect((await chat.call(ann, 'GET', `/v1/conversations/${id}/messages`)).status).toBe(404);
    } finally {
      await chat.admin.query('ROLLBACK');
    }
    await chat.projected();
    expect((await history(bob, id)).bodies).toEqual(['read before', 'not yet']);
  });
});
