import type { ConversationState } from '@starling/contracts/events';
import type { Message } from '@starling/contracts/http';
import type { Participation, Position, Span } from '@starling/contracts/log';
import type pg from 'pg';
import type { Participant } from '../domain/conversation.ts';
import type { ConversationView, ParticipationView } from '../domain/views.ts';

type Queryable = pg.Pool | pg.PoolClient;

const VIEW = 'id, kind, name, rev, created_position, last_position, last_at';
const PARTICIPATION = 'conversation, "user", role, present, history, rev, spans, changed_at';

type ViewRow = ConversationState & { created_position: number | null; last_position: number; last_at: number };
type ParticipationRow = Participant & { conversation: string; spans: Span[]; changed_at: number };

function readView({ id, kind, name, rev, created_position, last_position, last_at }: ViewRow): ConversationView {
  return { state: { id, kind, name, rev }, createdPosition: created_position, lastPosition: last_position, lastAt: last_at };
}

function readParticipation({ conversation, spans, changed_at, ...participant }: ParticipationRow): ParticipationView {
  return { conversation, participant, spans, changedAt: changed_at };
}

export async function selectViews(db: Queryable, ids: string[]): Promise<ConversationView[]> {
  const { rows } = await db.query<ViewRow>(`SELECT ${VIEW} FROM conversation_view WHERE id = ANY($1)`, [ids]);
  return rows.map(readView);
}

/** The conversations in which the user takes part, by ascending id, from after `afterId` on. */
export async function selectViewsOf(db: Queryable, user: string, afterId: string | undefined, limit: number): Promise<ConversationView[]> {
  const { rows } = await db.query<ViewRow>(
    `SELECT ${VIEW} FROM conversation_view WHERE id IN (
       SELECT conversation FROM participation WHERE "user" = $1 AND present AND ($2::uuid IS NULL OR conversation > $2)
       ORDER BY conversation LIMIT $3
     ) ORDER BY id`,
    [user, afterId, limit],
  );
  return rows.map(readView);
}

export async function upsertViews(tx: pg.PoolClient, views: ConversationView[]): Promise<void> {
  if (views.length === 0) return;
  await tx.query(
    `INSERT INTO conversation_view (${VIEW})
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int8[], $5::int8[], $6::int8[], $7::int8[])
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, rev = excluded.rev, created_position = excluded.created_position,
       last_position = excluded.last_position, last_at = excluded.last_at`,
    [
      views.map((view) => view.state.id),
      views.map((view) => view.state.kind),
      views.map((view) => view.state.name),
      views.map((view) => view.state.rev),
      views.map((view) => view.createdPosition),
      views.map((view) => view.lastPosition),
      views.map((view) => view.lastAt),
    ],
  );
}

/** Every participation in these conversations. */
export async function selectParticipationsIn(db: Queryable, conversations: string[]): Promise<ParticipationView[]> {
  const { rows } = await db.query<ParticipationRow>(`SELECT ${PARTICIPATION} FROM participation WHERE conversation = ANY($1)`, [
    conversations,
  ]);
  return rows.map(readParticipation);
}

/** Every participation of these users that is open or was changed at or after `changedSince` (ms). */
export async function selectParticipationsOf(db: Queryable, users: string[], changedSince: number): Promise<ParticipationView[]> {
  const { rows } = await db.query<ParticipationRow>(
    `SELECT ${PARTICIPATION} FROM participation WHERE "user" = ANY($1) AND (present OR changed_at >= $2)`,
    [users, changedSince],
  );
  return rows.map(readParticipation);
}

export async function selectParticipation(db: Queryable, conversation: string, user: string): Promise<ParticipationView | undefined> {
  const { rows } = await db.query<ParticipationRow>(`SELECT ${PARTICIPATION} FROM participation WHERE conversation = $1 AND "user" = $2`, [
    conversation,
    user,
  ]);
  return rows[0] && readParticipation(rows[0]);
}

export async function upsertParticipations(tx: pg.PoolClient, views: ParticipationView[]): Promise<void> {
  if (views.length === 0) return;
  await tx.query(
    `INSERT INTO participation (${PARTICIPATION})
     SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::boolean[], $5::text[], $6::int8[], $7::jsonb[], $8::int8[])
     ON CONFLICT (conversation, "user") DO UPDATE SET role = excluded.role, present = excluded.present, history = excluded.history,
       rev = excluded.rev, spans = excluded.spans, changed_at = excluded.changed_at`,
    [
      views.map((view) => view.conversation),
      views.map((view) => view.participant.user),
      views.map((view) => view.participant.role),
      views.map((view) => view.participant.present),
      views.map((view) => view.participant.history),
      views.map((view) => view.participant.rev),
      views.map((view) => JSON.stringify(view.spans)),
      views.map((view) => view.changedAt),
    ],
  );
}

export async function insertMessages(tx: pg.PoolClient, messages: Message[]): Promise<void> {
  if (messages.length === 0) return;
  await tx.query({
    name: 'insert-messages',
    text: `INSERT INTO message (conversation, position, author, client, body, at)
           SELECT * FROM unnest($1::uuid[], $2::int8[], $3::uuid[], $4::uuid[], $5::text[], $6::int8[]) ON CONFLICT DO NOTHING`,
    values: [
      messages.map((message) => message.conversation),
      messages.map((message) => message.position),
      messages.map((message) => message.author),
      messages.map((message) => message.client),
      messages.map((message) => message.body),
      messages.map((message) => message.at),
    ],
  });
  await tx.query({
    name: 'touch-views',
    text: `UPDATE conversation_view v SET last_position = greatest(v.last_position, n.position), last_at = greatest(v.last_at, n.at)
           FROM (SELECT conversation, max(position) AS position, max(at) AS at FROM unnest($1::uuid[], $2::int8[], $3::int8[]) AS m (conversation, position, at) GROUP BY 1) n
           WHERE v.id = n.conversation`,
    values: [
      messages.map((message) => message.conversation),
      messages.map((message) => message.position),
      messages.map((message) => message.at),
    ],
  });
}

const MESSAGE = 'm.conversation, m.position, m.author, m.client, m.body, m.at';
const READABLE = `EXISTS (SELECT FROM unnest($2::int8[], $3::int8[]) AS r (first, last) WHERE m.position >= r.first AND (r.last IS NULL OR m.position <= r.last))`;

export type Ranges = { from: Position; to: Position | null }[];

/** Messages in the readable ranges: up to `limit` before `before`, or from `from` on; ascending. */
export async function selectMessages(
  db: Queryable,
  conversation: string,
  ranges: Ranges,
  page: { before: Position } | { from: Position },
  limit: number,
): Promise<Message[]> {
  const backwards = 'before' in page;
  const { rows } = await db.query<Message>(
    `SELECT ${MESSAGE} FROM message m
     WHERE m.conversation = $1 AND ${READABLE} AND m.position ${backwards ? '<' : '>='} $4
     ORDER BY m.position ${backwards ? 'DESC' : 'ASC'} LIMIT $5`,
    [conversation, ranges.map((range) => range.from), ranges.map((range) => range.to), backwards ? page.before : page.from, limit],
  );
  return backwards ? rows.reverse() : rows;
}

/** The newest readable message of each conversation, in one query. */
export async function selectLastMessages(
  db: Queryable,
  readable: { conversation: string; ranges: Ranges }[],
): Promise<Map<string, Message>> {
  const flat = readable.flatMap(({ conversation, ranges }) => ranges.map((range) => ({ conversation, ...range })));
  const { rows } = await db.query<Message>(
    `SELECT DISTINCT ON (m.conversation) ${MESSAGE}
     FROM unnest($1::uuid[], $2::int8[], $3::int8[]) AS r (conversation, first, last)
     CROSS JOIN LATERAL (
       SELECT * FROM message WHERE conversation = r.conversation AND position >= r.first AND (r.last IS NULL OR position <= r.last)
       ORDER BY position DESC LIMIT 1
     ) m ORDER BY m.conversation, m.position DESC`,
    [flat.map((range) => range.conversation), flat.map((range) => range.from), flat.map((range) => range.to)],
  );
  return new Map(rows.map((row) => [row.conversation, row]));
}

export async function selectPost(
  db: Queryable,
  conversation: string,
  author: string,
  client: string,
): Promise<{ position: Position; at: number } | undefined> {
  const { rows } = await db.query<{ position: Position; at: number }>(
    'SELECT position, at FROM message WHERE conversation = $1 AND author = $2 AND client = $3',
    [conversation, author, client],
  );
  return rows[0];
}

export function toParticipation(view: ParticipationView): Participation {
  return { rev: view.participant.rev, spans: view.spans };
}
