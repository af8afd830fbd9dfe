import { ConfigError, loadConfig } from '@starling/platform/config';
import Type from 'typebox';
import type { IdentityConfig } from './config.ts';
import { SignOnProviders } from './domain/sign-on-providers.ts';

/** What the commands that start Starling ask about accounts. */
export const IDENTITY_USAGE = `  --registration WHO    open, invite or closed: who may make an account (open)
  --owner EMAIL         whoever registers with this address, and proves it, becomes owner; without it, the first
                        account that is made on this machine
  --mail FILE           send email by the server whose URL, smtp://user:password@host:587, is in this file, with
  --mail-from ADDRESS   as sender; without them, codes are in the log and, on this machine, in the page
  --sign-on FILE        JSON {"providers": [{id, name, issuer, clientId, clientSecretFile}, …]}, OpenID`;

export const IDENTITY_OPTIONS = {
  registration: Type.Union([Type.Literal('open'), Type.Literal('invite'), Type.Literal('closed')], { default: 'open' }),
  owner: Type.Optional(Type.String({ pattern: '^[^\\s@]+@[^\\s@]+$' })),
  mail: Type.Optional(Type.String({ minLength: 1 })),
  'mail-from': Type.Optional(Type.String({ minLength: 3 })),
  'sign-on': Type.Optional(Type.String({ minLength: 1 })),
};

interface IdentityOptions {
  registration: IdentityConfig['registration'];
  owner?: string;
  mail?: string;
  'mail-from'?: string;
  'public-url'?: string;
  'sign-on'?: string;
}

/** The service's configuration by these options, without its secret. Throws a ConfigError. */
export function configureIdentity(options: IdentityOptions): Omit<IdentityConfig, 'secret'> {
  const { registration, owner, mail, 'mail-from': from, 'public-url': publicUrl, 'sign-on': signOn } = options;
  if ((mail === undefined) !== (from === undefined)) throw new ConfigError('--mail and --mail-from belong together: give both, or neither');
  if (mail !== undefined && publicUrl === undefined) throw new ConfigError('--mail needs --public-url: the links in emails lead there');
  const { providers } = loadConfig(Type.Object({ providers: SignOnProviders }, { additionalProperties: false }), { file: signOn });
  return {
    registration,
    firstLocalOwner: owner === undefined,
    signOn: providers,
    ...(owner === undefined ? {} : { ownerEmail: owner }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(mail === undefined || from === undefined ? {} : { mail: { urlFile: mail, from } }),
  };
}
