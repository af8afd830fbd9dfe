import { SERVICE_NAMES, SERVICES } from '@starling/contracts/services';
import { brokerPassword, brokerUserOf, ensureBrokerUsers, type KafkaConnection } from '@starling/platform/log/kafka';

/**
 * Makes a user on the brokers for each service, by a connection of their administrator, with the rights that it has on the
 * log of the epoch. A service's password derives from the installation's secret.
 *
 * @throws LogConnectionError
 */
export async function ensureServiceUsers(administrator: KafkaConnection, options: { epoch: number; secret: string }): Promise<void> {
  const users = SERVICE_NAMES.map((service) => {
    const name = brokerUserOf(service);
    return { name, access: SERVICES[service].log, password: brokerPassword(options.secret, name) };
  });
  await ensureBrokerUsers(administrator, users, options.epoch);
}
