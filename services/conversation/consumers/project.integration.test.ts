import type { ConversationState, EventKind, EventValue } from '@starling/contracts/events';
import { encodeFactHeaders, encodePostHeaders, positionOf } from '@starling/contracts/log';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Participant } from '../domain/conversation.ts';
import { openTestChat, type TestChat } from '../test-chat.ts';

let chat: TestChat;
beforeAll(async () => {
  chat = await openTestChat();
});
afterAll(() => chat.close());

/** States a fact in the log, as the relay does; returns its position. */
async function state<K extends EventKind>(kind: K, conversation: string, value: EventValue<K>, user?: string): Promise<number> {
  const headers = encodeFactHeaders({ id: v7(), kind, ...(user === undefined ? {} : { user }) });
  return positionOf(1, await chat.append(conversation, headers, value));
}

const stateOf = (id: string, rev: number, name = `name ${rev}`): ConversationState => ({ id, kind: 'group', name, rev });
const participantOf = (user: string, rev: number, present = true, role: Participant['role'] = 'member'): Participant => ({
  user,
  role,
  present,
  history: 'all',
  rev,
});

async function view(id: string) {
  await chat.projected();
  const { rows } = await chat.admin.query(
    'SELECT name, rev::int, created_position::float8 AS created, last_position::float8 AS last, last_at::float8 AS at FROM conversation.conversation_view WHERE id = $1',
    [id],
  );
  return rows[0];
}

async function participation(id: string, user: string) {
  await chat.projected();
  const { rows } = await chat.admin.query(
    'SELECT role, present, rev::int, spans FROM conversation.participation WHERE conversation = $1 AND "user" = $2',
    [id, user],
  );
  return rows[0];
}

describe('facts', () => {
  it('that are published again change nothing', async () => {
    const [id, ann] = [v7(), v7()];
    const created = await state('conversation.created', id, {
      conversation: stateOf(id, 1),
      participants: [participantOf(ann, 1, true, 'owner')],
    });
    await state('conversation.updated', id, { conversation: stateOf(id, 2) });
    const removed = await state(
      'participant.removed',
      id,
      { conversation: stateOf(id, 2), participant: participantOf(ann, 3, false, 'owner') },
      ann,
    );
    const before = [await view(id), await participation(id, ann)];
    expect(before).toEqual([
      { name: 'name 2', rev: 2, created, last: created, at: expect.any(Number) },
      { role: 'owner', present: false, rev: 3, spans: [{ role: 'owner', from: created, to: removed, visibleFrom: 0 }] },
    ]);
    await state('participant.added', id, { conversation: stateOf(id, 1), participant: participantOf(ann, 2) }, ann);
    await state('conversation.created', id, { conversation: stateOf(id, 1), participants: [participantOf(ann, 1, true, 'owner')] });
    await state('conversation.updated', id, { conversation: stateOf(id, 2, 'another') });
    await state('participant.removed', id, { conversation: stateOf(id, 2), participant: participantOf(ann, 3, true, 'owner') }, ann);
    expect([await view(id), await participation(id, ann)]).toEqual(before);
  });

  it('of different entities may come in any order', async () => {
    const [id, ann, bob] = [v7(), v7(), v7()];
    const added = await state('participant.added', id, { conversation: stateOf(id, 3), participant: participantOf(bob, 4) }, bob);
    expect(await view(id)).toMatchObject({ name: 'name 3', rev: 3, created: null, last: added });
    const created = await state('conversation.created', id, {
      conversation: stateOf(id, 1),
      participants: [participantOf(ann, 1, true, 'owner')],
    });
    expect(await view(id)).toMatchObject({ name: 'name 3', rev: 3, created });
    expect(await participation(id, bob)).toMatchObject({ rev: 4, spans: [{ from: added, to: null }] });
    expect(await participation(id, ann)).toMatchObject({ rev: 1, spans: [{ from: created, to: null }] });
    await state('conversation.updated', id, { conversation: stateOf(id, 2) });
    expect(await view(id)).toMatchObject({ name: 'name 3', rev: 3 });
  });

  it('of one batch build on one another', async () => {
    const [id, ann] = [v7(), v7()];
    const facts = Array.from({ length: 30 }, (_, index) =>
      index === 0
        ? state('conversation.created', id, { conversation: stateOf(id, 1), participants: [participantOf(ann, 1)] })
        : state(
            index % 2 ? 'participant.removed' : 'participant.added',
            id,
            { conversation: stateOf(id, 1), participant: participantOf(ann, index + 1, index % 2 === 0) },
            ann,
          ),
    );
    const positions = await Promise.all(facts);
    const { spans } = await participation(id, ann);
    expect(spans).toHaveLength(15);
    expect(spans.flatMap((span: { from: number; to: number }) => [span.from, span.to])).toEqual(positions);
  });

  it('change the role within the span', async () => {
    const [id, ann] = [v7(), v7()];
    const created = await state('conversation.created', id, { conversation: stateOf(id, 1), participants: [participantOf(ann, 1)] });
    await state('participant.changed', id, { conversation: stateOf(id, 1), participant: participantOf(ann, 2, true, 'owner') }, ann);
    expect(await participation(id, ann)).toEqual({
      role: 'owner',
      present: true,
      rev: 2,
      spans: [{ role: 'owner', from: created, to: null, visibleFrom: 0 }],
    });
  });

  it('of a kind that this version does not know are passed over; one with a bad value is put aside', async () => {
    const [id, ann] = [v7(), v7()];
    await chat.append(id, encodeFactHeaders({ id: v7(), kind: 'poll.opened' }), { anything: true });
    const offset = await chat.append(id, encodeFactHeaders({ id: v7(), kind: 'conversation.updated' }), { conversation: 'bad' });
    await state('conversation.created', id, { conversation: stateOf(id, 1), participants: [participantOf(ann, 1)] });
    expect(await view(id)).toMatchObject({ rev: 1 });
    const { rows } = await chat.admin.query(`SELECT "offset"::int AS place, error FROM conversation.failed_record WHERE key = $1`, [id]);
    expect(rows).toEqual([{ place: offset, error: 'the value of this conversation.updated is not valid' }]);
  });
});

describe('posts', () => {
  it('become messages and move their conversation up the list', async () => {
    const [ann, bob] = [v7(), v7()];
    const { id, position } = (await chat.createGroup(ann, [bob])).body;
    const client = v7();
    const first = positionOf(1, await chat.post(id, ann, 'hello ☀️', client));
    const second = positionOf(1, await chat.post(id, bob, 'hi'));
    expect(await view(id)).toMatchObject({ created: position, last: second });
    const { messages } = (await chat.call(ann, 'GET', `/v1/conversations/${id}/messages`)).body;
    expect(messages).toMatchObject([
      { conversation: id, position: first, author: ann, client, body: 'hello ☀️' },
      { conversation: id, position: second, author: bob, body: 'hi' },
    ]);
    const { at } = await view(id);
    expect(messages[1].at).toBe(at);
    await chat.call(ann, 'PATCH', `/v1/conversations/${id}`, { name: 'Choir' });
    expect(await view(id)).toMatchObject({ name: 'Choir', last: second, at });
  });

  it('count once an identity, and not when they are void or their value is bad', async () => {
    const [ann, bob] = [v7(), v7()];
    const { id } = (await chat.createGroup(ann, [bob])).body;
    const [client, bad] = [v7(), v7()];
    await chat.post(id, ann, 'once', client);
    await chat.post(id, bob, "another author's", client);
    const end = (await chat.log.endOffsets('conversations')).reduce((sum, next) => Math.max(sum, next), 0);
    const headers = encodePostHeaders({ id: v7(), author: ann, client: v7(), asOf: end + 1_000, slow: false, attempt: 'pod.1' });
    await chat.append(id, headers, { body: 'from the future' });
    await chat.append(id, encodePostHeaders({ id: v7(), author: ann, client, asOf: -1, slow: false, attempt: 'pod.1' }), { body: 'void' });
    // Much later, when the window has forgotten the first, the identity is still the same message.
    await chat.post(id, ann, 'twice', client);
    await chat.post(id, ann, 'x\0y', bad);
    await chat.post(id, ann, 'last');
    await chat.projected();
    const { messages } = (await chat.call(ann, 'GET', `/v1/conversations/${id}/messages`)).body;
    expect(messages.map((message: { body: string }) => message.body)).toEqual(['once', "another author's", 'last']);
    expect((await chat.admin.query('SELECT FROM conversation.failed_record WHERE key = $1', [id])).rowCount).toBe(0);
  });
});
