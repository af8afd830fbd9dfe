import Type from 'typebox';
import { ConversationRole, SystemRole } from '../permissions/index.ts';
import { DisplayName, Handle, MessageBody, Revision, Uuid } from '../schema/index.ts';

/** A conversation as facts, snapshots and pods carry it. */
export const ConversationState = Type.Object({
  id: Uuid,
  kind: Type.Union([Type.Literal('private'), Type.Literal('group')]),
  /** Groups have one; a private conversation is called by the other person's name. */
  name: Type.Union([DisplayName, Type.Null()]),
  rev: Revision,
});
export type ConversationState = Type.Static<typeof ConversationState>;

/** One user's participation as a fact states it; see `reduceParticipation` in `../log`. */
export const ParticipantStateSchema = Type.Object({
  user: Uuid,
  role: ConversationRole,
  present: Type.Boolean(),
  history: Type.Union([Type.Literal('all'), Type.Literal('joined')]),
  rev: Revision,
});

/** `conversation.created`: the conversation with its first participants, at most 100. */
export const ConversationCreated = Type.Object({
  conversation: ConversationState,
  participants: Type.Array(ParticipantStateSchema, { maxItems: 100 }),
});
export type ConversationCreated = Type.Static<typeof ConversationCreated>;

/** `conversation.updated`: its new state. */
export const ConversationUpdated = Type.Object({ conversation: ConversationState });
export type ConversationUpdated = Type.Static<typeof ConversationUpdated>;

/**
 * `participant.added`, `participant.changed`, `participant.removed`: the participant's new state, and the
 * conversation's, so that a pod which has not seen the conversation knows it from this fact alone.
 */
export const ParticipantChanged = Type.Object({ conversation: ConversationState, participant: ParticipantStateSchema });
export type ParticipantChanged = Type.Static<typeof ParticipantChanged>;

/** `message.posted`; author, client id and what judging needs are headers. */
export const MessagePosted = Type.Object({ body: MessageBody });
export type MessagePosted = Type.Static<typeof MessagePosted>;

/** `user.created`, written by identity in the transaction of the account. */
const UserCreated = Type.Object({ user: Uuid, name: DisplayName, role: Type.Optional(SystemRole) });

/**
 * `user.updated`, written by identity in the transaction of the change: the account's new state. Tokens that were minted
 * before are refused for a disabled user, and count for the new role.
 */
export const UserUpdated = Type.Object({ user: Uuid, role: SystemRole, disabled: Type.Boolean(), rev: Revision });
export type UserUpdated = Type.Static<typeof UserUpdated>;

/** `session.revoked`, written by identity in the transaction that ends the session: its tokens are refused from now on. */
const SessionRevoked = Type.Object({ user: Uuid, session: Uuid });

/** How others see a user. */
export const Profile = Type.Object({ id: Uuid, handle: Handle, name: DisplayName, rev: Revision });
export type Profile = Type.Static<typeof Profile>;

/** `profile.updated`, written by user: the profile's new state. */
export const ProfileUpdated = Type.Object({ profile: Profile });
export type ProfileUpdated = Type.Static<typeof ProfileUpdated>;

/** The shape of a record's value, by kind. */
export const EVENTS = {
  'conversation.created': ConversationCreated,
  'conversation.updated': ConversationUpdated,
  'participant.added': ParticipantChanged,
  'participant.changed': ParticipantChanged,
  'participant.removed': ParticipantChanged,
  'message.posted': MessagePosted,
  'user.created': UserCreated,
  'user.updated': UserUpdated,
  'session.revoked': SessionRevoked,
  'profile.updated': ProfileUpdated,
} as const;

export type EventKind = keyof typeof EVENTS;
export type EventValue<K extends EventKind> = Type.Static<(typeof EVENTS)[K]>;
