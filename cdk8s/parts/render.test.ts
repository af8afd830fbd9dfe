import { describe, expect, it } from 'vitest';
import { CATALOGUE, type Catalogue } from './catalogue.ts';
import type { Manifest, RenderInput } from './input.ts';
import { canonicalQuantity } from './quantities.ts';
import { desiredVolumes, renderAll, renderBase, renderNetwork, renderService } from './render.ts';
import { EXTERNAL, fakeMaterial, inputOf, MINIMAL, PRODUCTION, pick } from './test-inputs.ts';

const SPECS = { MINIMAL, PRODUCTION, EXTERNAL };
const ALL = Object.entries(SPECS);
const identityOf = ({ kind, metadata }: Manifest) => `${kind}/${metadata.name}`;

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(Object.freeze(value))) frozen(part);
  return value;
}

/** Every value in it, with its path. */
function walk(value: unknown, path: string[] = []): [string[], unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]];
  return [[path, value], ...Object.entries(value).flatMap(([key, part]) => walk(part, [...path, key]))];
}

const isWithin = (field: string, manifests: Manifest[]) => walk(manifests).filter(([path]) => path.at(-1) === field);

describe.each(ALL)('what is rendered of %s', (_, spec) => {
  const manifests = renderAll(inputOf(spec));

  it('follows from the input alone, and leaves it as it is', () => {
    expect(renderAll(frozen(inputOf(spec)))).toEqual(manifests);
    expect(JSON.stringify(renderAll(inputOf(spec)))).toBe(JSON.stringify(manifests));
  });

  it('is JSON: nothing is lost on the way to the API', () => {
    expect(JSON.parse(JSON.stringify(manifests))).toStrictEqual(manifests);
  });

  it('names each object once, in the namespace of the ChatCluster', () => {
    const names = manifests.map(identityOf);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(manifests.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['chat']));
  });

  it('belongs to the ChatCluster, except for what outlives it', () => {
    for (const { kind, metadata } of manifests) {
      expect(metadata.labels).toMatchObject({
        'app.kubernetes.io/name': 'starling',
        'app.kubernetes.io/instance': 'acme',
        'app.kubernetes.io/managed-by': 'starling-operator',
        'starling.chat/cluster': 'acme',
      });
      const kept = kind === 'Secret' && metadata.name === 'acme-root';
      expect(metadata.labels?.['starling.chat/data']).toBe(kept ? 'true' : undefined);
      expect(metadata.ownerReferences ?? []).toHaveLength(kept ? 0 : 1);
    }
  });

  it('writes quantities canonically', () => {
    const amounts = [...isWithin('limits', manifests), ...isWithin('requests', manifests)].flatMap(
      ([, part]) => Object.values(part as object) as unknown[],
    );
    const others = [...isWithin('averageValue', manifests), ...isWithin('sizeLimit', manifests)].map(([, value]) => value);
    const quantities = [...amounts, ...others];
    expect(quantities.length).toBeGreaterThan(10);
    for (const text of quantities) expect(text).toBe(canonicalQuantity(String(text)));
  });

  it('shows nothing secret but in Secrets', () => {
    const material = fakeMaterial();
    const secrets = walk(material)
      .map(([, value]) => String(value))
      .filter((text) => text.includes('secret-'));
    expect(secrets.length).toBeGreaterThan(20);
    const forms = secrets.flatMap((text) => [text.trim(), Buffer.from(text).toString('base64')]);
    const others = JSON.stringify(manifests.filter(({ kind }) => kind !== 'Secret'));
    expect(forms.filter((form) => others.includes(form))).toEqual([]);
    const ours = manifests.filter(({ kind }) => kind === 'Secret').flatMap(({ data }) => Object.values(data as Record<string, string>));
    const contents = ours.map((text) => Buffer.from(text, 'base64').toString()).join('\n');
    expect(contents).toContain('secret-root');
    expect(contents).toContain('secret-database-web');
  });

  it('puts nothing secret into an environment', () => {
    expect(isWithin('secretKeyRef', manifests)).toEqual([]);
    expect(isWithin('envFrom', manifests)).toEqual([]);
  });

  it('mounts Secrets as whole folders, so that changes arrive', () => {
    expect(isWithin('subPath', manifests)).toEqual([]);
  });
});

describe('who holds which Secret', () => {
  /** By workload, the Secrets of its volumes. */
  function heldOf(input: RenderInput): Record<string, string[]> {
    const workloads = renderAll(input).filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind));
    return Object.fromEntries(
      workloads.map((workload) => {
        const { volumes } = pick([workload], workload.kind, workload.metadata.name).spec.template.spec;
        const names = walk(volumes).flatMap(([path, value]) => {
          const isName = path.at(-1) === 'secretName' || (path.at(-1) === 'name' && path.at(-2) === 'secret');
          return isName ? [String(value)] : [];
        });
        return [workload.metadata.name.replace(/-[0-9a-f]{10}$/, ''), names.sort()];
      }),
    );
  }
  const own = (service: string) => [`acme-${service}`, `acme-${service}-signing-key`, `acme-${service}-tls`];

  it('is its own alone, and the root secret the Jobs alone', () => {
    const job = ['acme-migrate-tls', 'acme-postgres-administrator', 'acme-redpanda-administrator', 'acme-root'];
    expect(heldOf(inputOf(MINIMAL))).toEqual({
      ...Object.fromEntries(['user', 'conversation', 'delivery', 'web', 'identity'].map((service) => [`acme-${service}`, own(service)])),
      'acme-postgres': ['acme-postgres-administrator', 'acme-postgres-tls'],
      'acme-redpanda': ['acme-redpanda-administrator', 'acme-redpanda-tls'],
      'acme-expand': job,
      'acme-rules-level': job,
    });
  });

  it('of mail is identity, of data of others who connects to it', () => {
    const held = heldOf(inputOf({ ...EXTERNAL, mail: { from: 'a@example.net', url: { name: 'mail', key: 'url' } } }));
    expect(held['acme-identity']).toEqual([...own('identity'), 'brokers-authority', 'database-authority', 'mail'].sort());
    expect(held['acme-web']).toEqual([...own('web'), 'brokers-authority', 'database-authority'].sort());
    expect(held['acme-expand']).toEqual(
      [
        'acme-migrate-tls',
        'acme-root',
        'brokers-administrator',
        'brokers-authority',
        'database-administrator',
        'database-authority',
      ].sort(),
    );
  });
});

describe('an upgrade', () => {
  const before = renderAll(inputOf({ ...MINIMAL, version: '1.4.2' }));
  const after = renderAll(inputOf({ ...MINIMAL, version: '1.5.0' }));
  const lasting = (manifests: Manifest[]) => manifests.filter(({ metadata }) => !/-(expand|rules-level)-/.test(metadata.name));
  const selectorsOf = (manifests: Manifest[]) =>
    walk(lasting(manifests)).filter(([path]) =>
      ['selector', 'podSelector', 'labelSelector', 'volumeClaimTemplates', 'labels'].includes(path.at(-1) ?? ''),
    );

  it('changes no name, selector or label', () => {
    expect(lasting(after).map(identityOf)).toEqual(lasting(before).map(identityOf));
    expect(selectorsOf(after)).toEqual(selectorsOf(before));
  });

  it('changes no more of a workload than its image', () => {
    const image = /registry|starling:1\.[45]\.[02]/;
    const old = walk(lasting(before));
    const different = walk(lasting(after)).filter(([, value], index) => value !== old[index]?.[1] && typeof value !== 'object');
    expect(different).toHaveLength(5);
    for (const [, value] of different) expect(value).toMatch(image);
  });

  it('has Jobs of its own', () => {
    const jobs = (manifests: Manifest[]) => manifests.filter(({ kind }) => kind === 'Job').map(({ metadata }) => metadata.name);
    expect(jobs(before)).toHaveLength(2);
    expect(jobs(after).filter((name) => jobs(before).includes(name))).toEqual([]);
  });
});

describe('a service that is added', () => {
  const NOTIFICATION = 'notification';
  /** As the contracts would describe it: web calls it by HTTP, and it calls user by RPC. */
  const more: Catalogue = {
    names: [...CATALOGUE.names, NOTIFICATION],
    describe: (service) =>
      service === NOTIFICATION
        ? { log: { reads: ['conversations'], writes: [], group: NOTIFICATION }, ingress: false, outside: true, upgradeOrder: 1 }
        : CATALOGUE.describe(service),
    calleesOf: (service) => {
      if (service === NOTIFICATION) return [{ callee: 'user', http: false, rpc: true }];
      return [...CATALOGUE.calleesOf(service), ...(service === 'web' ? [{ callee: NOTIFICATION, http: true, rpc: false }] : [])];
    },
  };
  const input = inputOf(MINIMAL, { material: fakeMaterial(more.names) });
  const manifests = renderAll(input, more);

  it('is rendered with all that a service has', () => {
    const others = renderAll(inputOf(MINIMAL)).map(identityOf);
    const added = manifests.map(identityOf).filter((name) => !others.includes(name));
    expect(added.sort()).toEqual([
      'ConfigMap/acme-notification',
      'Deployment/acme-notification',
      'NetworkPolicy/acme-notification',
      'PodDisruptionBudget/acme-notification',
      'Secret/acme-notification',
      'Secret/acme-notification-signing-key',
      'Secret/acme-notification-tls',
      'Service/acme-notification',
      'ServiceAccount/acme-notification',
    ]);
    expect(renderService(input, NOTIFICATION, more).map(identityOf)).toHaveLength(4);
    expect(renderBase(input, more).map(identityOf)).toContain('Secret/acme-notification-tls');
  });

  it('is known to the others, and let in where it may go', () => {
    const config = JSON.parse(pick(manifests, 'ConfigMap', 'acme-web').data['config.json']);
    expect(config.peers.notification).toEqual({
      http: 'https://acme-notification.chat.svc:8443',
      rpc: 'https://acme-notification.chat.svc:9443',
    });
    const policies = renderNetwork(input, more);
    const from = (name: string) => JSON.stringify(pick(policies, 'NetworkPolicy', name).spec.ingress);
    for (const callee of ['acme-user', 'acme-postgres', 'acme-redpanda']) expect(from(callee)).toContain(NOTIFICATION);
    expect(from('acme-identity')).not.toContain(NOTIFICATION);
  });

  it('has its turn in the order of an upgrade', () => {
    const turns = manifests.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name);
    expect(turns).toEqual(['conversation', 'notification', 'delivery', 'identity', 'user', 'web'].map((name) => `acme-${name}`));
  });
});

describe('volumes', () => {
  it('grow by their claims, while the template keeps the size of the beginning', () => {
    const input = inputOf(PRODUCTION, { createdStorage: { postgres: '10Gi' } });
    const sizes = desiredVolumes(input);
    expect(sizes).toEqual([
      { pvcName: 'data-acme-postgres-0', size: '1Ti' },
      ...[0, 1, 2].map((ordinal) => ({ pvcName: `data-acme-redpanda-${ordinal}`, size: '500Gi' })),
    ]);
    const template = (name: string) => pick(renderAll(input), 'StatefulSet', name).spec.volumeClaimTemplates[0];
    expect(template('acme-postgres').spec.resources.requests.storage).toBe('10Gi');
    expect(template('acme-redpanda').spec.resources.requests.storage).toBe('500Gi');
    expect(template('acme-postgres').metadata.labels['starling.chat/data']).toBe('true');
    expect(desiredVolumes(inputOf(EXTERNAL))).toEqual([]);
  });

  it('are kept or deleted with the ChatCluster as the spec says', () => {
    const policy = (name: string) => pick(renderAll(inputOf(PRODUCTION)), 'StatefulSet', name).spec.persistentVolumeClaimRetentionPolicy;
    expect(policy('acme-postgres')).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' });
    expect(policy('acme-redpanda')).toEqual({ whenDeleted: 'Delete', whenScaled: 'Retain' });
  });
});
