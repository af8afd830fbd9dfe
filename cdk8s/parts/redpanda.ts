import { k8s } from 'cdk8s-plus-28';
import { stringify } from 'yaml';
import { hashOf } from './hash.ts';
import type { Manifest, RenderInput } from './input.ts';
import { ownedMetadata } from './metadata.ts';
import { hostOf, names, podHostOf, VOLUME } from './names.ts';
import { FILES, FOLDERS } from './places.ts';
import { BROKER_PORTS } from './ports.ts';
import { amountOf } from './quantities.ts';
import { completeResources, type Resources, renderResources } from './resources.ts';
import { containerSecurity, USERS } from './security.ts';
import { renderHeadless } from './service.ts';
import { renderStateful } from './stateful.ts';
import { configAt, emptyAt, type Place, secretAt } from './volumes.ts';

/**
 * The built-in brokers. What the image meets:
 *
 * - An init container of the same image runs `sh /etc/starling/redpanda/prepare.sh`, with shell built-ins alone. It copies
 *   `redpanda.yaml` and `.bootstrap.yaml` from the ConfigMap into /etc/redpanda (an emptyDir), and puts the pod's own host
 *   name, `<pod>.<name>-redpanda.<namespace>.svc`, in the place of `@HOST@`.
 * - The container runs `sh /etc/starling/redpanda/start.sh`, which ends in `exec rpk redpanda start …`, with
 *   `RP_BOOTSTRAP_USER=<user>:<password>:SCRAM-SHA-512` in the environment of that process alone.
 * - redpanda.yaml has one key, `redpanda`, with: data_directory, empty_seed_starts_cluster, seed_servers[].host.{address,
 *   port}, rpc_server, advertised_rpc_api, kafka_api[], advertised_kafka_api[], admin[] ({address, port}, those of lists with
 *   `name`), rpc_server_tls, kafka_api_tls[] ({enabled, require_client_auth, cert_file, key_file, truststore_file}).
 * - .bootstrap.yaml has the cluster's settings of the first start, flat.
 * - Ready is what GET /v1/status/ready answers on the admin port: this broker has started. It says nothing of the others, for
 *   whose sake it must be in DNS before that.
 */
const COMPONENT = 'redpanda';
const DATA = '/var/lib/redpanda/data';
const CONFIG = '/etc/redpanda';
const TEMPLATES = '/etc/starling/redpanda';
const HOST_MARK = '@HOST@';
const LISTENER = 'internal';

/** As whom the Jobs make topics, users and their rights. */
export const BROKER_ADMINISTRATOR = 'starling-administrator';

/** Of a container's memory; the rest is for what is not Redpanda's own allocator. */
const MEMORY_SHARE = 0.8;
const MEBIBYTE = 1024 * 1024;
/** To finish what it holds, and to hand its leaderships on. */
const GRACE_SECONDS = 90;
/** For which a restarted broker catches up before the next one restarts. */
const CATCH_UP_SECONDS = 20;

const PREPARE = `set -eu
copy() {
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      *${HOST_MARK}*) line="\${line%%${HOST_MARK}*}$POD_NAME.$SERVICE_HOST\${line#*${HOST_MARK}}" ;;
    esac
    printf '%s\\n' "$line"
  done <"${TEMPLATES}/$1" >"${CONFIG}/$2"
}
copy redpanda.yaml redpanda.yaml
copy bootstrap.yaml .bootstrap.yaml
`;

/** Renders the brokers, or nothing when the log is another's. */
export function renderRedpanda(input: RenderInput): Manifest[] {
  const log = input.spec.data.log.builtin;
  if (!log) return [];
  const name = names.of(input.name, COMPONENT);
  const resources = completeResources('redpanda', log.resources);
  const files = {
    'redpanda.yaml': stringify(nodeConfig(input, log.brokers)),
    'bootstrap.yaml': stringify(clusterConfig(log.brokers)),
    'prepare.sh': PREPARE,
    'start.sh': startScript(resources),
  };
  return [
    k8s.KubeConfigMap.manifest({ metadata: ownedMetadata(input, name, COMPONENT), data: files }),
    renderHeadless(
      input,
      COMPONENT,
      [
        { name: 'kafka', port: BROKER_PORTS.kafka },
        { name: 'rpc', port: BROKER_PORTS.rpc },
      ],
      {
        // The brokers find each other before any of them is ready.
        publishNotReady: true,
      },
    ),
    renderStateful(input, {
      component: COMPONENT,
      replicas: log.brokers,
      user: USERS.redpanda,
      storage: log.storage,
      configHash: hashOf(files),
      minReadySeconds: log.brokers > 1 ? CATCH_UP_SECONDS : undefined,
      graceSeconds: GRACE_SECONDS,
      ...containersOf(input, resources),
    }),
  ];
}

function nodeConfig(input: RenderInput, brokers: number): object {
  const listen = (port: number) => ({ address: '0.0.0.0', port });
  const advertise = (port: number) => ({ address: HOST_MARK, port });
  const files = { cert_file: FILES.certificate, key_file: FILES.certificateKey, truststore_file: FILES.authorities };
  return {
    redpanda: {
      data_directory: DATA,
      // The same list on each: together they make the cluster, once.
      empty_seed_starts_cluster: false,
      seed_servers: Array.from({ length: brokers }, (_, ordinal) => ({
        host: { address: podHostOf(input, COMPONENT, ordinal), port: BROKER_PORTS.rpc },
      })),
      rpc_server: listen(BROKER_PORTS.rpc),
      advertised_rpc_api: advertise(BROKER_PORTS.rpc),
      rpc_server_tls: { enabled: true, require_client_auth: true, ...files },
      kafka_api: [{ name: LISTENER, ...listen(BROKER_PORTS.kafka), authentication_method: 'sasl' }],
      advertised_kafka_api: [{ name: LISTENER, ...advertise(BROKER_PORTS.kafka) }],
      kafka_api_tls: [{ name: LISTENER, enabled: true, require_client_auth: false, ...files }],
      admin: [{ name: LISTENER, ...listen(BROKER_PORTS.admin) }],
    },
  };
}

/** Read at the first start alone; later changes are an administrator's. */
function clusterConfig(brokers: number): object {
  return {
    enable_sasl: true,
    kafka_enable_authorization: true,
    superusers: [BROKER_ADMINISTRATOR],
    admin_api_require_auth: true,
    // A topic that is missing is a log that is lost, not one to be made anew by whoever asks for it.
    auto_create_topics_enabled: false,
    default_topic_replications: brokers,
    // An acknowledgement means that it is on the disks of a majority; `disabled` cannot be undone by a topic's own setting.
    write_caching_default: 'disabled',
    enable_metrics_reporter: false,
  };
}

function startScript(resources: Resources): string {
  const cores = Math.max(1, Math.floor(amountOf(resources.limits?.cpu ?? resources.requests?.cpu ?? '1')));
  const memory = Math.floor((amountOf(resources.limits?.memory ?? '1Gi') * MEMORY_SHARE) / MEBIBYTE);
  const administrator = FOLDERS.brokerAdministrator;
  return `set -eu
read -r user <"${administrator}/username" || [ -n "$user" ]
read -r password <"${administrator}/password" || [ -n "$password" ]
export RP_BOOTSTRAP_USER="$user:$password:SCRAM-SHA-512"
exec rpk redpanda start --check=false --overprovisioned --lock-memory=false --smp=${cores} --memory=${memory}M --reserve-memory=0M --default-log-level=info
`;
}

function containersOf(input: RenderInput, resources: Resources) {
  const cluster = input.name;
  const templates = configAt('templates', names.of(cluster, COMPONENT), TEMPLATES);
  const config = emptyAt('config', CONFIG);
  const places: Place[] = [
    templates,
    config,
    emptyAt('tmp', '/tmp'),
    secretAt('tls', names.tls(cluster, COMPONENT), FOLDERS.tls),
    secretAt('administrator', names.administrator(cluster, 'redpanda'), FOLDERS.brokerAdministrator),
  ];
  const image = {
    image: input.images.redpanda,
    ...(input.spec.image.pullPolicy !== undefined && { imagePullPolicy: input.spec.image.pullPolicy }),
    securityContext: containerSecurity(),
  };
  const ready = { httpGet: { path: '/v1/status/ready', port: k8s.IntOrString.fromString('admin') } };
  return {
    initContainers: [
      {
        name: 'prepare',
        ...image,
        command: ['sh', `${TEMPLATES}/prepare.sh`],
        env: [
          { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
          { name: 'SERVICE_HOST', value: hostOf(input, COMPONENT) },
        ],
        resources: renderResources({ requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } }),
        volumeMounts: [templates.mount, config.mount],
      },
    ],
    containers: [
      {
        name: COMPONENT,
        ...image,
        command: ['sh', `${TEMPLATES}/start.sh`],
        // Where rpk looks for a file of its own: not in the read-only home.
        env: [{ name: 'HOME', value: '/tmp' }],
        ports: Object.entries(BROKER_PORTS).map(([name, containerPort]) => ({ name, containerPort, protocol: 'TCP' })),
        startupProbe: { ...ready, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 180 },
        readinessProbe: { ...ready, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 3 },
        livenessProbe: {
          tcpSocket: { port: k8s.IntOrString.fromString('admin') },
          periodSeconds: 15,
          timeoutSeconds: 5,
          failureThreshold: 6,
        },
        resources: renderResources(resources),
        volumeMounts: [...places.map(({ mount }) => mount), { name: VOLUME, mountPath: DATA }],
      },
    ],
    volumes: places.map(({ volume }) => volume),
  };
}
