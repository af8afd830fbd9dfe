import type { k8s } from 'cdk8s-plus-28';
import type { RenderInput } from './input.ts';
import { selectorOf } from './labels.ts';
import { hostOf, names, podHostOf } from './names.ts';
import { FILES } from './places.ts';
import { BROKER_PORTS, POSTGRES_PORT } from './ports.ts';
import { BUILTIN_DATABASE } from './postgres.ts';

/** A key of a Secret that somebody else keeps: it is mounted, and never read by the operator. */
interface SecretKey {
  name: string;
  key: string;
}

/** Where pods of another component or of the world beyond are, for network policies. */
export type Destination = { pods: Record<string, string> } | { addresses: string[] } | 'anywhere';

/** What the services and Jobs need to know of the database. */
export interface Database {
  host: string;
  port: number;
  name: string;
  /** The Secret with `username` and `password` of whoever may make roles and schemas. */
  administrator: string;
  /** Of the authority of its certificate; absent: the installation's own. */
  authority?: SecretKey;
  where: Destination;
}

export function databaseOf(input: RenderInput): Database {
  const { builtin, cloudNativePG, external } = input.spec.data.postgres;
  if (cloudNativePG) {
    const { cluster, database } = cloudNativePG;
    return {
      host: `${cluster}-rw.${input.namespace}.svc`,
      port: POSTGRES_PORT,
      name: database,
      administrator: `${cluster}-superuser`,
      authority: { name: `${cluster}-ca`, key: 'ca.crt' },
      where: { pods: { 'cnpg.io/cluster': cluster } },
    };
  }
  if (external) {
    return {
      host: external.host,
      port: external.port,
      name: external.database,
      administrator: external.administrator.name,
      authority: external.authority,
      where: external.addresses ? { addresses: external.addresses } : 'anywhere',
    };
  }
  if (!builtin) throw new Error('the spec names no database: give data.postgres exactly one of builtin, cloudNativePG, external');
  return {
    host: hostOf(input, 'postgres'),
    port: POSTGRES_PORT,
    name: BUILTIN_DATABASE,
    administrator: names.administrator(input.name, 'postgres'),
    where: { pods: selectorOf(input.name, 'postgres') },
  };
}

/** What they need to know of the brokers. */
export interface Brokers {
  /** To begin with, `host:port` each. */
  addresses: string[];
  administrator: string;
  authority?: SecretKey;
  ports: number[];
  where: Destination;
}

export function brokersOf(input: RenderInput): Brokers {
  const { builtin, external } = input.spec.data.log;
  if (external) {
    return {
      addresses: external.brokers,
      administrator: external.administrator.name,
      authority: external.authority,
      ports: [...new Set(external.brokers.map((broker) => Number(broker.slice(broker.lastIndexOf(':') + 1))))],
      where: external.addresses ? { addresses: external.addresses } : 'anywhere',
    };
  }
  if (!builtin) throw new Error('the spec names no brokers: give data.log exactly one of builtin, external');
  return {
    addresses: Array.from({ length: builtin.brokers }, (_, ordinal) => `${podHostOf(input, 'redpanda', ordinal)}:${BROKER_PORTS.kafka}`),
    administrator: names.administrator(input.name, 'redpanda'),
    ports: [BROKER_PORTS.kafka],
    where: { pods: selectorOf(input.name, 'redpanda') },
  };
}

/** The files of the authorities in force for each, and the volume that brings those which are not ours. */
export function authoritiesOf(input: RenderInput): { database: string; brokers: string; sources: k8s.VolumeProjection[] } {
  const database = databaseOf(input).authority;
  const brokers = brokersOf(input).authority;
  const source = ({ name, key }: SecretKey, path: string) => ({ secret: { name, items: [{ key, path }] } });
  return {
    database: database ? FILES.databaseAuthority : FILES.authorities,
    brokers: brokers ? FILES.brokersAuthority : FILES.authorities,
    sources: [...(database ? [source(database, 'database.crt')] : []), ...(brokers ? [source(brokers, 'brokers.crt')] : [])],
  };
}
