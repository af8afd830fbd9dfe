import type { Topic } from '../log/index.ts';
import { CALLS, HTTP_METHOD } from '../permissions/calls.ts';

/**
 * The services by name: also the issuer and audience of hop tokens, the name of schema and database role, of the broker's
 * user, and of the workload in a cluster.
 */
export const SERVICE_NAMES = ['identity', 'user', 'conversation', 'delivery', 'web'] as const;

export type ServiceName = (typeof SERVICE_NAMES)[number];

/** What a service may do on the log. `group`: it reads as a group of this name, beside tails of its own. */
export interface LogAccess {
  reads: readonly Topic[];
  writes: readonly Topic[];
  group?: string;
}

/** What whoever runs the services must know of one, beside the calls between them. */
export interface ServiceDescription {
  log: LogAccess;
  /** It is reached from outside, by way of an ingress. */
  ingress: boolean;
  /** Its connections to the world beyond the installation: mail servers, sign-on providers. */
  outside: boolean;
  /** In which order an upgrade replaces the services: those of a lower number first. */
  upgradeOrder: number;
}

/**
 * Every service: adding one here, and its calls in `permissions`, is what roles, topics' rights, workloads and network
 * policies follow from. Each one reads `users`, for the sessions that end and the users who are disabled. Whoever writes
 * `conversations` can post as anybody: the log is trusted by who may write it.
 */
export const SERVICES: Readonly<Record<ServiceName, ServiceDescription>> = {
  identity: { log: { reads: ['users'], writes: ['users'], group: 'identity' }, ingress: false, outside: true, upgradeOrder: 3 },
  user: { log: { reads: ['users'], writes: ['users'], group: 'user' }, ingress: false, outside: false, upgradeOrder: 3 },
  conversation: {
    log: { reads: ['conversations', 'receipts', 'users'], writes: ['conversations'], group: 'conversation' },
    ingress: false,
    outside: false,
    upgradeOrder: 1,
  },
  delivery: {
    log: { reads: ['conversations', 'receipts', 'users', 'ephemeral'], writes: ['conversations', 'ephemeral'] },
    ingress: true,
    outside: false,
    upgradeOrder: 2,
  },
  web: { log: { reads: ['users'], writes: [] }, ingress: true, outside: false, upgradeOrder: 4 },
};

/** Which services a service calls, and how: by its HTTP routes, by RPC, or both. */
export function calleesOf(caller: ServiceName): { callee: ServiceName; http: boolean; rpc: boolean }[] {
  return SERVICE_NAMES.map((callee) => {
    const methods = CALLS.filter((rule) => rule.caller === caller && rule.callee === callee).flatMap((rule) => rule.methods);
    return { callee, http: methods.includes(HTTP_METHOD), rpc: methods.some((method) => method !== HTTP_METHOD) };
  }).filter(({ http, rpc }) => http || rpc);
}
