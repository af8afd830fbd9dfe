import Type from 'typebox';

/** OpenID providers that people may sign on with. */
export const SignOnProviders = Type.Array(
  Type.Object({
    /** Names it in addresses. */
    id: Type.String({ pattern: '^[a-z0-9-]{1,32}$' }),
    /** What people know it by. */
    name: Type.String({ minLength: 1, maxLength: 80 }),
    issuer: Type.String({ pattern: '^https?://' }),
    clientId: Type.String({ minLength: 1 }),
    /** A file, so that no configuration holds a password; none for a client without a secret. */
    clientSecretFile: Type.Optional(Type.String({ minLength: 1 })),
    scopes: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    /** An intranet's own: its address may be a private one. */
    privateNetwork: Type.Optional(Type.Boolean()),
  }),
  { default: [] },
);
export type SignOnProvider = Type.Static<typeof SignOnProviders>[number];
