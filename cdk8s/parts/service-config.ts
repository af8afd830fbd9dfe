import type { ServiceName } from '@starling/contracts/services';
import type { Catalogue } from './catalogue.ts';
import { authoritiesOf, brokersOf } from './data.ts';
import type { RenderInput } from './input.ts';
import { hostOf } from './names.ts';
import { FILES } from './places.ts';
import { PORTS, portsOf } from './ports.ts';

/** What only one service is told. A service without an entry is told nothing. */
const OWN_PART: Partial<Record<ServiceName, (input: RenderInput) => object>> = {
  identity: ({ spec }) => ({
    secretFile: FILES.identitySecret,
    registration: spec.registration.toLowerCase(),
    ...(spec.bootstrap && { ownerEmail: spec.bootstrap.ownerEmail }),
    publicUrl: publicUrl(spec.host),
    ...(spec.mail && { mail: { urlFile: FILES.mailUrl, from: spec.mail.from } }),
    signOn: [],
  }),
  delivery: ({ spec }) => ({ connectionCap: spec.autoscaling.connectionCap, drainSeconds: spec.delivery.drainSeconds }),
  web: ({ spec }) => ({
    trustedProxies: spec.ingress.trustedProxies,
    ...(spec.allowedOrigins && { allowedOrigins: spec.allowedOrigins }),
    publicUrl: publicUrl(spec.host),
  }),
};

/** A service's configuration file: everything that is not secret, and where its secrets are. */
export function serviceConfig(input: RenderInput, catalogue: Catalogue, service: string): object {
  const { name, namespace, spec, epoch } = input;
  const { partitions } = spec.log;
  const authorities = authoritiesOf(input);
  return {
    service: OWN_PART[service as ServiceName]?.(input) ?? {},
    cluster: clusterOf(input),
    host: '0.0.0.0',
    ports: Object.fromEntries(portsOf(catalogue.describe(service).ingress).map((port) => [port.name, port.port])),
    tls: { authorities: FILES.authorities, certificate: FILES.certificate, key: FILES.certificateKey },
    databaseUrlFile: FILES.databaseUrl,
    databaseAuthority: authorities.database,
    kafka: {
      brokers: brokersOf(input).addresses,
      epoch,
      partitions: { conversations: partitions, receipts: partitions, users: partitions },
      tlsAuthority: authorities.brokers,
      user: `starling-${service}`,
      passwordFile: FILES.brokerPassword,
    },
    keys: { private: FILES.privateKeys, public: FILES.publicKeys },
    peers: Object.fromEntries(
      catalogue.names.map((peer) => {
        const host = hostOf({ name, namespace }, peer);
        return [peer, { http: `https://${host}:${PORTS.http}`, rpc: `https://${host}:${PORTS.rpc}` }];
      }),
    ),
    ...(spec.tracing && { otlpEndpoint: spec.tracing.otlpEndpoint }),
  };
}

/** Names the installation in tokens and in the log: of all on these brokers. */
function clusterOf({ name, namespace }: RenderInput): string {
  return `${namespace}.${name}`;
}

function publicUrl(host: string): string {
  return `https://${host}`;
}
