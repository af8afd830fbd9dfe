import { type ConversationSnapshot, HistoryQuery, type HistoryReply, SnapshotQuery, type SnapshotReply } from '@starling/contracts/http';
import { epochOf, offsetOf, type Position, partitionOf, readableRanges } from '@starling/contracts/log';
import { Uuid } from '@starling/contracts/schema';
import { transaction } from '@starling/platform/db';
import { callingUser, ProblemError } from '@starling/platform/http';
import type { EventLog } from '@starling/platform/log';
import { type Projection, selectNextOffsets } from '@starling/platform/projection';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import Type from 'typebox';
import type { ConversationView, ParticipationView } from '../domain/views.ts';
import { isParticipant } from '../store/commands.ts';
import {
  selectLastMessages,
  selectMessages,
  selectParticipation,
  selectParticipationsIn,
  selectViews,
  selectViewsOf,
  toParticipation,
} from '../store/read-models.ts';

export interface ReadingContext {
  db: pg.Pool;
  log: EventLog;
  projection: Projection;
  snapshotPage: number;
}

const Params = Type.Object({ id: Uuid });
const WAIT_MS = 2_000;
const POLL_MS = 50;
const HISTORY_PAGE = 50;

/** What people read: from the read models, which agree with the log; the command tables only take rights away. */
export function readingRoutes(app: FastifyInstance, context: ReadingContext): void {
  const { db, log, projection } = context;
  const partitions = log.partitions.conversations;

  app.get<{ Querystring: SnapshotQuery }>(
    '/v1/snapshot',
    { schema: { querystring: SnapshotQuery }, config: { right: 'conversations.use' } },
    async (request): Promise<SnapshotReply> => {
      const { user } = callingUser(request);
      const { page } = request.query;
      return transaction(
        db,
        async (tx) => {
          const conversations = await selectNextOffsets(tx, log, 'conversations');
          const receipts = await selectNextOffsets(tx, log, 'receipts');
          const users = await selectNextOffsets(tx, log, 'users');
          const views = await selectViewsOf(tx, user, page, context.snapshotPage + 1);
          const shown = views.slice(0, context.snapshotPage);
          return {
            cursor: { epoch: log.epoch, conversations, receipts, users },
            conversations: await describe(tx, user, shown, conversations),
            next: views.length > shown.length ? (shown.at(-1)?.state.id ?? null) : null,
          };
        },
        'REPEATABLE READ',
      );
    },
  );

  app.get<{ Params: Type.Static<typeof Params> }>(
    '/v1/conversations/:id',
    { schema: { params: Params }, config: { right: 'conversations.use' } },
    async (request): Promise<ConversationSnapshot> => {
      const { user } = callingUser(request);
      const { id } = request.params;
      await waitUntilReadable(user, id);
      return transaction(
        db,
        async (tx) => {
          const offsets = await selectNextOffsets(tx, log, 'conversations');
          const [found] = await describe(tx, user, await selectViews(tx, [id]), offsets);
          if (!found) throw new ProblemError('not-found');
          return found;
        },
        'REPEATABLE READ',
      );
    },
  );

  app.get<{ Params: Type.Static<typeof Params>; Querystring: HistoryQuery }>(
    '/v1/conversations/:id/messages',
    { schema: { params: Params, querystring: HistoryQuery }, config: { right: 'conversations.use' } },
    async (request): Promise<HistoryReply> => {
      const { user } = callingUser(request);
      const { id } = request.params;
      const { before, from, after, limit = HISTORY_PAGE } = request.query;
      if (before !== undefined && from !== undefined)
        throw new ProblemError('invalid-request', { detail: 'Give `before` or `from`, not both.' });
      const participation = await waitUntilReadable(user, id);
      if (after !== undefined) await waitForPosition(id, after);
      const ranges = readableRanges(toParticipation(participation));
      const page = from !== undefined ? { from } : { before: before ?? Number.MAX_SAFE_INTEGER };
      const found = await selectMessages(db, id, ranges, page, limit + 1);
      const more = found.length > limit;
      return { messages: more ? ('from' in page ? found.slice(0, limit) : found.slice(1)) : found, more };
    },
  );

  /**
   * The user's participation, if they may read the conversation. Someone whom the last command added may come before
   * the projection: that is waited for, and then `behind`, never `not-found`.
   */
  async function waitUntilReadable(user: string, id: string): Promise<ParticipationView> {
    if (!(await isParticipant(db, user, id))) throw new ProblemError('not-found');
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const participation = await selectParticipation(db, id, user);
      if (participation?.participant.present) return participation;
      if (Date.now() >= deadline) throw new ProblemError('behind', { retryAfter: 1 });
      await projection.nextChange(partitionOf(id, partitions), POLL_MS);
    }
  }

  async function waitForPosition(id: string, position: Position): Promise<void> {
    if (epochOf(position) !== log.epoch) return;
    const reached = await projection.waitFor(partitionOf(id, partitions), offsetOf(position) + 1, WAIT_MS);
    if (!reached) throw new ProblemError('behind', { retryAfter: 1 });
  }

  async function describe(tx: pg.PoolClient, user: string, views: ConversationView[], offsets: number[]): Promise<ConversationSnapshot[]> {
    const byConversation = Map.groupBy(
      await selectParticipationsIn(
        tx,
        views.map((view) => view.state.id),
      ),
      (participation) => participation.conversation,
    );
    const readable = views.flatMap((view) => {
      const participations = byConversation.get(view.state.id) ?? [];
      const own = participations.find((participation) => participation.participant.user === user);
      return own?.participant.present ? [{ view, participations, ranges: readableRanges(toParticipation(own)) }] : [];
    });
    const lastMessages = await selectLastMessages(
      tx,
      readable.map(({ view, ranges }) => ({ conversation: view.state.id, ranges })),
    );
    return readable.map(({ view, participations }) => ({
      conversation: view.state,
      participants: participations.map(({ participant }) => participant).filter((participant) => participant.present),
      at: offsets[partitionOf(view.state.id, partitions)] ?? 0,
      lastPosition: view.lastPosition,
      lastAt: view.lastAt,
      lastMessage: lastMessages.get(view.state.id) ?? null,
    }));
  }
}
