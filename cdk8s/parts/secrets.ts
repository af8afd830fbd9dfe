import type { ServiceName } from '@starling/contracts/services';
import { k8s } from 'cdk8s-plus-28';
import type { Catalogue } from './catalogue.ts';
import { databaseOf } from './data.ts';
import type { Manifest, RenderInput } from './input.ts';
import { dataLabelsOf } from './labels.ts';
import { ownedMetadata } from './metadata.ts';
import { names } from './names.ts';
import { DATABASE_ADMINISTRATOR } from './postgres.ts';
import { BROKER_ADMINISTRATOR } from './redpanda.ts';

type Files = Record<string, string>;

/** All Secrets, and the public keys. */
export function renderSecrets(input: RenderInput, catalogue: Catalogue): Manifest[] {
  const { name, material, spec } = input;
  const { passwords } = material;
  const ofServices = catalogue.names.flatMap((service) => [
    secret(input, names.of(name, service), serviceSecrets(input, service as ServiceName), service),
    secret(input, names.signingKey(name, service), { 'private.jwk.json': material.signingKeys[service as ServiceName] }, service),
  ]);
  const certificates = Object.entries(material.certificates).map(([component, { authorities, certificate, key }]) =>
    secret(input, names.tls(name, component), { 'ca.crt': authorities, 'tls.crt': certificate, 'tls.key': key }, component),
  );
  const administrator = (data: 'postgres' | 'redpanda', username: string) =>
    spec.data[data === 'postgres' ? 'postgres' : 'log'].builtin
      ? [secret(input, names.administrator(name, data), { username, password: passwords[data] }, data)]
      : [];
  return [
    renderRootSecret(input),
    ...ofServices,
    ...certificates,
    ...administrator('postgres', DATABASE_ADMINISTRATOR),
    ...administrator('redpanda', BROKER_ADMINISTRATOR),
    renderPublicKeys(input),
  ];
}

/** What a service proves itself by to database and brokers, and what identity derives its keys from. */
export function serviceSecrets(input: RenderInput, service: ServiceName): Files {
  const { databaseRoles, passwords } = input.material;
  const { host, port, name } = databaseOf(input);
  const url = `postgres://${encodeURIComponent(databaseRoles[service])}:${encodeURIComponent(passwords.database[service])}@${host}:${port}/${name}`;
  return {
    'database-url': url,
    'broker-password': passwords.broker[service],
    ...(service === 'identity' && { 'identity-secret': passwords.identity }),
  };
}

/** Without an owner: what is derived from it outlives the ChatCluster, in the volumes. */
function renderRootSecret({ name, namespace, material }: RenderInput): Manifest {
  return k8s.KubeSecret.manifest({
    metadata: { name: names.root(name), namespace, labels: dataLabelsOf(name) },
    type: 'Opaque',
    data: encode({ secret: material.rootSecret }),
  });
}

function renderPublicKeys(input: RenderInput): Manifest {
  return k8s.KubeConfigMap.manifest({
    metadata: ownedMetadata(input, names.publicKeys(input.name)),
    data: { 'public.json': input.material.publicKeys },
  });
}

function secret(input: RenderInput, name: string, files: Files, component: string): Manifest {
  return k8s.KubeSecret.manifest({ metadata: ownedMetadata(input, name, component), type: 'Opaque', data: encode(files) });
}

function encode(files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
}
