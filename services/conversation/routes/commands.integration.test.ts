import { randomUUID } from 'node:crypto';
import { positionOf } from '@starling/contracts/log';
import { waitFor } from '@starling/testing/wait-for';
import pg from 'pg';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { privateConversationId } from '../domain/private-id.ts';
import { openTestChat, type TestChat } from '../test-chat.ts';

let chat: TestChat;
beforeAll(async () => {
  chat = await openTestChat();
});
afterAll(() => chat.close());

const problem = (name: string) => `urn:starling:problem:${name}`;
const facts = async (conversation: string) =>
  (
    await chat.admin.query<{ kind: string }>(`SELECT headers ->> 'kind' AS kind FROM log.log_record WHERE key = $1 ORDER BY "offset"`, [
      conversation,
    ])
  ).rows.map((row) => row.kind);
const snapshot = (user: string, id: string) => chat.call(user, 'GET', `/v1/conversations/${id}`);

describe('a private conversation', () => {
  it('is one, with one position, however many ask for it at once from both sides', async () => {
    const [ann, bob] = [v7(), v7()];
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 2 ? chat.call(ann, 'PUT', `/v1/conversations/private/${bob}`) : chat.call(bob, 'PUT', `/v1/conversations/private/${ann}`),
      ),
    );
    const id = privateConversationId(ann, bob);
    const offset = Number((await chat.admin.query(`SELECT "offset" FROM log.log_record WHERE key = $1`, [id])).rows[0]?.offset);
    expect(new Set(replies.map((reply) => JSON.stringify(reply)))).toEqual(
      new Set([JSON.stringify({ status: 200, body: { id, position: positionOf(1, offset) } })]),
    );
    expect(await facts(id)).toEqual(['conversation.created']);
    const { body } = await snapshot(bob, id);
    expect(body.conversation).toEqual({ id, kind: 'private', name: null, rev: 1 });
    expect(body.participants.map((participant: { user: string; role: string }) => [participant.user, participant.role])).toEqual(
      [ann, bob].sort().map((user) => [user, 'member']),
    );
  });

  it('is not with oneself, nor with nobody, and does not change', async () => {
    const [ann, bob, nobody] = [v7(), v7(), v7()];
    chat.unknownUsers.add(nobody);
    expect(await chat.call(ann, 'PUT', `/v1/conversations/private/${ann}`)).toMatchObject({
      status: 400,
      body: { type: problem('invalid-request') },
    });
    expect(await chat.call(ann, 'PUT', `/v1/conversations/private/${nobody}`)).toMatchObject({
      status: 404,
      body: { type: problem('not-found') },
    });
    expect((await chat.call(ann, 'PUT', '/v1/conversations/private/nobody')).status).toBe(400);
    const { id } = (await chat.call(ann, 'PUT', `/v1/conversations/private/${bob}`)).body;
    const refused = [
      await chat.call(ann, 'PATCH', `/v1/conversations/${id}`, { name: 'Us' }),
      await chat.call(ann, 'PUT', `/v1/conversations/${id}/participants/${v7()}`),
      await chat.call(ann, 'DELETE', `/v1/conversations/${id}/participants/${ann}`),
      await chat.call(ann, 'DELETE', `/v1/conversations/${id}/participants/${bob}`),
    ];
    for (const reply of refused) expect(reply).toMatchObject({ status: 403, body: { type: problem('forbidden') } });
    expect(await facts(id)).toEqual(['conversation.created']);
  });
});

describe('a group', () => {
  it('is created once under one idempotency key, also by requests at the same time', async () => {
    const [ann, bob, key] = [v7(), v7(), randomUUID()];
    const replies = await Promise.all(Array.from({ length: 8 }, () => chat.createGroup(ann, [bob], 'Staff', key)));
    const { id, position } = replies[0]?.body ?? {};
    for (const reply of replies) expect(reply).toEqual({ status: 201, body: { id, position } });
    expect(position).toBeGreaterThanOrEqual(positionOf(1, 0));
    expect(await facts(id)).toEqual(['conversation.created']);
    expect(await chat.createGroup(ann, [bob], 'Another', key)).toMatchObject({
      status: 422,
      body: { type: problem('idempotency-key-reused') },
    });
    // The key is its user's own.
    const other = await chat.createGroup(bob, [ann], 'Staff', key);
    expect(other.status).toBe(201);
    expect(other.body.id).not.toBe(id);
  });

  it('needs a key, a name and people that there are', async () => {
    const [ann, nobody] = [v7(), v7()];
    chat.unknownUsers.add(nobody);
    const without = await chat.call(ann, 'POST', '/v1/conversations', { name: 'x', participants: [] });
    expect(without).toMatchObject({ status: 400, body: { errors: [{ pointer: '/headers/idempotency-key' }] } });
    expect(await chat.createGroup(ann, [], ' ')).toMatchObject({ status: 400, body: { errors: [{ pointer: '/body/name' }] } });
    expect(await chat.createGroup(ann, ['x'])).toMatchObject({ status: 400, body: { errors: [{ pointer: '/body/participants/0' }] } });
    expect(await chat.createGroup(ann, [nobody])).toMatchObject({ status: 404, body: { type: problem('not-found') } });
    expect(
      (
        await chat.createGroup(
          ann,
          Array.from({ length: 100 }, () => v7()),
        )
      ).status,
    ).toBe(400);
    const alone = await chat.createGroup(ann, [ann]);
    expect((await snapshot(ann, alone.body.id)).body.participants).toMatchObject([{ user: ann, role: 'owner' }]);
  });

  it('changes by commands, each answered with its place, and with none when it is so already', async () => {
    const [ann, bob] = [v7(), v7()];
    const { id, position } = (await chat.createGroup(ann)).body;
    const added = await chat.call(ann, 'PUT', `/v1/conversations/${id}/participants/${bob}`);
    const renamed = await chat.call(bob, 'PATCH', `/v1/conversations/${id}`, { name: 'Choir' });
    const left = await chat.call(ann, 'DELETE', `/v1/conversations/${id}/participants/${ann}`);
    const places = [position, added.body.position, renamed.body.position, left.body.position];
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(new Set(places).size).toBe(4);
    expect(await facts(id)).toEqual([
      'conversation.created',
      'participant.added',
      'conversation.updated',
      'participant.removed',
      'participant.changed',
    ]);
    expect((await snapshot(bob, id)).body).toMatchObject({ conversation: { name: 'Choir' }, participants: [{ user: bob, role: 'owner' }] });
    expect(await chat.call(bob, 'PATCH', `/v1/conversations/${id}`, { name: 'Choir' })).toEqual({ status: 200, body: { id } });
    expect(await chat.call(bob, 'PUT', `/v1/conversations/${id}/participants/${bob}`)).toEqual({ status: 200, body: { id } });
    expect(await chat.call(bob, 'DELETE', `/v1/conversations/${id}/participants/${ann}`)).toEqual({ status: 200, body: { id } });
    expect(await facts(id)).toHaveLength(5);
  });

  it('takes changes at the same time one after another', async () => {
    const ann = v7();
    const others = Array.from({ length: 10 }, () => v7());
    const { id } = (await chat.createGroup(ann)).body;
    const replies = await Promise.all(others.map((user) => chat.call(ann, 'PUT', `/v1/conversations/${id}/participants/${user}`)));
    expect(replies.map((reply) => reply.status)).toEqual(others.map(() => 200));
    const { participants } = (await snapshot(ann, id)).body;
    expect(participants.map((participant: { rev: number }) => participant.rev).sort((a: number, b: number) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ]);
  });

  it('does not exist for those who do not take part in it', async () => {
    const [ann, bob, cat] = [v7(), v7(), v7()];
    const { id } = (await chat.createGroup(ann, [bob])).body;
    await chat.call(ann, 'DELETE', `/v1/conversations/${id}/participants/${bob}`);
    for (const [user, conversation] of [
      [bob, id],
      [cat, id],
      [ann, v7()],
    ]) {
      const replies = [
        await chat.call(user ?? '', 'PATCH', `/v1/conversations/${conversation}`, { name: 'Mine' }),
        await chat.call(user ?? '', 'PUT', `/v1/conversations/${conversation}/participants/${cat}`),
        await chat.call(user ?? '', 'DELETE', `/v1/conversations/${conversation}/participants/${user}`),
        await chat.call(user ?? '', 'GET', `/v1/conversations/${conversation}`),
        await chat.call(user ?? '', 'GET', `/v1/conversations/${conversation}/messages`),
      ];
      for (const reply of replies)
        expect(reply).toEqual({ status: 404, body: { type: problem('not-found'), title: expect.any(String), status: 404 } });
    }
    expect(await facts(id)).toEqual(['conversation.created', 'participant.removed']);
  });

  it('lets only its owner remove others', async () => {
    const [ann, bob, cat] = [v7(), v7(), v7()];
    const { id } = (await chat.createGroup(ann, [bob, cat])).body;
    expect(await chat.call(bob, 'DELETE', `/v1/conversations/${id}/participants/${cat}`)).toMatchObject({
      status: 403,
      body: { type: problem('forbidden') },
    });
    expect((await chat.call(ann, 'DELETE', `/v1/conversations/${id}/participants/${cat}`)).status).toBe(200);
  });
});

describe('while nobody tells who exists', () => {
  it('a command that needs it is refused for now, and nothing is done', async () => {
    const [ann, bob] = [v7(), v7()];
    const { id } = (await chat.createGroup(ann)).body;
    chat.faults.usersAway = true;
    try {
      const replies = [
        await chat.call(ann, 'PUT', `/v1/conversations/private/${bob}`),
        await chat.call(ann, 'PUT', `/v1/conversations/${id}/participants/${bob}`),
        await chat.createGroup(ann, [bob]),
      ];
      for (const reply of replies) expect(reply).toMatchObject({ status: 503, body: { type: problem('unavailable') } });
      expect((await chat.call(ann, 'PATCH', `/v1/conversations/${id}`, { name: 'Choir' })).status).toBe(200);
    } finally {
      chat.faults.usersAway = false;
    }
    expect(await facts(id)).toEqual(['conversation.created', 'conversation.updated']);
  });
});

describe('without tokens', () => {
  it('nothing is answered', async () => {
    for (const url of ['/v1/snapshot', `/v1/conversations/${v7()}`])
      expect((await chat.platform.http('conversation').inject(url)).statusCode).toBe(401);
  });
});

describe('while nothing can be sent', () => {
  it('a command is done and answered without a place; its fact follows', async () => {
    const own = await openTestChat();
    const locker = new pg.Client({ connectionString: own.platform.platform('conversation').db.options.connectionString });
    try {
      const [ann, bob] = [v7(), v7()];
      const { id } = (await own.createGroup(ann)).body;
      // The lock of the relay goes to somebody else.
      await locker.connect();
      await own.admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7301 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      await locker.query('SELECT pg_advisory_lock(7301, hashtext(current_schema()))');
      const [added, again] = await Promise.all([
        own.call(ann, 'PUT', `/v1/conversations/${id}/participants/${bob}`),
        own.call(ann, 'PUT', `/v1/conversations/private/${bob}`),
      ]);
      expect(added).toEqual({ status: 202, body: { id } });
      expect(again).toEqual({ status: 202, body: { id: privateConversationId(ann, bob) } });
      // It is done: the same again changes nothing.
      expect(await own.call(ann, 'PUT', `/v1/conversations/${id}/participants/${bob}`)).toEqual({ status: 200, body: { id } });
      // Who was added knows of it before the log does, and is asked to come again, not told that there is nothing.
      expect(await own.call(bob, 'GET', `/v1/conversations/${id}`)).toMatchObject({
        status: 503,
        body: { type: problem('behind'), retryAfter: 1 },
      });
      await locker.end();
      await waitFor(async () => (await own.call(bob, 'GET', `/v1/conversations/${id}`)).status === 200);
      const late = await waitFor(
        async () => (await own.call(bob, 'PUT', `/v1/conversations/private/${ann}`)).body.position as number | undefined,
      );
      expect(late).toBeGreaterThanOrEqual(positionOf(1, 0));
    } finally {
      await locker.end().catch(() => {});
      await own.close();
    }
  });
});
