import Type from 'typebox';

/** What an account is in the whole installation; what it is in a conversation is apart from that. */
export const SystemRole = Type.Union([
  Type.Literal('owner'),
  Type.Literal('admin'),
  Type.Literal('member'),
  Type.Literal('guest'),
  Type.Literal('bot'),
]);
export type SystemRole = Type.Static<typeof SystemRole>;

/** What a participant is in one conversation. */
export const ConversationRole = Type.Union([Type.Literal('owner'), Type.Literal('member')]);
export type ConversationRole = Type.Static<typeof ConversationRole>;

const ROLES: readonly string[] = ['owner', 'admin', 'member', 'guest', 'bot'] satisfies SystemRole[];

export function isSystemRole(text: unknown): text is SystemRole {
  return typeof text === 'string' && ROLES.includes(text);
}
