import { SERVICE_NAMES, type ServiceName } from '@starling/contracts/services';
import { completeSpec, type WrittenSpec } from '../chat-cluster/index.ts';
import type { CertificateFiles, Manifest, Material, RenderInput } from './input.ts';

/** As short as a spec can be. */
export const MINIMAL: WrittenSpec = { host: 'chat.example.com' };

/** Three brokers, everything else said. */
export const PRODUCTION: WrittenSpec = {
  version: '1.4.2',
  image: { repository: 'registry.example.com/starling', pullPolicy: 'IfNotPresent', pullSecrets: [{ name: 'registry' }] },
  host: 'chat.example.org',
  allowedOrigins: ['https://intranet.example.org'],
  registration: 'Closed',
  bootstrap: { ownerEmail: 'owner@example.org' },
  mail: { from: 'Starling <chat@example.org>', url: { name: 'mail', key: 'smtp-url' } },
  ingress: {
    className: 'nginx',
    controllerNamespace: 'ingress',
    trustedProxies: ['10.0.0.0/8'],
    tls: { name: 'chat-example-org' },
    annotations: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '7200', 'cert-manager.io/cluster-issuer': 'letsencrypt' },
  },
  autoscaling: { minReplicas: 3, maxReplicas: 30, targetConnections: 10_000, connectionCap: 15_000, windowSeconds: 600 },
  delivery: { drainSeconds: 60, resources: { requests: { cpu: '1000m', memory: '1024Mi' }, limits: { memory: '2048Mi' } } },
  services: { replicas: 3, resources: { requests: { cpu: '250m' }, limits: { cpu: '2', memory: '768Mi' } } },
  data: {
    postgres: { builtin: { storage: { className: 'fast', size: '1024Gi' }, resources: { limits: { memory: '8Gi' } } } },
    log: {
      builtin: {
        brokers: 3,
        storage: { className: 'fast', size: '500Gi', retention: 'Delete' },
        resources: { requests: { cpu: '2', memory: '8192Mi' }, limits: { cpu: '2', memory: '8192Mi' } },
      },
    },
  },
  log: { partitions: 32, retentionDays: 14 },
  tracing: { otlpEndpoint: 'http://collector.observability.svc:4318' },
  scheduling: {
    nodeSelector: { 'kubernetes.io/arch': 'amd64' },
    tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'chat', effect: 'NoSchedule' }],
    priorityClassName: 'chat',
  },
};

/** Database and log of others, KEDA, no limits of ours in the way. */
export const EXTERNAL: WrittenSpec = {
  host: 'chat.example.net',
  autoscaling: { source: 'Keda', prometheusUrl: 'http://prometheus.monitoring.svc:9090' },
  data: {
    postgres: {
      external: {
        host: 'db.example.net',
        port: 6432,
        database: 'chat',
        administrator: { name: 'database-administrator' },
        authority: { name: 'database-authority', key: 'ca.pem' },
        addresses: ['192.0.2.10', '2001:db8::10'],
      },
    },
    log: {
      external: {
        brokers: ['broker-1.example.net:9094', 'broker-2.example.net:9095'],
        administrator: { name: 'brokers-administrator' },
        authority: { name: 'brokers-authority', key: 'root.pem' },
      },
    },
  },
};

/** All that is secret, recognisable wherever it turns up: each text holds its kind and its owner. */
export function fakeMaterial(services: readonly string[] = SERVICE_NAMES): Material {
  const each = <T>(of: (service: string) => T) => Object.fromEntries(services.map((name) => [name, of(name)])) as Record<ServiceName, T>;
  const files = (component: string): CertificateFiles => ({
    certificate: `certificate of ${component}\n`,
    key: `secret-certificate-key of ${component}\n`,
    authorities: 'authorities\n',
  });
  return {
    signingKeys: each((service) => `{"secret-signing-key":"${service}"}`),
    publicKeys: '{"identity":[]}',
    certificates: { ...each(files), postgres: files('postgres'), redpanda: files('redpanda'), migrate: files('migrate') },
    rootSecret: 'secret-root',
    databaseRoles: each((service) => `starling_${service}`),
    passwords: {
      database: each((service) => `secret-database-${service}`),
      broker: each((service) => `secret-broker-${service}`),
      postgres: 'secret-postgres-administrator',
      redpanda: 'secret-redpanda-administrator',
      identity: 'secret-of-identity-for-all-its-keys',
    },
  };
}

export function inputOf(spec: WrittenSpec, changes: Partial<RenderInput> = {}): RenderInput {
  return {
    name: 'acme',
    namespace: 'chat',
    uid: '11111111-2222-3333-4444-555555555555',
    spec: completeSpec(spec),
    images: {
      starling: `${spec.image?.repository ?? 'ghcr.io/starling-chat/starling'}:${spec.version ?? '0.1.0'}`,
      redpanda: 'docker.redpanda.com/redpandadata/redpanda:v25.2.1',
      postgres: 'docker.io/library/postgres:18.1',
    },
    epoch: 1,
    logExpected: false,
    material: fakeMaterial(),
    operatorNamespace: 'starling-system',
    ...changes,
  };
}

/** The one manifest of this kind and name. Its fields are looked up without types: a wrong path fails the test. */
// biome-ignore lint/suspicious/noExplicitAny: manifests of every kind are looked into.
export function pick(manifests: readonly Manifest[], kind: string, name: string): any {
  const found = manifests.filter((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found.length !== 1) throw new Error(`there are ${found.length} manifests ${kind} ${name}`);
  return found[0];
}
