import Type from 'typebox';
import { Problem } from '../problems/index.ts';
import { ClientId, CursorSchema, MessageBody, PositionSchema, Timestamp, Uuid } from '../schema/index.ts';

const exact = { additionalProperties: false };

/** Where a conversation stood for whoever sends this: the server waits until it has read that far. */
export const After = Type.Object({ conversation: Uuid, position: PositionSchema }, exact);
export type After = Type.Static<typeof After>;

/** First frame of a client: everything from this cursor on is wanted. */
const ResumeFrame = Type.Object({ type: Type.Literal('resume'), cursor: CursorSchema }, exact);

/** W3C Trace Context: the span that what is asked for belongs to (`traceparent`, version 00, neither id all zeros). */
const TraceParent = Type.String({ pattern: '^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$' });

/**
 * A post. Its identity is (conversation, author, client): sent again, it is the same message. `retry`: it may have
 * been sent before.
 */
export const SendFrame = Type.Object(
  {
    type: Type.Literal('send'),
    conversation: Uuid,
    client: ClientId,
    body: MessageBody,
    retry: Type.Optional(Type.Boolean()),
    after: Type.Optional(After),
    trace: Type.Optional(TraceParent),
  },
  exact,
);
export type SendFrame = Type.Static<typeof SendFrame>;

/** A new token of the same user and session, before the present one expires. */
const AuthenticateFrame = Type.Object({ type: Type.Literal('authenticate'), token: Type.String({ maxLength: 4096 }) }, exact);

export const ClientFrame = Type.Union([ResumeFrame, SendFrame, AuthenticateFrame]);
export type ClientFrame = Type.Static<typeof ClientFrame>;

/** First frame of a server. `time`: its clock, ms; clients stamp their ids by it. */
const HelloFrame = Type.Object({ type: Type.Literal('hello'), time: Timestamp });

/** One record of the log that concerns the client. `position` orders the records of one conversation or user. */
export const EventFrame = Type.Object({
  type: Type.Literal('event'),
  topic: Type.Union([Type.Literal('conversations'), Type.Literal('receipts'), Type.Literal('users')]),
  /** The conversation, or the user for the topic `users`. */
  key: Uuid,
  position: PositionSchema,
  at: Timestamp,
  kind: Type.String(),
  /** Of posts. */
  author: Type.Optional(Uuid),
  client: Type.Optional(Type.String()),
  value: Type.Unknown(),
});
export type EventFrame = Type.Static<typeof EventFrame>;

/** Everything before this cursor has been sent on this socket. Only this frame moves a client's cursor. */
const CursorFrame = Type.Object({ type: Type.Literal('cursor'), cursor: CursorSchema });

/** All that the resume asked for has been sent; from here on events are live. */
const LiveFrame = Type.Object({ type: Type.Literal('live') });

/** The post stands at `position`, and every reader will agree. */
const AckFrame = Type.Object({
  type: Type.Literal('ack'),
  conversation: Uuid,
  client: ClientId,
  position: PositionSchema,
  at: Timestamp,
});

/** The post was refused and is not in the log. */
const NackFrame = Type.Object({ type: Type.Literal('nack'), conversation: Uuid, client: ClientId, problem: Problem });

/** It is not known whether the post was written: retry with the same id, never discard it as unsent. */
const UnknownFrame = Type.Object({ type: Type.Literal('unknown'), conversation: Uuid, client: ClientId });

/** The token was taken; the socket lives until `expiresAt` (ms) and some leeway. */
const AuthenticatedFrame = Type.Object({ type: Type.Literal('authenticated'), expiresAt: Timestamp });

/**
 * Connect anew, by a moment chosen at random within `withinMs`, and resume there; this socket lives on until then, and is
 * closed some time later. Whoever does not know the frame is closed with `restarting`, if the server must.
 */
const ReconnectFrame = Type.Object({ type: Type.Literal('reconnect'), withinMs: Type.Integer({ minimum: 0 }) });

export const ServerFrame = Type.Union([
  HelloFrame,
  EventFrame,
  CursorFrame,
  LiveFrame,
  AckFrame,
  NackFrame,
  UnknownFrame,
  AuthenticatedFrame,
  ReconnectFrame,
]);
export type ServerFrame = Type.Static<typeof ServerFrame>;
