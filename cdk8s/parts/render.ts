import { renderAutoscale } from './autoscale.ts';
import { CATALOGUE, type Catalogue } from './catalogue.ts';
import { renderDeployment, renderServiceConfig } from './deployment.ts';
import { renderDisruptionBudget } from './disruption.ts';
import { renderIngress } from './ingress.ts';
import type { Manifest, RenderInput } from './input.ts';
import { renderExpand, renderRulesLevel } from './jobs.ts';
import { names } from './names.ts';
import { renderPolicies } from './network.ts';
import { renderPostgres } from './postgres.ts';
import { canonicalQuantity } from './quantities.ts';
import { renderRedpanda } from './redpanda.ts';
import { renderSecrets } from './secrets.ts';
import { renderServiceAddress } from './service.ts';
import { renderServiceAccount } from './service-account.ts';

/** Accounts of the components, Secrets and public keys: what all else presupposes. */
export function renderBase(input: RenderInput, catalogue: Catalogue = CATALOGUE): Manifest[] {
  const { postgres, log } = input.spec.data;
  const components = [...catalogue.names, 'migrate', ...(postgres.builtin ? ['postgres'] : []), ...(log.builtin ? ['redpanda'] : [])];
  return [...components.map((component) => renderServiceAccount(input, component)), ...renderSecrets(input, catalogue)];
}

/** Network policies. */
export function renderNetwork(input: RenderInput, catalogue: Catalogue = CATALOGUE): Manifest[] {
  return renderPolicies(input, catalogue);
}

/**
 * The built-in database and brokers. A single instance has no disruption budget, which would block its node's drain for
 * ever.
 */
export function renderData(input: RenderInput): Manifest[] {
  const brokers = input.spec.data.log.builtin?.brokers ?? 0;
  return [...renderPostgres(input), ...renderRedpanda(input), ...(brokers > 1 ? [renderDisruptionBudget(input, 'redpanda')] : [])];
}

/** One service: configuration, Deployment, Service, disruption budget. */
export function renderService(input: RenderInput, service: string, catalogue: Catalogue = CATALOGUE): Manifest[] {
  return [
    renderServiceConfig(input, catalogue, service),
    renderDeployment(input, catalogue, service),
    renderServiceAddress(input, catalogue, service),
    renderDisruptionBudget(input, service),
  ];
}

/** Everything that an installation consists of, in the order in which it comes to be. */
export function renderAll(input: RenderInput, catalogue: Catalogue = CATALOGUE): Manifest[] {
  const turns = [...catalogue.names].sort((one, other) => catalogue.describe(one).upgradeOrder - catalogue.describe(other).upgradeOrder);
  return [
    ...renderBase(input, catalogue),
    ...renderNetwork(input, catalogue),
    ...renderData(input),
    ...renderExpand(input),
    ...turns.flatMap((service) => renderService(input, service, catalogue)),
    ...renderAutoscale(input),
    ...renderIngress(input),
    ...renderRulesLevel(input),
  ];
}

/** The claims of built-in data, and how large each should be: the StatefulSets make them, but do not let them grow. */
export function desiredVolumes({ name, spec }: RenderInput): { pvcName: string; size: string }[] {
  const { postgres, log } = spec.data;
  const claims = (component: 'postgres' | 'redpanda', count: number, size: string) =>
    Array.from({ length: count }, (_, ordinal) => ({ pvcName: names.claim(name, component, ordinal), size: canonicalQuantity(size) }));
  return [
    ...(postgres.builtin ? claims('postgres', 1, postgres.builtin.storage.size) : []),
    ...(log.builtin ? claims('redpanda', log.builtin.brokers, log.builtin.storage.size) : []),
  ];
}
