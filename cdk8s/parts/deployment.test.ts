import { describe, expect, it } from 'vitest';
import type { WrittenSpec } from '../chat-cluster/index.ts';
import type { RenderInput } from './input.ts';
import { renderAll, renderData, renderService } from './render.ts';
import { fakeMaterial, inputOf, MINIMAL, PRODUCTION, pick } from './test-inputs.ts';

const deploymentOf = (service: string, spec: WrittenSpec = MINIMAL, changes: Partial<RenderInput> = {}) =>
  pick(renderService(inputOf(spec, changes), service), 'Deployment', `acme-${service}`);
const hashOf = (...given: Parameters<typeof deploymentOf>): string =>
  deploymentOf(...given).spec.template.metadata.annotations['starling.chat/config-hash'];

describe('pods of every workload', () => {
  const workloads = renderAll(inputOf(PRODUCTION)).filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind));

  it.each(workloads.map((workload) => [workload.metadata.name, workload] as const))('%s is restricted in full', (name, workload) => {
    const pod = pick([workload], workload.kind, name).spec.template.spec;
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) expect(pod).not.toHaveProperty(field);
    for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        readOnlyRootFilesystem: true,
      });
      expect(container.resources.requests).toHaveProperty('memory');
      expect(container.resources.limits).toHaveProperty('memory');
    }
    const kinds = new Set(pod.volumes.flatMap((volume: object) => Object.keys(volume).filter((key) => key !== 'name')));
    for (const kind of kinds) expect(['configMap', 'secret', 'projected', 'emptyDir']).toContain(kind);
    expect(pod).toMatchObject({
      priorityClassName: 'chat',
      nodeSelector: { 'kubernetes.io/arch': 'amd64' },
      imagePullSecrets: [{ name: 'registry' }],
    });
    expect(pod.tolerations).toHaveLength(1);
  });
});

describe('a configuration', () => {
  it('starts the pods anew when it is another', () => {
    expect(hashOf('web')).toBe(hashOf('web'));
    expect(hashOf('web', { ...MINIMAL, host: 'chat.example.org' })).not.toBe(hashOf('web'));
    expect(hashOf('web', MINIMAL, { epoch: 2 })).not.toBe(hashOf('web'));
    const material = fakeMaterial();
    const other = { ...material, passwords: { ...material.passwords, broker: { ...material.passwords.broker, web: 'another' } } };
    expect(hashOf('web', MINIMAL, { material: other })).not.toBe(hashOf('web'));
    expect(hashOf('user', MINIMAL, { material: other })).toBe(hashOf('user'));
  });

  it('does not when certificates, keys or the image change', () => {
    const material = fakeMaterial();
    const web = { certificate: 'another', key: 'another', authorities: 'another' };
    const renewed = {
      ...material,
      publicKeys: '{}',
      signingKeys: { ...material.signingKeys, web: 'another' },
      certificates: { ...material.certificates, web, postgres: web, redpanda: web },
    };
    expect(deploymentOf('web', MINIMAL, { material: renewed })).toEqual(deploymentOf('web'));
    expect(hashOf('web', { ...MINIMAL, version: '9.9.9' })).toBe(hashOf('web'));
    const sets = (changes: Partial<RenderInput>) => renderData(inputOf(MINIMAL, changes)).filter(({ kind }) => kind === 'StatefulSet');
    expect(sets({ material: renewed })).toEqual(sets({}));
  });
});

describe('delivery', () => {
  it('leaves its number of pods to the autoscaler, where there is one', () => {
    expect(deploymentOf('delivery').spec).not.toHaveProperty('replicas');
    expect(deploymentOf('web').spec.replicas).toBe(2);
    const alone = (replicas?: number): WrittenSpec => ({
      ...MINIMAL,
      autoscaling: { source: 'None' },
      ...(replicas && { delivery: { replicas } }),
    });
    expect(deploymentOf('delivery', alone()).spec.replicas).toBe(2);
    expect(deploymentOf('delivery', alone(7)).spec.replicas).toBe(7);
  });

  it('has time to go out of sight, to drain and to stop', () => {
    const pod = deploymentOf('delivery', { ...MINIMAL, delivery: { drainSeconds: 90 } }).spec.template.spec;
    expect(pod.containers[0].lifecycle).toEqual({ preStop: { sleep: { seconds: 5 } } });
    expect(pod.terminationGracePeriodSeconds).toBe(5 + 90 + 15);
  });

  it('replaces one by one, and none before its successor is ready', () => {
    expect(deploymentOf('delivery').spec.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
  });
});

describe('what a service is told', () => {
  const told = (service: string, spec: WrittenSpec) =>
    JSON.parse(pick(renderService(inputOf(spec), service), 'ConfigMap', `acme-${service}`).data['config.json']);

  it('is the same of all but for its own part, and ports only where the world comes in', () => {
    expect(told('web', MINIMAL).ports).toEqual({ ingress: 8080, http: 8443, rpc: 9443, side: 9090 });
    expect(told('user', MINIMAL).ports).toEqual({ http: 8443, rpc: 9443, side: 9090 });
    expect(told('user', MINIMAL)).toMatchObject({ service: {}, cluster: 'chat.acme', kafka: { user: 'starling-user', epoch: 1 } });
    expect(Object.keys(told('user', MINIMAL).peers)).toEqual(['identity', 'user', 'conversation', 'delivery', 'web']);
  });

  it('of the spec is what concerns it', () => {
    expect(told('identity', PRODUCTION).service).toEqual({
      secretFile: '/etc/starling/secrets/identity-secret',
      registration: 'closed',
      ownerEmail: 'owner@example.org',
      publicUrl: 'https://chat.example.org',
      mail: { urlFile: '/etc/starling/mail/url', from: 'Starling <chat@example.org>' },
      signOn: [],
    });
    expect(told('delivery', PRODUCTION).service).toEqual({ connectionCap: 15_000, drainSeconds: 60 });
    expect(told('web', PRODUCTION).service).toEqual({
      trustedProxies: ['10.0.0.0/8'],
      allowedOrigins: ['https://intranet.example.org'],
      publicUrl: 'https://chat.example.org',
    });
    expect(told('user', PRODUCTION).otlpEndpoint).toBe('http://collector.observability.svc:4318');
  });
});

describe('disruption budgets', () => {
  const budgets = (spec: WrittenSpec) =>
    renderAll(inputOf(spec))
      .filter(({ kind }) => kind === 'PodDisruptionBudget')
      .map(({ metadata }) => metadata.name.slice('acme-'.length))
      .sort();

  it('are of services, and of brokers that are several: one that stands alone would block its node for ever', () => {
    expect(budgets(MINIMAL)).toEqual(['conversation', 'delivery', 'identity', 'user', 'web']);
    expect(budgets(PRODUCTION)).toEqual(['conversation', 'delivery', 'identity', 'redpanda', 'user', 'web']);
  });

  it('let one go at a time, and whoever is not ready', () => {
    expect(pick(renderAll(inputOf(MINIMAL)), 'PodDisruptionBudget', 'acme-web').spec).toMatchObject({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    });
  });
});
