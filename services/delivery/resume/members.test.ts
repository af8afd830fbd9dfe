import { randomUUID } from 'node:crypto';
import { encodeFactHeaders, type ParticipantState, type Participation, parseHeaders, positionOf } from '@starling/contracts/log';
import { describe, expect, it } from 'vitest';
import { RingEntry } from '../ring/ring.ts';
import { Partition } from '../tail/partition.ts';
import { BehindError, type LoadedParticipations, Members } from './members.ts';

const conversation = randomUUID();
const [ann, bob, cat] = [randomUUID(), randomUUID(), randomUUID()];
const open = (rev = 1, from = 0): Participation => ({ rev, spans: [{ role: 'member', from, to: null, visibleFrom: 0 }] });
const ended = (rev: number, to: number): Participation => ({ rev, spans: [{ role: 'member', from: 0, to, visibleFrom: 0 }] });

/** Members of a pod with one partition, and the facts that its tail has read; what is loaded is the test's to say. */
function createPod(loaded: { at: number; participations?: [string, Participation][] }) {
  const partition = new Partition(0, 1024 * 1024);
  const asked: string[][] = [];
  const answer: { many: (users: string[]) => Promise<LoadedParticipations> } = {
    many: async (users) => ({
      at: [loaded.at],
      participations: (loaded.participations ?? [])
        .filter(([user]) => users.includes(user))
        .map(([user, participation]) => ({ conversation, user, participation })),
    }),
  };
  const members = new Members(
    {
      loadMany(users) {
        asked.push(users);
        return answer.many(users);
      },
      loadOne: async (_conversation, user) => ({
        at: loaded.at,
        participation: loaded.participations?.find(([name]) => name === user)?.[1],
      }),
    },
    () => [partition],
  );
  /** The tail reads a fact about a participant. */
  function read(user: string, rev: number, present: boolean): RingEntry {
    const kind = present ? 'participant.added' : 'participant.removed';
    const participant: ParticipantState = { user, role: 'member', present, history: 'all', rev };
    const value = { conversation: { id: conversation, kind: 'group', name: 'Staff', rev: 1 }, participant };
    const headers = encodeFactHeaders({ id: randomUUID(), kind, user });
    const offset = partition.next;
    partition.window.push(offset, conversation, parseHeaders(headers));
    const record = {
      topic: 'conversations' as const,
      partition: 0,
      offset,
      at: 0,
      key: conversation,
      headers,
      value: Buffer.from(JSON.stringify(value)),
    };
    const entry = new RingEntry(record, positionOf(0, offset));
    partition.ring.push(entry);
    members.apply(entry);
    return entry;
  }
  return { members, partition, asked, answer, read };
}

const occupants = (members: Members) => [...(members.room(conversation)?.occupants.keys() ?? [])];

describe('the members of a pod', () => {
  it('are loaded together, once each, and are in their rooms until they are given back', async () => {
    const { members, asked } = createPod({
      at: 0,
      participations: [
        [ann, open()],
        [bob, open()],
      ],
    });
    const [one, two, other] = await Promise.all([members.hold(ann), members.hold(ann), members.hold(bob)]);
    expect(asked).toEqual([[ann, bob]]);
    expect([one === two, one === other, one]).toEqual([true, false, members.find(ann)]);
    expect(occupants(members)).toEqual([ann, bob]);
    expect([ann, bob, cat].map((user) => members.allows(conversation, user))).toEqual([true, true, undefined]);
    members.release(one);
    expect(occupants(members)).toEqual([ann, bob]);
    members.release(two);
    expect([occupants(members), members.find(ann)]).toEqual([[bob], undefined]);
    members.release(other);
    expect(members.room(conversation)).toBeUndefined();
  });

  it('are what was loaded, and what the log has said since', async () => {
    const { members, read } = createPod({
      at: 1,
      participations: [
        [ann, open()],
        [bob, ended(4, 0)],
      ],
    });
    read(ann, 1, true);
    read(ann, 2, false);
    read(bob, 5, true);
    read(cat, 6, true);
    for (const user of [ann, bob, cat]) await members.hold(user);
    expect([ann, bob, cat].map((user) => members.allows(conversation, user))).toEqual([false, true, true]);
    expect(members.find(ann)?.occupancies.get(conversation)?.participation).toEqual(ended(2, 1));
    expect(members.find(bob)?.occupancies.get(conversation)?.participation.spans).toHaveLength(2);
  });

  it('are not brought back by a fact that is published again', async () => {
    const { members, read } = createPod({ at: 0, participations: [[ann, open()]] });
    await members.hold(ann);
    members.dismiss(read(ann, 3, false));
    members.dismiss(read(ann, 2, true));
    expect([members.allows(conversation, ann), occupants(members)]).toEqual([false, []]);
    read(ann, 4, true);
    expect([members.allows(conversation, ann), occupants(members)]).toEqual([true, [ann]]);
  });

  it('leave a room after the delivery of their removal, unless they are back by then', async () => {
    const { members, read } = createPod({
      at: 0,
      participations: [
        [ann, open()],
        [bob, open()],
      ],
    });
    await Promise.all([members.hold(ann), members.hold(bob)]);
    const removal = read(ann, 2, false);
    expect([occupants(members), members.allows(conversation, ann)]).toEqual([[ann, bob], false]);
    read(ann, 3, true);
    members.dismiss(removal);
    expect(occupants(members)).toEqual([ann, bob]);
    members.dismiss(read(ann, 4, false));
    expect(occupants(members)).toEqual([bob]);
  });

  it('cannot be told from what is older than what the pod remembers', async () => {
    const loaded = { at: 2, participations: [[ann, open()]] as [string, Participation][] };
    const { members, partition, answer } = createPod(loaded);
    partition.ring.startAt(3);
    await expect(members.hold(ann)).rejects.toThrow(BehindError);
    await expect(members.prepare(conversation, ann)).rejects.toThrow(BehindError);
    loaded.at = 3;
    await members.hold(ann);
    answer.many = () => Promise.reject(new Error('away'));
    await expect(Promise.all([members.hold(bob), members.hold(cat)])).rejects.toThrow('away');
    expect(members.find(bob)).toBeUndefined();
  });

  it('who only post are known after they were asked about, and then by the log', async () => {
    const { members, read } = createPod({ at: 0, participations: [[ann, open()]] });
    expect(members.allows(conversation, ann)).toBeUndefined();
    await members.prepare(conversation, ann);
    await members.prepare(conversation, bob);
    expect([ann, bob].map((user) => members.allows(conversation, user))).toEqual([true, false]);
    read(ann, 2, false);
    read(bob, 3, true);
    expect([ann, bob].map((user) => members.allows(conversation, user))).toEqual([false, true]);
    expect(members.room(conversation)).toBeUndefined();
    members.clear();
    expect(members.allows(conversation, bob)).toBeUndefined();
  });

  it('leave no room behind that was being walked when the last of them left', async () => {
    const users = Array.from({ length: 600 }, () => randomUUID());
    const { members } = createPod({ at: 0, participations: users.map((user) => [user, open()]) });
    const held = await Promise.all(users.map((user) => members.hold(user)));
    const walked = new Promise<void>((done) => {
      members.room(conversation)?.deliver({ topic: 'conversations', partition: 0, offset: 0, position: 0, frame: Buffer.alloc(1), done });
    });
    for (const member of held) members.release(member);
    await walked;
    expect(members.room(conversation)).toBeUndefined();
  });
});
