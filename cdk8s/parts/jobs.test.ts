import { describe, expect, it } from 'vitest';
import type { WrittenSpec } from '../chat-cluster/index.ts';
import type { RenderInput } from './input.ts';
import { renderExpand, renderRulesLevel } from './jobs.ts';
import { EXTERNAL, fakeMaterial, inputOf, MINIMAL, pick } from './test-inputs.ts';

const nameOf = (spec: WrittenSpec = MINIMAL, changes: Partial<RenderInput> = {}) => renderExpand(inputOf(spec, changes))[1]?.metadata.name;
const configOf = (spec: WrittenSpec, changes: Partial<RenderInput> = {}) => {
  const manifests = renderExpand(inputOf(spec, changes));
  return JSON.parse(pick(manifests, 'ConfigMap', nameOf(spec, changes) ?? '').data['config.json']);
};

describe.each([
  ['expand', renderExpand],
  ['rules-level', renderRulesLevel],
])('the Job %s', (step, render) => {
  it('comes with its configuration, under one name', () => {
    const manifests = render(inputOf(MINIMAL));
    expect(manifests.map(({ kind }) => kind)).toEqual(['ConfigMap', 'Job']);
    const [name, ...others] = new Set(manifests.map(({ metadata }) => metadata.name));
    expect(others).toEqual([]);
    expect(name).toMatch(new RegExp(`^acme-${step}-[0-9a-f]{10}$`));
    expect(JSON.stringify(manifests[1]?.['spec'])).toContain(`"name":"${name}"`);
  });

  it('stays when it has ended: its end is what the operator reads', () => {
    expect(render(inputOf(MINIMAL))[1]?.['spec']).not.toHaveProperty('ttlSecondsAfterFinished');
  });
});

describe('another Job', () => {
  it('is one of another image, configuration or place, since a Job cannot be changed', () => {
    const changes: [WrittenSpec, Partial<RenderInput>?][] = [
      [{ ...MINIMAL, version: '2.0.0' }],
      [{ ...MINIMAL, log: { retentionDays: 30 } }],
      [{ ...MINIMAL, scheduling: { nodeSelector: { disk: 'ssd' } } }],
      [MINIMAL, { epoch: 2 }],
      [EXTERNAL],
    ];
    expect(new Set([nameOf(), ...changes.map((change) => nameOf(...change))]).size).toBe(changes.length + 1);
  });

  it('is not one of other certificates, or of a log that is there by now', () => {
    const material = fakeMaterial();
    const renewed = { ...material, certificates: { ...material.certificates, migrate: { certificate: 'c', key: 'k', authorities: 'a' } } };
    expect(nameOf(MINIMAL, { material: renewed })).toBe(nameOf());
    expect(nameOf(MINIMAL, { logExpected: true })).toBe(nameOf());
    expect(nameOf({ ...MINIMAL, registration: 'Open' })).toBe(nameOf());
  });
});

describe('a Job is told', () => {
  it('of built-in data', () => {
    expect(configOf(MINIMAL, { logExpected: true })).toEqual({
      database: {
        host: 'acme-postgres.chat.svc',
        port: 5432,
        database: 'starling',
        administrator: {
          usernameFile: '/etc/starling/postgres-administrator/username',
          passwordFile: '/etc/starling/postgres-administrator/password',
        },
        authority: '/etc/starling/tls/ca.crt',
      },
      kafka: {
        brokers: ['acme-redpanda-0.acme-redpanda.chat.svc:9093'],
        tlsAuthority: '/etc/starling/tls/ca.crt',
        administrator: {
          usernameFile: '/etc/starling/broker-administrator/username',
          passwordFile: '/etc/starling/broker-administrator/password',
        },
      },
      rootSecretFile: '/etc/starling/root/secret',
      epoch: 1,
      partitions: { conversations: 8, receipts: 8, users: 8 },
      retentionDays: 7,
      logExpected: true,
    });
  });

  it('of data of others', () => {
    const { database, kafka } = configOf(EXTERNAL);
    expect(database).toMatchObject({
      host: 'db.example.net',
      port: 6432,
      database: 'chat',
      authority: '/etc/starling/authorities/database.crt',
    });
    expect(kafka).toMatchObject({
      brokers: ['broker-1.example.net:9094', 'broker-2.example.net:9095'],
      tlsAuthority: '/etc/starling/authorities/brokers.crt',
    });
  });

  it('of CloudNativePG by its own names', () => {
    const data = { postgres: { cloudNativePG: { cluster: 'pg', database: 'chat' } } };
    expect(configOf({ ...MINIMAL, data }).database).toMatchObject({ host: 'pg-rw.chat.svc', port: 5432, database: 'chat' });
    const pod = JSON.stringify(renderExpand(inputOf({ ...MINIMAL, data }))[1]);
    expect(pod).toContain('"secretName":"pg-superuser"');
    expect(pod).toContain('"name":"pg-ca"');
  });
});
