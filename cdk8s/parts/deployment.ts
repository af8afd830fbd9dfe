import type { ServiceName } from '@starling/contracts/services';
import { k8s } from 'cdk8s-plus-28';
import type { Catalogue } from './catalogue.ts';
import { authoritiesOf } from './data.ts';
import { hashOf } from './hash.ts';
import type { Manifest, RenderInput } from './input.ts';
import { labelsOf, selectorOf } from './labels.ts';
import { ownedMetadata } from './metadata.ts';
import { names } from './names.ts';
import { FILES, FOLDERS } from './places.ts';
import { PORTS, portsOf } from './ports.ts';
import { completeResources, heapArguments, renderResources } from './resources.ts';
import { schedulingOf } from './scheduling.ts';
import { serviceSecrets } from './secrets.ts';
import { CLOSED_POD, containerSecurity, podSecurity, USERS } from './security.ts';
import { serviceConfig } from './service-config.ts';
import { configAt, emptyAt, filesAt, type Place, secretAt } from './volumes.ts';

/** Before SIGTERM: until then proxies and other pods may still send what is new to a pod that ends. */
const PAUSE_SECONDS = 5;
/** After a drain: a service has ten seconds to stop, then it is left to itself. */
const STOP_SECONDS = 15;
/** Of a service that drains nothing: requests that are under way. */
const FINISH_SECONDS = 10;
/** A rollout that has not gone on for so long has failed. Longer than delivery may take to read the log back. */
const PROGRESS_SECONDS = 600;
const STARTUP = { periodSeconds: 2, failureThreshold: 240 };

/** The configuration of a service. */
export function renderServiceConfig(input: RenderInput, catalogue: Catalogue, service: string): Manifest {
  return k8s.KubeConfigMap.manifest({
    metadata: ownedMetadata(input, names.of(input.name, service), service),
    data: { 'config.json': configText(input, catalogue, service) },
  });
}

export function renderDeployment(input: RenderInput, catalogue: Catalogue, service: string): Manifest {
  const { name, spec } = input;
  const replicas = replicasOf(input, service);
  const places = placesOf(input, service);
  const manifest = k8s.KubeDeployment.manifest({
    metadata: ownedMetadata(input, names.of(name, service), service),
    spec: {
      ...(replicas !== undefined && { replicas }),
      selector: { matchLabels: selectorOf(name, service) },
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: k8s.IntOrString.fromNumber(1), maxUnavailable: k8s.IntOrString.fromNumber(0) },
      },
      progressDeadlineSeconds: PROGRESS_SECONDS,
      revisionHistoryLimit: 3,
      template: {
        metadata: { labels: labelsOf(name, service), annotations: podAnnotations(input, catalogue, service) },
        spec: {
          ...CLOSED_POD,
          serviceAccountName: names.of(name, service),
          securityContext: podSecurity(USERS.starling),
          terminationGracePeriodSeconds: PAUSE_SECONDS + drainSeconds(input, service) + STOP_SECONDS,
          ...schedulingOf(input, service),
          containers: [
            {
              name: service,
              image: input.images.starling,
              ...(spec.image.pullPolicy !== undefined && { imagePullPolicy: spec.image.pullPolicy }),
              ...containerOf(input, catalogue, service),
              volumeMounts: places.map(({ mount }) => mount),
            },
          ],
          volumes: places.map(({ volume }) => volume),
        },
      },
    },
  });
  return withPause(manifest);
}

/** Of delivery it is the autoscaler's, unless there is none. */
function replicasOf({ spec }: RenderInput, service: string): number | undefined {
  if (service !== 'delivery') return spec.services.replicas;
  return spec.autoscaling.source === 'None' ? (spec.delivery.replicas ?? spec.autoscaling.minReplicas) : undefined;
}

function drainSeconds({ spec }: RenderInput, service: string): number {
  return service === 'delivery' ? spec.delivery.drainSeconds : FINISH_SECONDS;
}

function containerOf(input: RenderInput, catalogue: Catalogue, service: string) {
  const { spec } = input;
  const isDelivery = service === 'delivery';
  const resources = completeResources(isDelivery ? 'delivery' : 'service', isDelivery ? spec.delivery.resources : spec.services.resources);
  const ask = (path: string) => ({ httpGet: { path, port: k8s.IntOrString.fromString('side') } });
  return {
    args: [...heapArguments(resources), `services/${service}/main.ts`, '--config', FILES.config],
    ports: portsOf(catalogue.describe(service).ingress).map(({ name, port }) => ({ name, containerPort: port, protocol: 'TCP' })),
    // Healthy is a process that answers; ready one that may be given work. A broker or database that is away makes neither
    // false, since no other pod would be better off. Until the first answer, a start may read a long log.
    startupProbe: { ...ask('/healthz'), timeoutSeconds: 2, ...STARTUP },
    readinessProbe: { ...ask('/readyz'), periodSeconds: 3, timeoutSeconds: 2, failureThreshold: 2 },
    livenessProbe: { ...ask('/healthz'), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    resources: renderResources(resources),
    // Of one that cannot start the last lines of its log are told: the condition RolledOut quotes them.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: containerSecurity(),
  };
}

function placesOf(input: RenderInput, service: string): Place[] {
  const { name, spec } = input;
  const mail = service === 'identity' ? spec.mail : undefined;
  return [
    configAt('config', names.of(name, service), FOLDERS.config),
    secretAt('secrets', names.of(name, service), FOLDERS.secrets),
    secretAt('keys', names.signingKey(name, service), FOLDERS.keys),
    configAt('public-keys', names.publicKeys(name), FOLDERS.publicKeys),
    secretAt('tls', names.tls(name, service), FOLDERS.tls),
    ...filesAt('authorities', FOLDERS.authorities, authoritiesOf(input).sources),
    ...(mail ? [secretAt('mail', mail.url.name, FOLDERS.mail, [{ key: mail.url.key, path: 'url' }])] : []),
    emptyAt('tmp', '/tmp'),
  ];
}

/**
 * Another configuration, or other passwords, start the pods anew: they are read once. Certificates and signing keys are not
 * in the hash: they are read again when their files change.
 */
function podAnnotations(input: RenderInput, catalogue: Catalogue, service: string): Record<string, string> {
  const secrets = serviceSecrets(input, service as ServiceName);
  return {
    'prometheus.io/path': '/metrics',
    'prometheus.io/port': String(PORTS.side),
    'prometheus.io/scrape': 'true',
    'starling.chat/config-hash': hashOf([configText(input, catalogue, service), secrets]),
  };
}

function configText(input: RenderInput, catalogue: Catalogue, service: string): string {
  return `${JSON.stringify(serviceConfig(input, catalogue, service), undefined, 2)}\n`;
}

/** The generated types are of Kubernetes 1.28, which had no `sleep` yet, and leave out what they do not know. */
function withPause(manifest: Manifest): Manifest {
  const { template } = manifest['spec'] as { template: { spec: { containers: Record<string, unknown>[] } } };
  for (const container of template.spec.containers) container['lifecycle'] = { preStop: { sleep: { seconds: PAUSE_SECONDS } } };
  return manifest;
}
