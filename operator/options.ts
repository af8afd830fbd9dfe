import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from '@starling/platform/config';
import Type from 'typebox';

export const USAGE = `The operator of Starling: looks after ChatClusters in Kubernetes.

  node operator/main.ts [options]

  --kubeconfig FILE          the Kubernetes API, by this file's current context; without it as a pod within
  --namespace NAME           its own, for its Lease and the metrics API (starling-system)
  --watch-namespaces A,B     look only after ChatClusters in these (all)
  --image REPOSITORY         of Starling, where a ChatCluster names none (ghcr.io/starling-chat/starling)
  --version TAG              of Starling, where a ChatCluster names none (the operator's own)
  --redpanda-image IMAGE     of built-in brokers (docker.redpanda.com/redpandadata/redpanda:v25.2.1)
  --postgres-image IMAGE     of a built-in database (docker.io/library/postgres:18.1)
  --allowed-registries A,B   with what images of ChatClusters may begin: registries, or folders in them (any)
  --metrics-api on|off       whether this installation has the built-in metrics API (off)
  --side-port PORT           answer /metrics, /healthz and /readyz there (9090)
  --log-level LEVEL          trace, debug, info, warn or error (info)
  --help                     this text
`;

const LABEL = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
const IMAGE = '^[a-z0-9][-a-zA-Z0-9._:/@]*$';
const REGISTRY = '[a-z0-9][-a-z0-9._:/]*';

const Flags = Type.Object(
  {
    kubeconfig: Type.Optional(Type.String({ minLength: 1 })),
    namespace: Type.String({ pattern: `^${LABEL}$`, default: 'starling-system' }),
    'watch-namespaces': Type.Optional(Type.String({ pattern: `^${LABEL}(,${LABEL})*$` })),
    image: Type.String({ pattern: IMAGE, default: 'ghcr.io/starling-chat/starling' }),
    version: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z_][0-9A-Za-z_.-]{0,63}$' })),
    'redpanda-image': Type.String({ pattern: IMAGE, default: 'docker.redpanda.com/redpandadata/redpanda:v25.2.1' }),
    'postgres-image': Type.String({ pattern: IMAGE, default: 'docker.io/library/postgres:18.1' }),
    'allowed-registries': Type.Optional(Type.String({ pattern: `^${REGISTRY}(,${REGISTRY})*$` })),
    'metrics-api': Type.Enum(['on', 'off'], { default: 'off' }),
    'side-port': Type.Integer({ minimum: 0, maximum: 65_535, default: 9090 }),
    'log-level': Type.Enum(['trace', 'debug', 'info', 'warn', 'error'], { default: 'info' }),
  },
  { additionalProperties: false },
);

export interface OperatorOptions {
  /** Undefined: with the service account of this pod. */
  kubeconfig: string | undefined;
  namespace: string;
  /** Undefined: all. */
  watchNamespaces: string[] | undefined;
  image: string;
  version: string;
  redpandaImage: string;
  postgresImage: string;
  /** Undefined: any. */
  allowedRegistries: string[] | undefined;
  metricsApi: boolean;
  sidePort: number;
  logLevel: string;
}

/** Reads the command line; `help`: the usage is asked for. Throws a ConfigError with one sentence. */
export function readOptions(args: string[]): OperatorOptions | 'help' {
  const names = Object.keys(Flags.properties);
  let values: Record<string, unknown>;
  try {
    const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
    ({ values } = parseArgs({ args, options: { ...options, help: { type: 'boolean' } } }));
  } catch (error) {
    throw new ConfigError(`${(error as Error).message.split('. ')[0]}; see --help`);
  }
  if (values['help']) return 'help';
  const flags = loadConfig(Flags, { overrides: values });
  return {
    kubeconfig: flags.kubeconfig,
    namespace: flags.namespace,
    watchNamespaces: flags['watch-namespaces']?.split(','),
    image: flags.image,
    version: flags.version ?? ownVersion(),
    redpandaImage: flags['redpanda-image'],
    postgresImage: flags['postgres-image'],
    allowedRegistries: flags['allowed-registries']?.split(','),
    metricsApi: flags['metrics-api'] === 'on',
    sidePort: flags['side-port'],
    logLevel: flags['log-level'],
  };
}

function ownVersion(): string {
  return (JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as { version: string }).version;
}
