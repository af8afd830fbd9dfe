import Type, { type Static, type TSchema, type TUnknown } from 'typebox';
import { ConfigError } from '../config/index.ts';

const exact = { additionalProperties: false };
const Port = Type.Integer({ minimum: 0, maximum: 65_535 });
const File = Type.String({ minLength: 1 });
const Count = Type.Integer({ minimum: 1, maximum: 1024 });

/** Where other processes reach a service: `http://host:port` each, with `tls` `https://host:port`. */
const Peer = Type.Object({ http: Type.String(), rpc: Type.String() }, exact);

const Kafka = Type.Object(
  {
    brokers: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
    epoch: Type.Integer({ minimum: 1, maximum: 1023 }),
    partitions: Type.Object({ conversations: Count, receipts: Count, users: Count }, exact),
    /** PEM of the authority that the brokers' certificates must come from; absent: no TLS. */
    tlsAuthority: Type.Optional(File),
    user: Type.Optional(Type.String({ minLength: 1 })),
    /** A file, so that no configuration holds a password. */
    passwordFile: Type.Optional(File),
  },
  exact,
);

/**
 * What this process shows to others and believes of them: connections between services then are by TLS with
 * certificates on both sides. The three are read again when they change.
 */
const Tls = Type.Object(
  {
    /** PEM of the authorities whose certificates are taken: one, or two while one follows another. */
    authorities: File,
    /** PEM of this service's certificate; it is for the host by which `peers` names the service. */
    certificate: File,
    key: File,
    /** How often it is looked whether they have changed, and whether the other authorities have; 5 s unless given. */
    pollMs: Type.Optional(Type.Integer({ minimum: 100 })),
  },
  exact,
);

/** The configuration file of a service that runs as a process of its own; `service` is the service's own part. */
export function processConfig<T extends TSchema>(service: T) {
  return Type.Object(
    {
      service,
      cluster: Type.String({ minLength: 1 }),
      host: Type.String({ minLength: 1 }),
      /**
       * Other services' HTTP, gRPC, and what operators ask. `ingress`: the same HTTP, and the sockets, once more without
       * TLS for what comes through an ingress; without it, users come by `http` as well.
       */
      ports: Type.Object({ http: Port, rpc: Port, side: Port, ingress: Type.Optional(Port) }, exact),
      tls: Type.Optional(Tls),
      /** A file with the postgres:// URL of the service's own role. */
      databaseUrlFile: File,
      /** PEM of the authority that the database's certificate must come from: TLS; absent: what the URL says. */
      databaseAuthority: Type.Optional(File),
      kafka: Kafka,
      /** This service's private keys, everyone's public ones, `{issuer: JWK[]}`, and how often it is looked whether they have changed. */
      keys: Type.Object({ private: File, public: File, pollMs: Type.Optional(Type.Integer({ minimum: 100 })) }, exact),
      peers: Type.Object({ identity: Peer, user: Peer, conversation: Peer, delivery: Peer, web: Peer }, exact),
      otlpEndpoint: Type.Optional(Type.String({ pattern: '^https?://' })),
      /** Where this process writes its traces: `traces-<name>.jsonl`, in one folder with its neighbours'. */
      traceFile: Type.Optional(File),
    },
    exact,
  );
}

/** Such a file; `service` as its own schema says. */
export type ProcessConfig = Static<ReturnType<typeof processConfig<TUnknown>>>;

/** Throws a ConfigError for a peer that is not reached by TLS: its tokens would cross the network for all to see. */
export function requirePeersByTls(peers: ProcessConfig['peers']): void {
  for (const [name, addresses] of Object.entries(peers)) {
    const plain = Object.entries(addresses).find(([, url]) => URL.parse(url)?.protocol !== 'https:');
    if (plain) throw new ConfigError(`peers.${name}.${plain[0]} must be an https:// URL, since there is tls`);
  }
}
