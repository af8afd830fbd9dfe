import type { ConversationState } from '@starling/contracts/events';
import { type ConversationRight, hasConversationRight } from '@starling/contracts/permissions';
import { ProblemError } from '@starling/platform/http';
import type pg from 'pg';
import { type Conversation, findPresent, type Participant } from '../domain/conversation.ts';

/**
 * The one way to a conversation: locks it against other commands and returns it if the actor may do this with it. A
 * conversation that the actor does not take part in is answered like one that does not exist.
 */
export async function accessConversation(tx: pg.PoolClient, actor: string, id: string, right: ConversationRight): Promise<Conversation> {
  const conversation = await lockConversation(tx, id);
  const participant = conversation && findPresent(conversation, actor);
  if (!participant) throw new ProblemError('not-found');
  if (!hasConversationRight(conversation.state.kind, participant.role, right)) throw new ProblemError('forbidden');
  return conversation;
}

async function lockConversation(tx: pg.PoolClient, id: string): Promise<Conversation | undefined> {
  const { rows } = await tx.query<ConversationState & { last_rev: number }>(
    'SELECT id, kind, name, rev, last_rev FROM conversation WHERE id = $1 FOR UPDATE',
    [id],
  );
  const row = rows[0];
  if (!row) return undefined;
  const { last_rev: lastRev, ...state } = row;
  const { rows: participants } = await tx.query<Participant>(
    'SELECT "user", role, present, history, rev FROM participant WHERE conversation = $1 ORDER BY rev',
    [id],
  );
  return { state, lastRev, participants };
}

/** Whether the user takes part by the last command, which the projection may not have seen yet. */
export async function isParticipant(db: pg.Pool | pg.PoolClient, user: string, id: string): Promise<boolean> {
  const { rowCount } = await db.query('SELECT FROM participant WHERE conversation = $1 AND "user" = $2 AND present', [id, user]);
  return rowCount === 1;
}

/** Makes the rows of a new conversation; false when it exists already. */
export async function insertConversation(tx: pg.PoolClient, conversation: Conversation, createdEvent: string): Promise<boolean> {
  const { state, lastRev } = conversation;
  const { rowCount } = await tx.query(
    'INSERT INTO conversation (id, kind, name, rev, last_rev, created_event) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING',
    [state.id, state.kind, state.name, state.rev, lastRev, createdEvent],
  );
  if (rowCount !== 1) return false;
  await saveParticipants(tx, conversation);
  return true;
}

export async function saveConversation(tx: pg.PoolClient, conversation: Conversation): Promise<void> {
  const { state, lastRev } = conversation;
  await tx.query('UPDATE conversation SET name = $2, rev = $3, last_rev = $4 WHERE id = $1', [state.id, state.name, state.rev, lastRev]);
  await saveParticipants(tx, conversation);
}

async function saveParticipants(tx: pg.PoolClient, { state, participants }: Conversation): Promise<void> {
  await tx.query(
    `INSERT INTO participant (conversation, "user", role, present, history, rev)
     SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::boolean[], $5::text[], $6::int8[])
     ON CONFLICT (conversation, "user") DO UPDATE
     SET role = excluded.role, present = excluded.present, history = excluded.history, rev = excluded.rev
     WHERE participant.rev < excluded.rev`,
    [
      state.id,
      participants.map((participant) => participant.user),
      participants.map((participant) => participant.role),
      participants.map((participant) => participant.present),
      participants.map((participant) => participant.history),
      participants.map((participant) => participant.rev),
    ],
  );
}

export async function selectCreatedEvent(db: pg.Pool, id: string): Promise<string | undefined> {
  const { rows } = await db.query<{ created_event: string }>('SELECT created_event FROM conversation WHERE id = $1', [id]);
  return rows[0]?.created_event;
}

/**
 * Claims an idempotency key for a command that makes this conversation. Claimed before: the conversation that was made
 * then. Throws `idempotency-key-reused` when the key came with another request.
 */
export async function claimCommand(
  tx: pg.PoolClient,
  claim: { actor: string; key: string; fingerprint: string; conversation: string },
): Promise<string> {
  const { rows } = await tx.query<{ fingerprint: string; conversation: string }>(
    `INSERT INTO command (actor, key, fingerprint, conversation) VALUES ($1, $2, $3, $4)
     ON CONFLICT (actor, key) DO UPDATE SET key = command.key RETURNING fingerprint, conversation`,
    [claim.actor, claim.key, claim.fingerprint, claim.conversation],
  );
  const row = rows[0];
  if (row?.fingerprint !== claim.fingerprint) throw new ProblemError('idempotency-key-reused');
  return row.conversation;
}
