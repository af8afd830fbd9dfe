import type { EventKind, EventValue } from '@starling/contracts/events';
import type { Message } from '@starling/contracts/http';
import { isPost } from '@starling/contracts/log';
import { decodeEvent } from '@starling/platform/events';
import type { CountedRecord } from '@starling/platform/projection';
import type pg from 'pg';
import { type ConversationView, type ParticipationView, reduceParticipationView, reduceView } from '../domain/views.ts';
import { insertMessages, selectParticipationsIn, selectViews, upsertParticipations, upsertViews } from '../store/read-models.ts';

/** Writes what records of `chat.conversations` change into the read models. */
export async function projectConversations(tx: pg.PoolClient, records: CountedRecord[]): Promise<void> {
  const facts = records.filter((record) => !isPost(record.parsed));
  if (facts.length > 0) await projectFacts(tx, facts);
  await insertMessages(tx, records.flatMap(readMessage));
}

/** A post whose value is bad is void; the headers, which judged it, are fine. */
function readMessage(record: CountedRecord): Message[] {
  if (!isPost(record.parsed)) return [];
  const value = decodeEvent('message.posted', record.value);
  if (!value) return [];
  const { author, client } = record.parsed;
  return [{ conversation: record.key, position: record.position, author, client, body: value.body, at: record.at }];
}

async function projectFacts(tx: pg.PoolClient, records: CountedRecord[]): Promise<void> {
  const conversations = [...new Set(records.map((record) => record.key))];
  const views = new Map((await selectViews(tx, conversations)).map((view) => [view.state.id, view]));
  const participations = new Map(
    (await selectParticipationsIn(tx, conversations)).map((view) => [nameOf(view.conversation, view.participant.user), view]),
  );
  const changedViews = new Map<string, ConversationView>();
  const changedParticipations = new Map<string, ParticipationView>();

  function takeConversation(record: CountedRecord, state: EventValue<'conversation.updated'>['conversation'], created: boolean): void {
    const held = changedViews.get(record.key) ?? views.get(record.key);
    changedViews.set(record.key, reduceView(held, state, record, created));
  }
  function takeParticipant(record: CountedRecord, participant: EventValue<'participant.added'>['participant']): void {
    const name = nameOf(record.key, participant.user);
    const held = changedParticipations.get(name) ?? participations.get(name);
    const reduced = reduceParticipationView(held, record.key, participant, record);
    if (reduced !== held) changedParticipations.set(name, reduced);
  }

  for (const record of records) {
    const { kind } = record.parsed;
    if (kind === 'conversation.created') {
      const value = decodeFact(kind, record);
      takeConversation(record, value.conversation, true);
      for (const participant of value.participants) takeParticipant(record, participant);
    } else if (kind === 'conversation.updated') {
      takeConversation(record, decodeFact(kind, record).conversation, false);
    } else if (kind === 'participant.added' || kind === 'participant.changed' || kind === 'participant.removed') {
      const value = decodeFact(kind, record);
      takeConversation(record, value.conversation, false);
      takeParticipant(record, value.participant);
    }
  }
  await upsertViews(tx, [...changedViews.values()]);
  await upsertParticipations(tx, [...changedParticipations.values()]);
}

function decodeFact<K extends EventKind>(kind: K, record: CountedRecord): EventValue<K> {
  const value = decodeEvent(kind, record.value);
  if (!value) throw new Error(`the value of this ${kind} is not valid`);
  return value;
}

function nameOf(conversation: string, user: string): string {
  return `${conversation} ${user}`;
}
