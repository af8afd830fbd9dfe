import { ConfigError, readConfiguredFile } from '@starling/platform/config';
import Type from 'typebox';
import { SignOnProviders } from './domain/sign-on-providers.ts';

const SECRET_LENGTH = 32;

export const IdentityConfig = Type.Object({
  /** What all keys are derived from; changing it voids codes, links, refresh tokens and second factors. */
  secret: Type.String({ minLength: SECRET_LENGTH }),
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

const { secret, ...others } = IdentityConfig.properties;

/** The same in the file of a process of its own: the secret is in a file of its own, or here. */
export const IdentityProcessConfig = Type.Object({
  ...others,
  secret: Type.Optional(secret),
  secretFile: Type.Optional(Type.String({ minLength: 1 })),
});

/** Reads the secret's file, if it is in one. Throws a ConfigError. */
export async function readSecret({ secretFile, ...config }: Type.Static<typeof IdentityProcessConfig>): Promise<IdentityConfig> {
  if ((secretFile === undefined) === (config.secret === undefined))
    throw new ConfigError('service.secretFile or service.secret: give one of them, and not both');
  const read = config.secret ?? (await readConfiguredFile('service.secretFile', secretFile ?? ''));
  if (read.length < SECRET_LENGTH)
    throw new ConfigError(`the file of service.secretFile, ${secretFile}, holds less than ${SECRET_LENGTH} characters`);
  return { ...config, secret: read };
}
