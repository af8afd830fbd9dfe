import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from '@starling/platform/config';
import Type from 'typebox';

export const USAGE = `Starling: a chat server in one process.

  npm start -- [options]

  --data FOLDER         where everything is kept (starling-data)
  --port PORT           port of the web page (8080)
  --database URL        postgres://user:password@host/database, instead of the embedded PostgreSQL;
                        the user must be able to create roles
  --log URL             kafka://host:port,host:port…, instead of a log in the database
  --tls-cert FILE       certificate (chain) and
  --tls-key FILE        key, both PEM: serve HTTPS, so that other machines can connect
  --side-port PORT      answer /metrics, /healthz and /readyz there, on this machine only
  --otlp-endpoint URL   send traces there (OpenTelemetry, OTLP over HTTP)
  --help                this text
`;

const StandaloneOptions = Type.Object(
  {
    data: Type.String({ minLength: 1, default: 'starling-data' }),
    port: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 }),
    log: Type.Optional(Type.String({ pattern: '^kafka://[^,:/]+:\\d+(,[^,:/]+:\\d+)*$' })),
    database: Type.Optional(Type.String({ minLength: 1 })),
    'tls-cert': Type.Optional(Type.String({ minLength: 1 })),
    'tls-key': Type.Optional(Type.String({ minLength: 1 })),
    'side-port': Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
    'otlp-endpoint': Type.Optional(Type.String({ pattern: '^https?://' })),
  },
  { additionalProperties: false },
);
export type StandaloneOptions = Type.Static<typeof StandaloneOptions>;

/** Reads the command line. Throws a ConfigError with one sentence. `help` instead of options: the usage is asked for. */
export function readOptions(args: string[]): StandaloneOptions | 'help' {
  const given = parse(args);
  if (given['help']) return 'help';
  const options = loadConfig(StandaloneOptions, { overrides: given });
  if ((options['tls-cert'] === undefined) !== (options['tls-key'] === undefined)) {
    throw new ConfigError('--tls-cert and --tls-key belong together: give both, or neither');
  }
  return options;
}

function parse(args: string[]): Record<string, string | boolean | undefined> {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args,
      options: {
        data: text,
        port: text,
        log: text,
        database: text,
        'tls-cert': text,
        'tls-key': text,
        'side-port': text,
        'otlp-endpoint': text,
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new ConfigError(`${(error as Error).message.split('. ')[0]}; see --help`);
  }
}
