import Type from 'typebox';
import { exact, Resources, rules, section, Url } from './fields.ts';

const MAX_REPLICAS = 100;

export const Autoscaling = Type.Object(
  {
    source: Type.Enum(['Builtin', 'PrometheusAdapter', 'Keda', 'None'], {
      default: 'Builtin',
      description: 'Where the autoscaler learns of connections. None: no autoscaler, but `delivery.replicas` pods.',
    }),
    minReplicas: Type.Integer({ minimum: 1, maximum: MAX_REPLICAS, default: 2, description: 'Pods that there are at least.' }),
    maxReplicas: Type.Integer({ minimum: 1, maximum: MAX_REPLICAS, default: 10, description: 'Pods that there are at most.' }),
    targetConnections: Type.Integer({ minimum: 1, maximum: 20_000, default: 2_000, description: 'Connections that a pod should hold.' }),
    connectionCap: Type.Integer({
      minimum: 2,
      maximum: 30_000,
      default: 3_000,
      description:
        'Connections beyond which a pod refuses more; at least 1.3 times the target, since a pod that is full at the target never looks overloaded.',
    }),
    windowSeconds: Type.Integer({
      minimum: 0,
      maximum: 3_600,
      default: 300,
      description: 'For how long fewer pods must have been enough before one is taken away.',
    }),
    prometheusUrl: Type.Optional(Url('Of source Keda, and required there: the Prometheus that has the metrics.')),
  },
  {
    ...section,
    description: 'How many pods of delivery there are.',
    ...rules(
      {
        rule: 'self.maxReplicas >= self.minReplicas',
        message: 'autoscaling.maxReplicas must be at least autoscaling.minReplicas: raise the one or lower the other',
        fieldPath: '.maxReplicas',
      },
      {
        rule: 'self.connectionCap * 10 >= self.targetConnections * 13',
        message: 'autoscaling.connectionCap must be at least 1.3 times autoscaling.targetConnections: raise the cap or lower the target',
        fieldPath: '.connectionCap',
      },
      {
        rule: "has(self.prometheusUrl) == (self.source == 'Keda')",
        message:
          'autoscaling.prometheusUrl must be given with source Keda and with no other: add it, remove it, or change autoscaling.source',
        fieldPath: '.prometheusUrl',
      },
    ),
  },
);

export const Delivery = Type.Object(
  {
    replicas: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_REPLICAS,
        description: 'Pods. Only with `autoscaling.source: None`; absent there: `autoscaling.minReplicas`.',
      }),
    ),
    drainSeconds: Type.Integer({
      minimum: 1,
      maximum: 600,
      default: 30,
      description: 'Within which a pod that ends sends its clients elsewhere.',
    }),
    resources: Resources('Of each pod of delivery.'),
  },
  { ...section, description: 'The live path: who holds the connections.' },
);

/** Belongs on the parent of both sections. */
export const REPLICAS_ONLY_WITHOUT_AUTOSCALER = {
  rule: "!has(self.delivery.replicas) || self.autoscaling.source == 'None'",
  message:
    'delivery.replicas may be given only with autoscaling.source None, since the autoscaler sets it otherwise: remove it, or set autoscaling.source to None',
  fieldPath: '.delivery.replicas',
};

export const Services = Type.Object(
  {
    replicas: Type.Integer({ minimum: 1, maximum: 20, default: 2, description: 'Pods of each.' }),
    resources: Resources('Of each pod.'),
  },
  { ...section, description: 'Each service but delivery.' },
);

export const Log = Type.Object(
  {
    partitions: Type.Integer({ minimum: 1, maximum: 64, default: 8, description: 'Of each topic, when it is made. Cannot be changed.' }),
    retentionDays: Type.Integer({
      minimum: 1,
      maximum: 90,
      default: 7,
      description: 'How long messages lie in the log, beside the database, where they stay.',
    }),
  },
  {
    ...section,
    description: 'The topics of the log.',
    ...rules({
      rule: 'self.partitions == oldSelf.partitions',
      message: 'log.partitions cannot be changed: restore its value',
      fieldPath: '.partitions',
    }),
  },
);

export const Certificates = Type.Object(
  {
    leafMinutes: Type.Integer({
      minimum: 3,
      maximum: 525_600,
      default: 129_600,
      description: 'Life of the certificates between the pods; they are renewed after two thirds of it.',
    }),
    authorityMinutes: Type.Integer({
      minimum: 6,
      maximum: 5_256_000,
      default: 1_576_800,
      description: 'Life of the authority that issues them; at least twice theirs.',
    }),
  },
  {
    ...section,
    description: 'Certificates between the pods, made by the operator.',
    ...rules({
      rule: 'self.authorityMinutes >= 2 * self.leafMinutes',
      message: 'certificates.authorityMinutes must be at least twice certificates.leafMinutes: raise the one or lower the other',
      fieldPath: '.authorityMinutes',
    }),
  },
);

export const Keys = Type.Object(
  { rotateDays: Type.Integer({ minimum: 1, maximum: 365, default: 30, description: 'After which a key is replaced.' }) },
  { ...section, description: 'Keys with which the services sign tokens.' },
);

export const Tracing = Type.Object({ otlpEndpoint: Url('Where spans are sent, by OTLP over HTTP.') }, { ...exact, description: 'Traces.' });
