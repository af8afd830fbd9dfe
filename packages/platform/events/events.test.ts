import { randomUUID } from 'node:crypto';
import { EVENTS, type EventKind } from '@starling/contracts/events';
import { describe, expect, it } from 'vitest';
import { decodeEvent } from './index.ts';

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

const conversation = { id: randomUUID(), kind: 'group', name: 'Staff', rev: 1 };
const participant = { user: randomUUID(), role: 'member', present: true, history: 'all', rev: 1 };
const values: Record<EventKind, object> = {
  'conversation.created': { conversation, participants: [participant] },
  'conversation.updated': { conversation },
  'participant.added': { conversation, participant },
  'participant.changed': { conversation, participant },
  'participant.removed': { conversation, participant },
  'message.posted': { body: 'Good morning ☀️' },
  'user.created': { user: randomUUID(), name: 'Ann' },
  'user.updated': { user: randomUUID(), role: 'guest', disabled: true, rev: 2 },
  'session.revoked': { user: randomUUID(), session: randomUUID() },
  'profile.updated': { profile: { id: randomUUID(), handle: 'ann', name: 'Ann', rev: 1 } },
};

describe('the value of a record', () => {
  it('is read by its kind, for every kind that there is', () => {
    for (const kind of Object.keys(EVENTS) as EventKind[]) expect(decodeEvent(kind, bytes(values[kind])), kind).toEqual(values[kind]);
  });

  it('is read from a view into a larger buffer', () => {
    const whole = Buffer.concat([Buffer.from('xx'), bytes({ body: 'hi' }), Buffer.from('yy')]);
    expect(decodeEvent('message.posted', whole.subarray(2, -2))).toEqual({ body: 'hi' });
  });

  it('may have more than this version knows', () => {
    expect(decodeEvent('message.posted', bytes({ body: 'hi', mood: 'good' }))).toEqual({ body: 'hi', mood: 'good' });
  });

  it('is nothing when it is not of the shape', () => {
    for (const kind of Object.keys(EVENTS) as EventKind[]) {
      for (const value of ['', '{', 'null', '[]', '1', {}])
        expect(decodeEvent(kind, bytes(value)), `${kind} ${String(value)}`).toBeUndefined();
    }
    for (const body of ['', '   ', 'a\0b', '\ud800', 'x'.repeat(40_001), 'ü'.repeat(20_001), 7, null])
      expect(decodeEvent('message.posted', bytes({ body }))).toBeUndefined();
    expect(decodeEvent('message.posted', bytes({ body: `${'\n'.repeat(39_999)}.` }))).toBeDefined();
    const tooMany = { conversation, participants: new Array(101).fill(participant) };
    expect(decodeEvent('conversation.created', bytes(tooMany))).toBeUndefined();
    expect(decodeEvent('participant.added', bytes({ conversation, participant: { ...participant, rev: 0 } }))).toBeUndefined();
    expect(decodeEvent('unheard.of' as EventKind, bytes({}))).toBeUndefined();
  });
});
