import Type, { type Static } from 'typebox';

const exact = { additionalProperties: false };

/** A DNS label (RFC 1123): the name of most objects. */
const NAME = { pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', minLength: 1, maxLength: 63 };
const Name = Type.String(NAME);
/** A host with dots, without a port. */
const Host = Type.String({ pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$', minLength: 1, maxLength: 253 });
const Address = Type.String({ pattern: '^[0-9a-fA-F.:]+(/[0-9]{1,3})?$', minLength: 2, maxLength: 43 });
/** A quantity of bytes, as Kubernetes writes it, in whole powers of 1,024. */
const Bytes = Type.String({ pattern: '^[1-9][0-9]{0,5}(Mi|Gi|Ti)$', maxLength: 9 });
const SecretKey = Type.Object({ name: Name, key: Type.String({ pattern: '^[-._a-zA-Z0-9]+$', minLength: 1, maxLength: 253 }) }, exact);
const SecretName = Type.Object({ name: Name }, exact);
const ImageReference = Type.String({ pattern: '^[a-z0-9]([-a-z0-9._:/@]*[a-z0-9])?$', minLength: 1, maxLength: 255 });

const Resources = Type.Object(
  {
    requests: Type.Optional(Type.Object({ cpu: Type.Optional(Type.String({ maxLength: 16 })), memory: Type.Optional(Bytes) }, exact)),
    limits: Type.Optional(Type.Object({ cpu: Type.Optional(Type.String({ maxLength: 16 })), memory: Type.Optional(Bytes) }, exact)),
  },
  exact,
);

const Image = Type.Object(
  {
    /** Without a tag: `version` is the tag. The operator's flags say which registries may be named. */
    repository: Type.Optional(ImageReference),
    pullPolicy: Type.Optional(Type.Enum(['Always', 'IfNotPresent', 'Never'])),
    pullSecrets: Type.Optional(Type.Array(SecretName, { maxItems: 8 })),
  },
  exact,
);

const Ingress = Type.Object(
  {
    className: Type.Optional(Name),
    /** The namespace of the ingress controller: network policies let its pods in. */
    controllerNamespace: Type.String({ ...NAME, default: 'ingress-nginx' }),
    /** Addresses or networks of proxies whose X-Forwarded-… headers are believed. */
    trustedProxies: Type.Optional(Type.Array(Address, { maxItems: 32 })),
    /** A Secret of type kubernetes.io/tls for the host. */
    tls: Type.Optional(SecretName),
    annotations: Type.Optional(Type.Record(Type.String({ maxLength: 253 }), Type.String({ maxLength: 1024 }), { maxProperties: 32 })),
  },
  exact,
);

const Autoscaling = Type.Object(
  {
    source: Type.Enum(['Builtin', 'PrometheusAdapter', 'Keda', 'None'], { default: 'Builtin' }),
    minReplicas: Type.Integer({ minimum: 1, maximum: 100, default: 2 }),
    maxReplicas: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
    /** Connections that a pod should hold. */
    targetConnections: Type.Integer({ minimum: 1, maximum: 20_000, default: 2_000 }),
    /** Connections beyond which a pod refuses more; at least 1.3 times the target, since at the target the autoscaler sees no need. */
    connectionCap: Type.Integer({ minimum: 2, maximum: 30_000, default: 3_000 }),
    /** For how long there must have been less before pods are taken away. */
    windowSeconds: Type.Integer({ minimum: 0, maximum: 3_600, default: 300 }),
    /** Of source Keda: where Prometheus is. */
    prometheusUrl: Type.Optional(Type.String({ pattern: '^https?://[^\\s]+$', maxLength: 512 })),
  },
  exact,
);

const Storage = Type.Object(
  {
    className: Type.Optional(Name),
    /** Can only grow. */
    size: Bytes,
  },
  exact,
);

const Postgres = Type.Object(
  {
    /** One instance, run by the operator. */
    builtin: Type.Optional(
      Type.Object({ image: Type.Optional(ImageReference), storage: Storage, resources: Type.Optional(Resources) }, exact),
    ),
    /** A `Cluster` of CloudNativePG in this namespace, with `enableSuperuserAccess`. */
    cloudNativePG: Type.Optional(Type.Object({ cluster: Name, database: Type.String({ ...NAME, default: 'app' }) }, exact)),
    external: Type.Optional(
      Type.Object(
        {
          host: Host,
          port: Type.Integer({ minimum: 1, maximum: 65_535, default: 5432 }),
          database: Type.String({ pattern: '^[a-z_][a-z0-9_]*$', minLength: 1, maxLength: 63 }),
          /** Keys `username` and `password` of a role that may create roles and schemas. */
          administrator: SecretName,
          /** PEM of the authority of the server's certificate. */
          authority: SecretKey,
          /** The server's addresses, for the network policy; absent: any. */
          addresses: Type.Optional(Type.Array(Address, { maxItems: 16 })),
        },
        exact,
      ),
    ),
  },
  exact,
);

const LogBackbone = Type.Object(
  {
    /** Redpanda, run by the operator. */
    builtin: Type.Optional(
      Type.Object(
        {
          image: Type.Optional(ImageReference),
          brokers: Type.Enum([1, 3], { default: 1 }),
          storage: Storage,
          resources: Type.Optional(Resources),
        },
        exact,
      ),
    ),
    external: Type.Optional(
      Type.Object(
        {
          brokers: Type.Array(Type.String({ pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?:[0-9]{1,5}$', maxLength: 259 }), {
            minItems: 1,
            maxItems: 16,
          }),
          /** Keys `username` and `password` (SASL/SCRAM-SHA-512) of a user who may make topics, users and ACLs. */
          administrator: SecretName,
          /** PEM of the authority of the brokers' certificates. */
          authority: SecretKey,
          addresses: Type.Optional(Type.Array(Address, { maxItems: 16 })),
        },
        exact,
      ),
    ),
  },
  exact,
);

/** What a person writes of a `ChatCluster`; with every default applied, what all manifests follow from. */
export const ChatClusterSpec = Type.Object(
  {
    /** Of Starling: the tag of its image. Unless given, the operator's own. */
    version: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z_][0-9A-Za-z_.-]*$', minLength: 1, maxLength: 64 })),
    image: Type.Optional(Image),
    /** Where people reach it: the host of the Ingress, of links in mail, of the only Origin beside `allowedOrigins`. */
    host: Host,
    allowedOrigins: Type.Optional(Type.Array(Type.String({ pattern: '^https?://[^/?#@\\s]+$', maxLength: 261 }), { maxItems: 16 })),
    registration: Type.Enum(['Open', 'Invite', 'Closed'], { default: 'Invite' }),
    bootstrap: Type.Optional(
      Type.Object({ ownerEmail: Type.String({ pattern: '^[^@\\s]+@[^@\\s]+$', minLength: 3, maxLength: 254 }) }, exact),
    ),
    mail: Type.Optional(
      Type.Object(
        {
          from: Type.String({ minLength: 3, maxLength: 320 }),
          /** smtp(s)://user:password@host:port. */
          url: SecretKey,
        },
        exact,
      ),
    ),
    ingress: Type.Optional(Ingress),
    autoscaling: Type.Optional(Autoscaling),
    delivery: Type.Optional(
      Type.Object(
        {
          /** Only with `autoscaling.source: None`. */
          replicas: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
          /** Within which a pod that ends sends its clients elsewhere. */
          drainSeconds: Type.Integer({ minimum: 1, maximum: 600, default: 30 }),
          resources: Type.Optional(Resources),
        },
        exact,
      ),
    ),
    /** Of each service but delivery. */
    services: Type.Optional(
      Type.Object({ replicas: Type.Integer({ minimum: 1, maximum: 20, default: 2 }), resources: Type.Optional(Resources) }, exact),
    ),
    data: Type.Object({ postgres: Postgres, log: LogBackbone }, exact),
    log: Type.Optional(
      Type.Object(
        {
          /** Of each topic, when it is made. Cannot be changed. */
          partitions: Type.Integer({ minimum: 1, maximum: 64, default: 8 }),
          /** How long messages lie in the log, beside the database. */
          retentionDays: Type.Integer({ minimum: 1, maximum: 90, default: 7 }),
        },
        exact,
      ),
    ),
    tracing: Type.Optional(Type.Object({ otlpEndpoint: Type.String({ pattern: '^https?://[^\\s]+$', maxLength: 512 }) }, exact)),
    certificates: Type.Optional(
      Type.Object(
        {
          /** Life of the certificates between the pods; they are renewed after two thirds of it. */
          leafMinutes: Type.Integer({ minimum: 3, maximum: 525_600, default: 129_600 }),
          authorityMinutes: Type.Integer({ minimum: 6, maximum: 5_256_000, default: 1_576_800 }),
        },
        exact,
      ),
    ),
    keys: Type.Optional(Type.Object({ rotateDays: Type.Integer({ minimum: 1, maximum: 365, default: 30 }) }, exact)),
    scheduling: Type.Optional(
      Type.Object(
        {
          nodeSelector: Type.Optional(Type.Record(Type.String({ maxLength: 317 }), Type.String({ maxLength: 63 }), { maxProperties: 16 })),
          tolerations: Type.Optional(
            Type.Array(
              Type.Object(
                {
                  key: Type.Optional(Type.String({ maxLength: 317 })),
                  operator: Type.Optional(Type.Enum(['Exists', 'Equal'])),
                  value: Type.Optional(Type.String({ maxLength: 63 })),
                  effect: Type.Optional(Type.Enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])),
                  tolerationSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
                },
                exact,
              ),
              { maxItems: 16 },
            ),
          ),
          priorityClassName: Type.Optional(Name),
        },
        exact,
      ),
    ),
    /** Field managers, such as a service mesh's injector, whose fields in the operator's objects are left alone. */
    allowForeign: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { maxItems: 16 })),
  },
  exact,
);

export type ChatClusterSpec = Static<typeof ChatClusterSpec>;
