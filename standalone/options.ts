import { parseArgs } from 'node:util';
import { IDENTITY_OPTIONS, IDENTITY_USAGE } from '@starling/identity/options';
import { ConfigError, loadConfig } from '@starling/platform/config';
import { WEB_OPTIONS, WEB_USAGE } from '@starling/web/options';
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
${IDENTITY_USAGE}
${WEB_USAGE}
  --side-port PORT      answer /metrics, /healthz, /readyz and /traces there, on this machine only
  --trace               write traces to DATA/traces-starling.jsonl, to be looked at on the side port
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
    ...IDENTITY_OPTIONS,
    ...WEB_OPTIONS,
    trace: Type.Boolean({ default: false }),
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
  if (options.port !== 0 && options.port === options['side-port'])
    throw new ConfigError('--port and --side-port are two ports: give two numbers');
  return options;
}

function parse(args: string[]): Record<string, string | boolean | undefined> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args,
      options: Object.fromEntries(
        [...Object.keys(StandaloneOptions.properties), 'help'].map((name) => [name, ['help', 'trace'].includes(name) ? flag : text]),
      ),
    }).values as Record<string, string | boolean | undefined>;
  } catch (error) {
    throw new ConfigError(`${(error as Error).message.split('. ')[0]}; see --help`);
  }
}
