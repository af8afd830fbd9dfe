import { parseArgs } from 'node:util';
import { IDENTITY_OPTIONS, IDENTITY_USAGE } from '@starling/identity/options';
import { ConfigError, loadConfig } from '@starling/platform/config';
import { WEB_OPTIONS, WEB_USAGE } from '@starling/web/options';
import Type from 'typebox';

export const USAGE = `Starling on this machine, each service a process of its own, on a Kafka and a PostgreSQL that run already.

  npm run services -- --kafka HOST:PORT[,HOST:PORT…] --postgres URL [options]

  --delivery COUNT        how many delivery pods (2)
  --port PORT             port of the web page (8080)
  --data FOLDER           keys, passwords and configuration files (starling-services)
  --partitions COUNT      of the topics, when they are made (8)
  --postgres-ca FILE      PEM of the authority of the database's certificate: TLS
  --kafka-ca FILE         PEM of the authority of the brokers' certificates: TLS
  --kafka-user NAME       an administrator of the brokers (SASL/SCRAM-SHA-512, by TLS), who makes
                          a user for each service, with
  --kafka-password-file FILE
${IDENTITY_USAGE}
${WEB_USAGE}
  --rotate-keys SECONDS   how often the services get new signing keys (2592000: 30 days)
  --trace                 write traces into DATA, to be looked at on the side ports
  --help                  this text
`;

const Options = Type.Object(
  {
    kafka: Type.String({ pattern: '^[^,:]+:\\d+(,[^,:]+:\\d+)*$' }),
    postgres: Type.String({ pattern: '^postgres(ql)?://' }),
    delivery: Type.Integer({ minimum: 1, maximum: 16, default: 2 }),
    port: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 }),
    data: Type.String({ minLength: 1, default: 'starling-services' }),
    partitions: Type.Integer({ minimum: 1, maximum: 1024, default: 8 }),
    'postgres-ca': Type.Optional(Type.String({ minLength: 1 })),
    'kafka-ca': Type.Optional(Type.String({ minLength: 1 })),
    'kafka-user': Type.Optional(Type.String({ minLength: 1 })),
    'kafka-password-file': Type.Optional(Type.String({ minLength: 1 })),
    ...IDENTITY_OPTIONS,
    ...WEB_OPTIONS,
    'rotate-keys': Type.Integer({ minimum: 20, default: 2_592_000 }),
    trace: Type.Boolean({ default: false }),
  },
  { additionalProperties: false },
);
export type Options = Type.Static<typeof Options>;

/** Reads the command line; `help`: the usage is asked for. Throws a ConfigError. */
export function readOptions(args: string[]): Options | 'help' {
  const names = Object.keys(Options.properties);
  const options = Object.fromEntries(names.map((name) => [name, { type: name === 'trace' ? ('boolean' as const) : ('string' as const) }]));
  let values: Record<string, unknown>;
  try {
    ({ values } = parseArgs({ args, options: { ...options, help: { type: 'boolean' } } }));
  } catch (error) {
    throw new ConfigError(`${(error as Error).message.split('. ')[0]}; see --help`);
  }
  return values['help'] ? 'help' : loadConfig(Options, { overrides: values });
}
