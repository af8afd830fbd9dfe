import Type from 'typebox';
import { ConversationState, ParticipantStateSchema } from '../events/index.ts';
import { ClientId, CursorSchema, DisplayName, MessageBody, PositionSchema, Timestamp, Uuid } from '../schema/index.ts';
import { After } from '../socket/frames.ts';

const exact = { additionalProperties: false };

/** A message as history, snapshot and events agree on it. */
export const Message = Type.Object({
  conversation: Uuid,
  position: PositionSchema,
  author: Uuid,
  client: Type.String(),
  body: Type.String(),
  at: Timestamp,
});
export type Message = Type.Static<typeof Message>;

/** POST /v1/conversations, with a header `Idempotency-Key` (UUID). */
export const GroupRequest = Type.Object({ name: DisplayName, participants: Type.Array(Uuid, { maxItems: 99, uniqueItems: true }) }, exact);
export type GroupRequest = Type.Static<typeof GroupRequest>;

/** PATCH /v1/conversations/:id */
export const ConversationChange = Type.Object({ name: DisplayName }, exact);
export type ConversationChange = Type.Static<typeof ConversationChange>;

/**
 * The reply to each command: 200 or 201 with the position of the fact in the log, or 202 without: done, not to be
 * repeated, but not read back yet.
 */
export const CommandReply = Type.Object({ id: Uuid, position: Type.Optional(PositionSchema) });
export type CommandReply = Type.Static<typeof CommandReply>;

/** POST /v1/conversations/:id/messages; see `SendFrame`. */
export const PostRequest = Type.Object(
  { client: ClientId, body: MessageBody, retry: Type.Optional(Type.Boolean()), after: Type.Optional(After) },
  exact,
);
export type PostRequest = Type.Static<typeof PostRequest>;

/** 201: the post stands at `position`. */
export const PostReply = Type.Object({ client: ClientId, position: PositionSchema, at: Timestamp });
export type PostReply = Type.Static<typeof PostReply>;

const Page = Type.Integer({ minimum: 1, maximum: 200 });

/** GET /v1/conversations/:id/messages — by keyset: those before, or from `from` on; the latest when neither is given. */
export const HistoryQuery = Type.Object(
  {
    before: Type.Optional(PositionSchema),
    from: Type.Optional(PositionSchema),
    limit: Type.Optional(Page),
    /** Wait until the projection holds this position of the conversation. */
    after: Type.Optional(PositionSchema),
  },
  exact,
);
export type HistoryQuery = Type.Static<typeof HistoryQuery>;

/** Messages by ascending position. `more`: there are others beyond the page in the direction asked for. */
export const HistoryReply = Type.Object({ messages: Type.Array(Message), more: Type.Boolean() });
export type HistoryReply = Type.Static<typeof HistoryReply>;

/** One conversation as a snapshot has it; its events apply from `at` (next offset of its partition) on. */
export const ConversationSnapshot = Type.Object({
  conversation: ConversationState,
  participants: Type.Array(ParticipantStateSchema),
  at: Type.Integer({ minimum: 0 }),
  /** Position of the newest message, or of the creation: what the list is ordered by. */
  lastPosition: PositionSchema,
  /** Time of that record, ms. */
  lastAt: Timestamp,
  /** The newest message that the reader may see. */
  lastMessage: Type.Union([Message, Type.Null()]),
});
export type ConversationSnapshot = Type.Static<typeof ConversationSnapshot>;

/** GET /v1/snapshot — `page`: the `next` of the page before. */
export const SnapshotQuery = Type.Object({ page: Type.Optional(Uuid) }, exact);
export type SnapshotQuery = Type.Static<typeof SnapshotQuery>;

/**
 * One page of the conversations, by id: an order that does not change while someone turns the pages. The first page's
 * cursor is the one to connect with.
 */
export const SnapshotReply = Type.Object({
  cursor: CursorSchema,
  conversations: Type.Array(ConversationSnapshot),
  next: Type.Union([Type.String(), Type.Null()]),
});
export type SnapshotReply = Type.Static<typeof SnapshotReply>;
