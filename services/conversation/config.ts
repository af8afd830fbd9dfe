import Type from 'typebox';

export const ConversationConfig = Type.Object({
  /** How many conversations one page of a snapshot holds. */
  snapshotPage: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
});
export type ConversationConfig = Type.Static<typeof ConversationConfig>;
