import Type from 'typebox';

export const IdentityConfig = Type.Object({
  /** Signs what Better Auth hands out; changing it ends every session. */
  secret: Type.String({ minLength: 32 }),
});
export type IdentityConfig = Type.Static<typeof IdentityConfig>;
