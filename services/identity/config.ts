import Type from 'typebox';
import { SignOnProviders } from './domain/sign-on-providers.ts';

export const IdentityConfig = Type.Object({
  /** What all keys are derived from; changing it voids codes, links, refresh tokens and second factors. */
  secret: Type.String({ minLength: 32 }),
  /** Who may make an account: everybody, who has an invite, nobody. */
  registration: Type.Union([Type.Literal('open'), Type.Literal('invite'), Type.Literal('closed')], { default: 'invite' }),
  /** May always register, and becomes an owner. */
  ownerEmail: Type.Optional(Type.String({ minLength: 3, maxLength: 254 })),
  /** The first account of all becomes an owner when its person sits at the machine itself. */
  firstLocalOwner: Type.Boolean({ default: false }),
  /** Where people reach the installation, such as https://chat.example.org; links in mail begin with it. */
  publicUrl: Type.Optional(Type.String({ pattern: '^https?://[^/]+$' })),
  /** Without it no mail is sent. `urlFile` holds smtp(s)://user:password@host:port: a file, so that no configuration holds a password. */
  mail: Type.Optional(
    Type.Object({
      urlFile: Type.String({ minLength: 1 }),
      from: Type.String({ minLength: 3 }),
    }),
  ),
  signOn: SignOnProviders,
});
export type IdentityConfig = Type.Static<typeof IdentityConfig>;
