import type { k8s } from 'cdk8s-plus-28';
import { amountOf, quantity } from './quantities.ts';

interface Amounts {
  cpu?: string;
  memory?: string;
}

/** As the spec writes them. */
export interface Resources {
  requests?: Amounts;
  limits?: Amounts;
}

/** Of each kind of container, where the spec says nothing. No limit of CPU: it would slow down what nobody competes with. */
const DEFAULTS = {
  service: { requests: { cpu: '50m', memory: '192Mi' }, limits: { memory: '512Mi' } },
  delivery: { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '1Gi' } },
  job: { requests: { cpu: '50m', memory: '192Mi' }, limits: { memory: '512Mi' } },
  postgres: { requests: { cpu: '100m', memory: '512Mi' }, limits: { memory: '1Gi' } },
  redpanda: { requests: { cpu: '100m', memory: '1280Mi' }, limits: { memory: '1280Mi' } },
} satisfies Record<string, Resources>;

/** Of Node's heap; the rest is for buffers, code and stacks. */
const HEAP_SHARE = 0.75;
const MEBIBYTE = 1024 * 1024;

/** What the spec says, completed amount by amount. A default request never exceeds the spec's own limit. */
export function completeResources(kind: keyof typeof DEFAULTS, given: Resources = {}): Resources {
  const limits = { ...DEFAULTS[kind].limits, ...given.limits };
  const requests = { ...DEFAULTS[kind].requests, ...given.requests };
  for (const amount of ['cpu', 'memory'] as const) {
    const limit = (limits as Amounts)[amount];
    if (limit === undefined) continue;
    const request = requests[amount];
    if (given.limits?.[amount] === undefined && given.requests?.[amount] !== undefined && amountOf(request) > amountOf(limit)) {
      // The request is the author's, the limit only ours.
      (limits as Amounts)[amount] = request;
    } else if (given.requests?.[amount] === undefined && amountOf(request) > amountOf(limit)) {
      requests[amount] = limit;
    }
  }
  return { requests, limits };
}

export function renderResources(resources: Resources): k8s.ResourceRequirements {
  const amounts = (given: Amounts = {}) =>
    Object.fromEntries(Object.entries(given).map(([name, amount]) => [name, quantity(amount)])) as Record<string, k8s.Quantity>;
  return { requests: amounts(resources.requests), limits: amounts(resources.limits) };
}

/** What Node is to be told of the container's limit: without it the heap's size follows from the node's memory. */
export function heapArguments(resources: Resources): string[] {
  const memory = resources.limits?.memory;
  return memory === undefined ? [] : [`--max-old-space-size=${Math.floor((amountOf(memory) * HEAP_SHARE) / MEBIBYTE)}`];
}
