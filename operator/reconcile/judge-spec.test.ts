import { describe, expect, it } from 'vitest';
import { isBelow, judgeSpec } from './judge-spec.ts';
import type { InstallationOptions } from './work.ts';

const OPTIONS: InstallationOptions = {
  image: 'ghcr.io/starling-chat/starling',
  version: '1.2.3',
  redpandaImage: 'docker.redpanda.com/redpandadata/redpanda:v25.2.1',
  postgresImage: 'docker.io/library/postgres:18.1',
  operatorNamespace: 'starling-system',
  metricsApi: true,
  keda: false,
};
const judge = (spec: object, options: Partial<InstallationOptions> = {}) =>
  judgeSpec('chat', { host: 'a.example.com', ...spec }, { ...OPTIONS, ...options });

describe('a spec', () => {
  it('of a host alone comes to the images and the version of the operator', () => {
    const { accepted, refusal } = judge({});
    expect(refusal).toBeUndefined();
    expect(accepted).toMatchObject({
      version: '1.2.3',
      images: { starling: 'ghcr.io/starling-chat/starling:1.2.3', postgres: OPTIONS.postgresImage },
    });
  });

  it('names its own images', () => {
    const data = { postgres: { builtin: { image: 'r/postgres:1' } }, log: { builtin: { image: 'r/redpanda:1' } } };
    expect(judge({ version: '2', image: { repository: 'r/starling' }, data }).accepted?.images).toEqual({
      starling: 'r/starling:2',
      postgres: 'r/postgres:1',
      redpanda: 'r/redpanda:1',
    });
  });

  it.each([
    ['minReplicas above maxReplicas', { autoscaling: { minReplicas: 5, maxReplicas: 2 } }, 'spec.autoscaling.minReplicas'],
    ['a cap at the target', { autoscaling: { targetConnections: 100, connectionCap: 129 } }, 'spec.autoscaling.connectionCap'],
    [
      'negative storage',
      { data: { postgres: { builtin: { storage: { size: '-1Gi' } } }, log: { builtin: {} } } },
      'spec.data.postgres.builtin.storage.size',
    ],
    ['two databases', { data: { postgres: { builtin: {}, cloudNativePG: { cluster: 'x' } }, log: { builtin: {} } } }, 'spec.data.postgres'],
    ['no database', { data: { postgres: {}, log: { builtin: {} } } }, 'spec.data.postgres'],
    ['replicas beside an autoscaler', { delivery: { replicas: 2 } }, 'spec.delivery.replicas'],
    [
      'ten thousand origins',
      { allowedOrigins: Array.from({ length: 10_000 }, (_, n) => `https://o${n}.example.com`) },
      'spec.allowedOrigins',
    ],
    ['an unknown field', { env: [{ name: 'NODE_OPTIONS', value: '--inspect' }] }, 'spec.env'],
    [
      'a namespace in a reference',
      { mail: { from: 'a@b.example', url: { name: 'a', key: 'b', namespace: 'c' } } },
      'spec.mail.url.namespace',
    ],
    [
      'leaves that outlive their authority',
      { certificates: { leafMinutes: 100, authorityMinutes: 150 } },
      'spec.certificates.authorityMinutes',
    ],
    ['a Prometheus without KEDA', { autoscaling: { prometheusUrl: 'http://prometheus' } }, 'spec.autoscaling.prometheusUrl'],
    [
      'code in the ingress controller',
      { ingress: { annotations: { 'nginx.ingress.kubernetes.io/server-snippet': 'x' } } },
      'spec.ingress.annotations',
    ],
    ['an annotation of two lines', { ingress: { annotations: { a: 'b\nc' } } }, 'spec.ingress.annotations'],
    ['a host with a newline', { host: 'a.example.com\nX: y' }, 'spec.host'],
  ])('with %s is refused by the name of the field', (_, spec, field) => {
    const { accepted, refusal } = judge(spec);
    expect(accepted).toBeUndefined();
    expect(refusal).toMatchObject({ reason: 'SpecInvalid' });
    expect(refusal?.message).toContain(field);
  });

  it('that is none is refused', () => {
    for (const spec of [undefined, null, 'x', [], 3]) expect(judgeSpec('chat', spec, OPTIONS).refusal?.reason).toBe('SpecInvalid');
  });

  it('of a ChatCluster whose name leaves no room for its objects is refused', () => {
    for (const name of ['a'.repeat(41), 'a.b', '1a', 'A'])
      expect(judgeSpec(name, { host: 'a.b' }, OPTIONS).refusal?.reason).toBe('NameInvalid');
  });

  it('is refused for an image outside the allowed registries, whichever image it is', () => {
    const allowedRegistries = ['ghcr.io/starling-chat', 'docker.redpanda.com', 'docker.io/library'];
    expect(judge({}, { allowedRegistries }).refusal).toBeUndefined();
    const postgres = { builtin: { image: 'quay.io/postgres:1' } };
    const redpanda = { builtin: { image: 'quay.io/redpanda:1' } };
    for (const [field, spec] of [
      ['spec.image.repository', { image: { repository: 'ghcr.io/starling-chat-evil/starling' } }],
      ['spec.data.postgres.builtin.image', { data: { postgres, log: { builtin: {} } } }],
      ['spec.data.log.builtin.image', { data: { postgres: { builtin: {} }, log: redpanda } }],
    ] as const) {
      const { accepted, refusal } = judge(spec, { allowedRegistries });
      expect(refusal).toMatchObject({ reason: 'RegistryNotAllowed' });
      expect(refusal?.message).toContain(field);
      // Of the right form: what runs already is kept alive.
      expect(accepted).toBeDefined();
    }
  });
});

describe('an image', () => {
  it.each([
    ['ghcr.io/a/b:1', 'ghcr.io', true],
    ['ghcr.io/a/b:1', 'ghcr.io/', true],
    ['ghcr.io/a/b:1', 'ghcr.io/a', true],
    ['ghcr.io/a/b:1', 'ghcr.io/a/b', true],
    ['ghcr.io/a/b@sha256:00', 'ghcr.io/a/b', true],
    ['ghcr.io/a/bc:1', 'ghcr.io/a/b', false],
    ['ghcr.io.evil.com/a:1', 'ghcr.io', false],
    ['evil.com/ghcr.io/a:1', 'ghcr.io', false],
    ['postgres:18', 'docker.io/library', true],
    ['postgres:18', 'docker.io', true],
    ['postgres', 'ghcr.io', false],
    ['team/app:1', 'docker.io/team', true],
    ['localhost/app:1', 'localhost', true],
    ['localhost:5000/app:1', 'localhost', false],
    ['localhost:5000/app:1', 'localhost:5000', true],
  ])('%s below %s: %s', (image, prefix, below) => {
    expect(isBelow(image, prefix)).toBe(below);
  });
});
