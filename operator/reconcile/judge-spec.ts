import { ChatClusterSpec, type CompleteSpec, completeSpec, type WrittenSpec } from '@starling/cdk8s/chat-cluster';
import type { Images } from '@starling/cdk8s/parts';
import { Value } from 'typebox/value';
import type { InstallationOptions } from './work.ts';

/** What a spec comes to. */
export interface Accepted {
  spec: CompleteSpec;
  images: Images;
  version: string;
}

/** `refusal`: why it is not carried out, by field. What is of the right form, and merely not allowed, is there beside it. */
export interface Judgement {
  accepted?: Accepted;
  refusal?: { reason: string; message: string };
}

const NAME_LENGTH = 40;
const PROBLEMS = 5;

/**
 * Judges a spec as the API's rules do, since those may not have been there when it was written, and by what this
 * installation of the operator allows.
 */
export function judgeSpec(name: string, written: unknown, options: InstallationOptions): Judgement {
  if (name.length > NAME_LENGTH || !/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name))
    return refuse('NameInvalid', `metadata.name must be a DNS label of at most ${NAME_LENGTH} characters that begins with a letter`);
  const shape = shapeProblem(written);
  if (shape) return refuse('SpecInvalid', shape);
  const spec = completeSpec(written as WrittenSpec);
  const problem = contradiction(spec);
  if (problem) return refuse('SpecInvalid', problem);
  const version = spec.version ?? options.version;
  const { postgres, log } = spec.data;
  const images: Images = {
    starling: `${spec.image.repository ?? options.image}:${version}`,
    redpanda: log.builtin?.image ?? options.redpandaImage,
    postgres: postgres.builtin?.image ?? options.postgresImage,
  };
  const named = [
    { field: 'spec.image.repository', image: images.starling, used: true },
    { field: 'spec.data.log.builtin.image', image: images.redpanda, used: log.builtin !== undefined },
    { field: 'spec.data.postgres.builtin.image', image: images.postgres, used: postgres.builtin !== undefined },
  ];
  for (const { field, image, used } of named) {
    if (used && options.allowedRegistries && !options.allowedRegistries.some((prefix) => isBelow(image, prefix))) {
      const allowed = options.allowedRegistries.join(', ');
      return {
        accepted: { spec, images, version },
        ...refuse('RegistryNotAllowed', `${field}: ${image} is of a registry that the operator does not allow; allowed: ${allowed}`),
      };
    }
  }
  return { accepted: { spec, images, version } };
}

/** Whether an image is below a registry or folder of one, as a container runtime completes short names. */
export function isBelow(image: string, prefix: string): boolean {
  // Alone, what looks like a host is one in the prefix (`ghcr.io`), and the name of an image in the image (`postgres:18`).
  const allowed = completeName(prefix.replace(/\/+$/, ''), true);
  const name = completeName(image, image.includes('/'));
  return (
    name === allowed || ['/', ':', '@'].some((next) => name.startsWith(`${allowed}${next}`) && !(next === ':' && !allowed.includes('/')))
  );
}

function completeName(name: string, mayBeginWithHost: boolean): string {
  const [first = '', ...rest] = name.split('/');
  if (mayBeginWithHost && (/[.:]/.test(first) || first === 'localhost')) return name.replace(/^index\.docker\.io(?=\/|$)/, 'docker.io');
  return rest.length > 0 ? `docker.io/${name}` : `docker.io/library/${name}`;
}

function refuse(reason: string, message: string): { refusal: { reason: string; message: string } } {
  return { refusal: { reason, message } };
}

function shapeProblem(written: unknown): string | undefined {
  if (typeof written !== 'object' || written === null) return 'spec is missing';
  let complete: unknown;
  try {
    complete = completeSpec(written as WrittenSpec);
  } catch {
    return 'spec cannot be read';
  }
  if (Value.Check(ChatClusterSpec, complete)) return undefined;
  const problems = Value.Errors(ChatClusterSpec, complete)
    .filter(({ keyword }) => keyword !== 'additionalProperties')
    .map(({ instancePath, message, keyword }) => {
      return `spec${instancePath.replaceAll('/', '.')}: ${keyword === 'boolean' ? 'is not a known field' : message}`;
    });
  return [...new Set(problems)].slice(0, PROBLEMS).join('; ') || 'spec is not of the schema';
}

/** What no schema of single fields can say; the API says it by rules of its own. */
function contradiction(spec: CompleteSpec): string | undefined {
  const { minReplicas, maxReplicas, targetConnections, connectionCap, source, prometheusUrl } = spec.autoscaling;
  if (minReplicas > maxReplicas) return 'spec.autoscaling.minReplicas must not be greater than spec.autoscaling.maxReplicas';
  if (connectionCap * 10 < targetConnections * 13)
    return 'spec.autoscaling.connectionCap must be at least 1.3 times spec.autoscaling.targetConnections';
  if ((source === 'Keda') !== (prometheusUrl !== undefined))
    return 'spec.autoscaling.prometheusUrl must be given with source Keda and with no other';
  if (spec.delivery.replicas !== undefined && source !== 'None')
    return 'spec.delivery.replicas may be given only with spec.autoscaling.source None';
  if (spec.certificates.authorityMinutes < 2 * spec.certificates.leafMinutes)
    return 'spec.certificates.authorityMinutes must be at least twice spec.certificates.leafMinutes';
  const code = Object.keys(spec.ingress.annotations ?? {}).find((key) => /snippet|\/config-/.test(key));
  if (code !== undefined) return `spec.ingress.annotations must not hold ${code}, which is code in the ingress controller`;
  for (const field of ['postgres', 'log'] as const) {
    const variants = Object.values(spec.data[field]).filter((variant) => variant !== undefined);
    if (variants.length !== 1) return `spec.data.${field} must name exactly one variant`;
  }
  return undefined;
}
