import type { ConversationState } from '@starling/contracts/events';
import type { ConversationSnapshot, Message } from '@starling/contracts/http';
import {
  type Cursor,
  mayReceive,
  offsetOf,
  type ParticipantState,
  type Participation,
  partitionOf,
  positionOf,
  reduceParticipation,
} from '@starling/contracts/log';
import type { EventFrame } from '@starling/contracts/socket';

const PARTITIONS = 2;

interface Room {
  state: ConversationState;
  participants: Map<string, ParticipantState>;
  participation: Map<string, Participation>;
  messages: Message[];
  lastPosition: number;
  lastAt: number;
}

/** A log in memory, with the conversations that follow from it. */
export class FakeLog {
  readonly rooms = new Map<string, Room>();
  readonly events: EventFrame[] = [];
  #next: number[] = new Array(PARTITIONS).fill(0);
  #epoch = 1;

  end(): Cursor {
    return { epoch: this.#epoch, conversations: [...this.#next], receipts: [0], users: [0] };
  }

  append(event: Omit<EventFrame, 'type' | 'topic' | 'position'>): EventFrame {
    const partition = partitionOf(event.key, PARTITIONS);
    const position = positionOf(this.#epoch, this.#next[partition]!++);
    const frame: EventFrame = { type: 'event', topic: 'conversations', position, ...event };
    this.events.push(frame);
    this.#project(frame);
    return frame;
  }

  isAfter(cursor: Cursor, event: EventFrame): boolean {
    return offsetOf(event.position) >= cursor.conversations[partitionOf(event.key, PARTITIONS)]!;
  }

  mayReceive(user: string, event: EventFrame): boolean {
    return mayReceive(this.rooms.get(event.key)?.participation.get(user), event.position);
  }

  isIn(user: string, conversation: string): boolean {
    return this.rooms.get(conversation)?.participants.get(user)?.present === true;
  }

  snapshot(conversation: string): ConversationSnapshot {
    const { state, participants, messages, lastPosition, lastAt } = this.rooms.get(conversation)!;
    return {
      conversation: state,
      participants: [...participants.values()].filter(({ present }) => present) as ConversationSnapshot['participants'],
      at: this.#next[partitionOf(conversation, PARTITIONS)]!,
      lastPosition,
      lastAt,
      lastMessage: messages.at(-1) ?? null,
    };
  }

  conversationsOf(user: string): ConversationSnapshot[] {
    const ids = [...this.rooms.keys()].filter((id) => this.isIn(user, id));
    return ids.map((id) => this.snapshot(id)).sort((a, b) => b.lastAt - a.lastAt);
  }

  #project({ key, position, at, kind, author, client, value }: EventFrame): void {
    const fact = value as {
      conversation: ConversationState;
      participants?: ParticipantState[];
      participant?: ParticipantState;
      body: string;
    };
    if (kind === 'conversation.created') {
      const room = {
        state: fact.conversation,
        participants: new Map(),
        participation: new Map(),
        messages: [],
        lastPosition: position,
        lastAt: at,
      };
      this.rooms.set(key, room);
    }
    const room = this.rooms.get(key)!;
    if (kind === 'message.posted') {
      room.messages.push({ conversation: key, position, author: author!, client: client!, body: fact.body, at });
      room.lastPosition = position;
      room.lastAt = at;
      return;
    }
    room.state = fact.conversation;
    for (const participant of fact.participants ?? [fact.participant!].filter(Boolean)) {
      room.participants.set(participant.user, participant);
      room.participation.set(participant.user, reduceParticipation(room.participation.get(participant.user), participant, position));
    }
  }
}
