import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBrokerUsers, type KafkaConnection, type LogAccess } from '@starling/platform/log/kafka';
import type { ServiceName } from '@starling/platform/service';

/**
 * What each service does on the log, and may. Every one reads `users`, for the sessions that end and the users who are
 * disabled. Whoever writes `conversations` can post as anybody: the log is trusted by who may write it.
 */
export const LOG_ACCESS: Record<ServiceName, LogAccess> = {
  identity: { reads: ['users'], writes: ['users'], group: 'identity' },
  user: { reads: ['users'], writes: ['users'], group: 'user' },
  conversation: { reads: ['conversations', 'receipts', 'users'], writes: ['conversations'], group: 'conversation' },
  delivery: { reads: ['conversations', 'receipts', 'users'], writes: ['conversations'] },
  web: { reads: ['users'], writes: [] },
};

/** How a service proves itself to the brokers: the fields of its configuration. */
export interface BrokerLogin {
  user: string;
  passwordFile: string;
}

/**
 * Makes a user on the brokers for each service, by a connection of their administrator. A service's password derives
 * from the installation's secret, and lies in a file of its own in `directory`.
 *
 * @throws LogConnectionError
 */
export async function makeServiceUsers(
  administrator: KafkaConnection,
  options: { epoch: number; secret: string; directory: string },
): Promise<Map<ServiceName, BrokerLogin>> {
  const { epoch, secret, directory } = options;
  const users = Object.entries(LOG_ACCESS).map(([service, access]) => {
    const name = `starling-${service}`;
    return {
      service: service as ServiceName,
      name,
      access,
      password: createHmac('sha256', secret).update(`brokers ${name}`).digest('base64url'),
    };
  });
  await ensureBrokerUsers(administrator, users, epoch);
  const logins = new Map<ServiceName, BrokerLogin>();
  for (const { service, name, password } of users) {
    const passwordFile = join(directory, `${service}.kafka-password`);
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    logins.set(service, { user: name, passwordFile });
  }
  return logins;
}
