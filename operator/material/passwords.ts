import { createHmac, randomBytes } from 'node:crypto';
import type { CompleteSpec } from '@starling/cdk8s/chat-cluster';
import { BUILTIN_DATABASE, type Material } from '@starling/cdk8s/parts';
import { SERVICE_NAMES, type ServiceName } from '@starling/contracts/services';
import { roleName, rolePassword } from '@starling/platform/db';
import { brokerPassword } from '@starling/platform/log/kafka';

const ROOT_BYTES = 32;

/** What all passwords of an installation derive from: made once, kept for as long as its data. */
export function createRootSecret(): string {
  return randomBytes(ROOT_BYTES).toString('base64url');
}

/** Undefined: this is no root secret, and passwords derived from it would be guessed. */
export function parseRootSecret(text: string): string | undefined {
  return /^[A-Za-z0-9_-]{43,}$/.test(text.trim()) ? text.trim() : undefined;
}

/** Every password and role of an installation; the expand Job makes the roles and users by the same functions. */
export function derivePasswords(root: string, spec: CompleteSpec): Pick<Material, 'databaseRoles' | 'passwords'> {
  const database = databaseOf(spec);
  const databaseRoles = eachService((service) => roleName(database, service));
  return {
    databaseRoles,
    passwords: {
      database: eachService((service) => rolePassword(root, databaseRoles[service])),
      broker: eachService((service) => brokerPassword(root, `starling-${service}`)),
      postgres: derive(root, 'postgres administrator'),
      redpanda: derive(root, 'brokers administrator'),
      identity: derive(root, 'identity'),
    },
  };
}

export function eachService<Each>(of: (service: ServiceName) => Each): Record<ServiceName, Each> {
  return Object.fromEntries(SERVICE_NAMES.map((service) => [service, of(service)])) as Record<ServiceName, Each>;
}

function databaseOf({ data: { postgres } }: CompleteSpec): string {
  return postgres.external?.database ?? postgres.cloudNativePG?.database ?? BUILTIN_DATABASE;
}

function derive(root: string, purpose: string): string {
  return createHmac('sha256', root).update(purpose).digest('base64url');
}
