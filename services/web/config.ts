import Type from 'typebox';

export const WebConfig = Type.Object({
  /** The folder with the built browser client; unless given, that of this checkout. */
  client: Type.Optional(Type.String({ minLength: 1 })),
});
export type WebConfig = Type.Static<typeof WebConfig>;
