import type { ConversationCreated, ConversationUpdated, MessagePosted, ParticipantChanged } from '@starling/contracts/events';
import type { ConversationSnapshot, Message } from '@starling/contracts/http';
import { CURSOR_TOPICS, type Cursor, isNewer, offsetOf } from '@starling/contracts/log';
import type { EventFrame } from '@starling/contracts/socket';

type Participant = ConversationSnapshot['participants'][number];

/** The message in a `message.posted` event. */
export function messageOf({ key, position, author = '', client = '', at, value }: EventFrame): Message {
  return { conversation: key, position, author, client, body: (value as MessagePosted).body, at };
}

/** Whether the event lies before what the conversation's snapshot already contains. */
function isContained(held: ConversationSnapshot, event: EventFrame): boolean {
  return offsetOf(event.position) < held.at;
}

/** The conversation that an event creates. */
export function createdConversation(event: EventFrame): ConversationSnapshot {
  const { conversation, participants } = event.value as ConversationCreated;
  const { position, at } = event;
  return { conversation, participants, at: offsetOf(position) + 1, lastPosition: position, lastAt: at, lastMessage: null };
}

/**
 * Applies an event of this conversation. Facts replace what is held if they are newer, by the rev of their entity;
 * posts move the last message by position. Returns `held` itself when nothing changes. Kinds of a later version are
 * passed over.
 */
export function reduceConversation(held: ConversationSnapshot, event: EventFrame): ConversationSnapshot {
  if (isContained(held, event)) return held;
  switch (event.kind) {
    case 'conversation.created': {
      const { conversation, participants } = event.value as ConversationCreated;
      return participants.reduce(withParticipant, withConversation(held, conversation));
    }
    case 'conversation.updated':
      return withConversation(held, (event.value as ConversationUpdated).conversation);
    case 'participant.added':
    case 'participant.changed':
    case 'participant.removed': {
      const { conversation, participant } = event.value as ParticipantChanged;
      return withParticipant(withConversation(held, conversation), participant);
    }
    case 'message.posted':
      if (event.position <= held.lastPosition) return held;
      return { ...held, lastPosition: event.position, lastAt: event.at, lastMessage: messageOf(event) };
    default:
      return held;
  }
}

function withConversation(held: ConversationSnapshot, conversation: ConversationSnapshot['conversation']): ConversationSnapshot {
  return isNewer(held.conversation, conversation) ? { ...held, conversation } : held;
}

function withParticipant(held: ConversationSnapshot, participant: Participant): ConversationSnapshot {
  const before = held.participants.find(({ user }) => user === participant.user);
  if (!isNewer(before, participant)) return held;
  return { ...held, participants: [...held.participants.filter((other) => other !== before), participant] };
}

/** Puts a conversation into the list, in the place of the one with its id, ordered by last activity. */
export function placeConversation(list: readonly ConversationSnapshot[], item: ConversationSnapshot): ConversationSnapshot[] {
  return sortConversations([...list.filter(({ conversation }) => conversation.id !== item.conversation.id), item]);
}

/** Newest activity first. Positions of different conversations do not compare, so the log's time decides. */
export function sortConversations(list: ConversationSnapshot[]): ConversationSnapshot[] {
  return list.sort((a, b) => b.lastAt - a.lastAt || b.lastPosition - a.lastPosition || (a.conversation.id < b.conversation.id ? -1 : 1));
}

/** The messages of both, each position once, ascending. Both are ascending. */
export function mergeMessages(a: readonly Message[], b: readonly Message[]): readonly Message[] {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  if (a.at(-1)!.position < b[0]!.position) return [...a, ...b];
  const merged: Message[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const left = a[i];
    const right = b[j];
    if (left && right && left.position === right.position) j++;
    else if (left && (!right || left.position < right.position)) merged.push(a[i++]!);
    else merged.push(b[j++]!);
  }
  return merged.length === a.length ? a : merged;
}

/** A cursor never goes back: the greater of each part within one epoch, else the one of the later epoch. */
export function advanceCursor(held: Cursor | undefined, next: Cursor): Cursor {
  if (!held || next.epoch > held.epoch) return next;
  if (next.epoch < held.epoch || CURSOR_TOPICS.some((topic) => held[topic].length !== next[topic].length)) return held;
  const moved: Cursor = { ...held };
  for (const topic of CURSOR_TOPICS) moved[topic] = held[topic].map((offset, partition) => Math.max(offset, next[topic][partition]!));
  return moved;
}
