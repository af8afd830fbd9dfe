import Type from 'typebox';
import {
  Addresses,
  Bytes,
  exact,
  Host,
  ImageReference,
  LABEL_LIMITS,
  Name,
  PATTERNS,
  Resources,
  type Rule,
  rules,
  SecretKey,
  SecretName,
  section,
  set,
} from './fields.ts';

const Storage = Type.Object(
  {
    className: Type.Optional(Name('The StorageClass; absent: the default one. Cannot be changed.')),
    size: Bytes('Size of each volume. Can only grow, and only if the StorageClass allows it.', { default: '10Gi' }),
    retention: Type.Enum(['Retain', 'Delete'], {
      default: 'Retain',
      description: 'What becomes of the volumes when the ChatCluster, or their StatefulSet, is deleted.',
    }),
  },
  {
    ...section,
    description: 'The volumes.',
    ...rules(
      {
        rule: 'quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0',
        message: 'storage.size can only grow: give the size in force or more',
        fieldPath: '.size',
      },
      {
        rule: 'has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)',
        message: 'storage.className cannot be changed: restore its value',
        fieldPath: '.className',
      },
    ),
  },
);

/** Exactly one of the variants, for ever. The rules stand on the parent: on a variant they would not be asked when it goes. */
function oneOf(field: string, variants: string[]): Rule[] {
  const named = variants.map((variant) => `${field}.${variant}`).join(', ');
  return [
    {
      rule: `[${variants.map((variant) => `has(self.${variant})`).join(', ')}].filter(given, given).size() == 1`,
      message: `exactly one of ${named} must be given: remove the others, or add one`,
    },
    {
      rule: variants.map((variant) => `has(self.${variant}) == has(oldSelf.${variant})`).join(' && '),
      message: `the variant of ${field} cannot be changed, since the data would stay behind: restore the one of before`,
    },
  ];
}

const BuiltinPostgres = Type.Object(
  {
    image: Type.Optional(ImageReference('Of PostgreSQL; absent: the one that the operator names.')),
    storage: Storage,
    resources: Resources('Of the database.'),
  },
  { ...exact, description: 'PostgreSQL, run by the operator: one instance, without failover.' },
);

const CloudNativePG = Type.Object(
  {
    cluster: Name('Name of the Cluster, in the same namespace.'),
    database: Type.String({ ...LABEL_LIMITS, default: 'app', description: 'The database in it.' }),
  },
  { ...exact, description: 'A `Cluster` of CloudNativePG with `enableSuperuserAccess`.' },
);

const ExternalPostgres = Type.Object(
  {
    host: Host('Host name or IPv4 address of the server, as in its certificate.'),
    port: Type.Integer({ minimum: 1, maximum: 65_535, default: 5432, description: 'Port of the server.' }),
    database: Type.String({ pattern: PATTERNS.database, minLength: 1, maxLength: 63, description: 'The database, which must exist.' }),
    administrator: SecretName('Keys `username` and `password` of a role that may create roles and schemas.'),
    authority: SecretKey("PEM of the authority of the server's certificate."),
    addresses: Type.Optional(Addresses('addresses', "The server's addresses, for the network policy; absent: any.", { maxItems: 16 })),
  },
  { ...exact, description: 'A PostgreSQL server that somebody else runs.' },
);

const Postgres = Type.Object(
  {
    builtin: Type.Optional(BuiltinPostgres),
    cloudNativePG: Type.Optional(CloudNativePG),
    external: Type.Optional(ExternalPostgres),
  },
  {
    ...exact,
    default: { builtin: {} },
    description: 'The database: exactly one of the variants, which cannot be changed.',
    ...rules(...oneOf('data.postgres', ['builtin', 'cloudNativePG', 'external'])),
  },
);

const BuiltinLog = Type.Object(
  {
    image: Type.Optional(ImageReference('Of Redpanda; absent: the one that the operator names.')),
    brokers: Type.Enum([1, 3], {
      default: 1,
      description: 'With three, the log survives the loss of one. Cannot be changed.',
    }),
    storage: Storage,
    resources: Resources('Of each broker.'),
  },
  {
    ...exact,
    description: 'Redpanda, run by the operator.',
    ...rules({
      rule: 'self.brokers == oldSelf.brokers',
      message: 'data.log.builtin.brokers cannot be changed: restore its value',
      fieldPath: '.brokers',
    }),
  },
);

const ExternalLog = Type.Object(
  {
    brokers: Type.Array(Type.String({ pattern: PATTERNS.broker, maxLength: 259 }), {
      minItems: 1,
      maxItems: 16,
      description: 'Brokers to begin with, `host:port` each, with TLS and SASL.',
      ...set,
    }),
    administrator: SecretName('Keys `username` and `password` (SASL/SCRAM-SHA-512) of a user who may make topics, users and ACLs.'),
    authority: SecretKey("PEM of the authority of the brokers' certificates."),
    addresses: Type.Optional(Addresses('addresses', "The brokers' addresses, for the network policy; absent: any.", { maxItems: 16 })),
  },
  { ...exact, description: 'Kafka or Redpanda that somebody else runs.' },
);

const LogBackbone = Type.Object(
  { builtin: Type.Optional(BuiltinLog), external: Type.Optional(ExternalLog) },
  {
    ...exact,
    default: { builtin: {} },
    description: 'The brokers of the log: exactly one of the variants, which cannot be changed.',
    ...rules(...oneOf('data.log', ['builtin', 'external'])),
  },
);

export const Data = Type.Object({ postgres: Postgres, log: LogBackbone }, { ...section, description: 'Where the data is.' });
