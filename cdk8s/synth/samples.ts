import { CHAT_CLUSTER, type WrittenSpec } from '../chat-cluster/index.ts';
import type { Manifest } from '../parts/index.ts';

interface Sample {
  name: string;
  /** What a reader must know before applying it. */
  comment: string;
  manifest: Manifest;
}

function chatCluster(spec: WrittenSpec): Manifest {
  return { apiVersion: CHAT_CLUSTER.apiVersion, kind: CHAT_CLUSTER.kind, metadata: { name: 'chat' }, spec };
}

/** ChatClusters to begin with. */
export const SAMPLES: Sample[] = [
  {
    name: 'minimal',
    comment: `All that is needed to try it, on kind say: https://chat.localhost leads to the ingress controller there. A browser will
ask whether it should trust the controller's certificate.`,
    manifest: chatCluster({ host: 'chat.localhost', registration: 'Open' }),
  },
  {
    name: 'production',
    comment: `For a team that depends on it: mail, HTTPS, three brokers, and PostgreSQL with failover by CloudNativePG.
Needs beforehand, in the same namespace:
- a Secret chat-mail with the key url, such as smtps://user:password@smtp.example.com:465
- a Cluster chat-postgres of CloudNativePG with enableSuperuserAccess: true
- cert-manager with a ClusterIssuer letsencrypt, or else a Secret chat-tls with the host's certificate`,
    manifest: chatCluster({
      host: 'chat.example.com',
      registration: 'Invite',
      bootstrap: { ownerEmail: 'owner@example.com' },
      mail: { from: 'Starling <chat@example.com>', url: { name: 'chat-mail', key: 'url' } },
      ingress: {
        className: 'nginx',
        tls: { name: 'chat-tls' },
        annotations: { 'cert-manager.io/cluster-issuer': 'letsencrypt' },
      },
      autoscaling: { minReplicas: 3, maxReplicas: 20, targetConnections: 4_000, connectionCap: 6_000 },
      services: { replicas: 3 },
      data: {
        postgres: { cloudNativePG: { cluster: 'chat-postgres' } },
        log: {
          builtin: {
            brokers: 3,
            storage: { size: '100Gi' },
            resources: { requests: { cpu: '1', memory: '4Gi' }, limits: { memory: '4Gi' } },
          },
        },
      },
      log: { partitions: 16, retentionDays: 14 },
    }),
  },
  {
    name: 'external-data',
    comment: `On a PostgreSQL server and Kafka brokers that somebody else runs.
Needs beforehand, in the same namespace:
- a Secret chat-postgres with the keys username and password of a role that may create roles and schemas, and ca.crt
- a Secret chat-kafka with the keys username and password (SCRAM-SHA-512) of a user who may make topics, users and ACLs, and ca.crt`,
    manifest: chatCluster({
      host: 'chat.example.com',
      registration: 'Invite',
      bootstrap: { ownerEmail: 'owner@example.com' },
      ingress: { className: 'nginx', tls: { name: 'chat-tls' } },
      data: {
        postgres: {
          external: {
            host: 'postgres.example.com',
            database: 'starling',
            administrator: { name: 'chat-postgres' },
            authority: { name: 'chat-postgres', key: 'ca.crt' },
            addresses: ['192.0.2.10'],
          },
        },
        log: {
          external: {
            brokers: ['kafka-0.example.com:9093', 'kafka-1.example.com:9093', 'kafka-2.example.com:9093'],
            administrator: { name: 'chat-kafka' },
            authority: { name: 'chat-kafka', key: 'ca.crt' },
            addresses: ['192.0.2.20', '192.0.2.21', '192.0.2.22'],
          },
        },
      },
    }),
  },
];
