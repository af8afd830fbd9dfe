import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SERVICE_NAMES, SERVICES, type ServiceName } from '@starling/contracts/services';
import { ensureBrokerUsers, type KafkaConnection } from '@starling/platform/log/kafka';

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
  const users = SERVICE_NAMES.map((service) => {
    const name = `starling-${service}`;
    return {
      service,
      name,
      access: SERVICES[service].log,
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
