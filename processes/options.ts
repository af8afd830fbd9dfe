import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from '@starling/platform/config';
import Type from 'typebox';

export const USAGE = `Starling on this machine, each service a process of its own, on a Kafka and a PostgreSQL that run already.

  npm run services -- --kafka HOST:PORT[,HOST:PORT…] --postgres URL [options]

  --delivery COUNT        how many delivery pods (2)
  --port PORT             port of the web page (8080)
  --data FOLDER           keys, passwords and configuration files (starling-services)
  --partitions COUNT      of the topics, when they are made (8)
  --postgres-ca FILE      PEM of the authority of the database's certificate: TLS
  --kafka-ca FILE         PEM of the authority of the brokers' certificates: TLS
  --kafka-user NAME       SASL/SCRAM-SHA-512, with
  --kafka-password-file FILE
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
  },
  { additionalProperties: false },
);
export type Options = Type.Static<typeof Options>;

/** Reads the command line; `help`: the usage is asked for. Throws a ConfigError. */
export function readOptions(args: string[]): Options | 'help' {
  const names = Object.keys(Options.properties);
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  let values: Record<string, unknown>;
  try {
    ({ values } = parseArgs({ args, options: { ...options, help: { type: 'boolean' } } }));
  } catch (error) {
    throw new ConfigError(`${(error as Error).message.split('. ')[0]}; see --help`);
  }
  return values['help'] ? 'help' : loadConfig(Options, { overrides: values });
}
