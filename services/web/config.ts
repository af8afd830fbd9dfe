import Type from 'typebox';

export const WebConfig = Type.Object({
  /** The folder with the built browser client; unless given, that of this checkout. */
  client: Type.Optional(Type.String({ minLength: 1 })),
  /** Addresses, or networks such as `10.0.0.0/8`, of the proxies before this site: their word about visitors is taken. */
  trustedProxies: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
  /** Where the world reaches the site, such as `https://chat.example.org`: scheme and host, without a path. */
  publicUrl: Type.Optional(Type.String({ pattern: '^https?://[^/?#@\\s]+/?$' })),
  /**
   * Origins of other pages, such as `https://intranet.example.org`, that may do what our own page may, sockets included.
   * A browser gives them the cookie where both are of one site.
   */
  allowedOrigins: Type.Optional(Type.Array(Type.String({ pattern: '^https?://[^/?#@\\s]+$' }), { maxItems: 64 })),
});
export type WebConfig = Type.Static<typeof WebConfig>;
