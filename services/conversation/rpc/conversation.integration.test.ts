import { Code, type ConnectError, createClient } from '@connectrpc/connect';
import { offsetOf, partitionOf, positionOf } from '@starling/contracts/log';
import { ConversationService } from '@starling/contracts/rpc';
import type { ServiceName } from '@starling/contracts/services';
import { onBehalfOf } from '@starling/platform/rpc';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestChat, type TestChat } from '../test-chat.ts';

let chat: TestChat;
beforeAll(async () => {
  chat = await openTestChat();
});
afterAll(() => chat.close());

const as = (service: ServiceName) => createClient(ConversationService, chat.platform.platform(service).rpc('conversation'));
async function userOf(user: string) {
  return onBehalfOf({ user, session: 's', token: await chat.platform.mintUserToken({ user, session: 's' }) });
}
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: ConnectError) => error.code,
  );

describe('participations', () => {
  it('are told to delivery alone, as they hold at a place of the log', async () => {
    const [ann, bob, cat] = [v7(), v7(), v7()];
    const { id, position } = (await chat.createGroup(ann, [bob])).body;
    const removed = (await chat.call(ann, 'DELETE', `/v1/conversations/${id}/participants/${bob}`)).body.position;
    await chat.projected();
    const { at, participations } = await as('delivery').loadParticipations({ users: [ann, bob, cat] });
    expect(at).toEqual(await chat.log.endOffsets('conversations'));
    expect(participations.sort((a, b) => a.rev - b.rev)).toMatchObject([
      { conversation: id, user: ann, rev: 1, spans: [{ role: 'owner', from: position, visibleFrom: 0 }] },
      { conversation: id, user: bob, rev: 2, spans: [{ role: 'member', from: position, to: removed, visibleFrom: 0 }] },
    ]);
    expect(participations[0]?.spans[0]?.to).toBeUndefined();
    const one = await as('delivery').loadParticipation({ conversation: id, user: bob });
    expect(one).toMatchObject({ at: offsetOf(removed) + 1, participation: { rev: 2, spans: [{ to: removed }] } });
    expect((await as('delivery').loadParticipation({ conversation: id, user: cat })).participation).toBeUndefined();
    expect((await as('delivery').loadParticipation({ conversation: v7(), user: ann })).participation).toBeUndefined();
    expect(await codeOf(as('web').loadParticipations({ users: [ann] }))).toBe(Code.Unauthenticated);
    expect(await codeOf(as('web').loadParticipation({ conversation: id, user: ann }))).toBe(Code.Unauthenticated);
    expect(await codeOf(as('delivery').loadParticipations({ users: [ann] }, await userOf(ann)))).toBe(Code.Unauthenticated);
    expect(await codeOf(as('delivery').loadParticipations({ users: new Array(1001).fill(ann) }))).toBe(Code.InvalidArgument);
  });

  it('that ended before the log begins are left out', async () => {
    const ann = v7();
    const { id } = (await chat.createGroup(ann)).body;
    await chat.call(ann, 'DELETE', `/v1/conversations/${id}/participants/${ann}`);
    await chat.projected();
    await chat.admin.query('UPDATE conversation.participation SET changed_at = $2 WHERE conversation = $1', [
      id,
      Date.now() - 8 * 86_400_000,
    ]);
    expect((await as('delivery').loadParticipations({ users: [ann] })).participations).toEqual([]);
    await chat.admin.query('UPDATE conversation.participation SET changed_at = $2 WHERE conversation = $1', [
      id,
      Date.now() - 6 * 86_400_000,
    ]);
    expect((await as('delivery').loadParticipations({ users: [ann] })).participations).toHaveLength(1);
  });
});

describe('a post', () => {
  it('is found by its author and client id alone, once the projection is past a place', async () => {
    const [ann, bob, client] = [v7(), v7(), v7()];
    const { id } = (await chat.createGroup(ann, [bob])).body;
    const offset = await chat.post(id, ann, 'hi', client);
    const find = async (user: string, conversation: string, projected: number) =>
      as('delivery').findPost({ conversation, client, projected }, await userOf(user));
    expect(await find(ann, id, offset + 1)).toMatchObject({ position: positionOf(1, offset), at: expect.any(Number) });
    expect((await find(bob, id, offset + 1)).position).toBeUndefined();
    expect((await find(ann, v7(), 0)).position).toBeUndefined();
    const end = (await chat.log.endOffsets('conversations'))[partitionOf(id, 2)] ?? 0;
    expect(await codeOf(find(ann, id, end + 1))).toBe(Code.FailedPrecondition);
    expect(await codeOf(as('delivery').findPost({ conversation: id, client, projected: 0 }))).toBe(Code.Unauthenticated);
  });
});
