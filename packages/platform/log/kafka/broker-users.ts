import { setTimeout as delay } from 'node:timers/promises';
import type { LogAccess } from '@starling/contracts/services';
import type { AclEntry, Admin, Kafka } from 'kafkajs';
import { accessRules, principalOf } from './access.ts';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from './acl-terms.ts';
import { createKafka, type KafkaConnection, TIMINGS } from './client.ts';
import { causes, explainConnectFailure, LogConnectionError } from './errors.ts';
import { CredentialsRefused, setScramPasswords } from './scram-credentials.ts';
import { checkBrokers } from './topics.ts';

/** A user on the brokers for one client of the log, which must use the name as its `clientId` too. */
export interface BrokerUser {
  name: string;
  /** A random key: nothing slows the guessing of it down. */
  password: string;
  access: LogAccess;
}

/** The brokers hear of a new user from each other. */
const KNOWN_WITHIN_MS = 10_000;

/**
 * Connects once, and changes nothing. Throws a LogConnectionError that says what is wrong, also when the brokers have no
 * access rules, or do not show them to this user.
 */
export async function checkAdministrator(connection: KafkaConnection): Promise<void> {
  await asAdministrator(connection, async ({ admin }) => void (await findRules(admin, principalOf('anybody'))));
}

/**
 * Makes these users on the brokers, with their passwords (SCRAM-SHA-512) and with access rules for what they do on the
 * log of the epoch; any other rule of theirs is removed. To be called by whoever sets up an installation, with a
 * connection of an administrator of the brokers. Changes nothing where all is as it should be. Once it resolves, every
 * broker of the connection takes the users.
 *
 * @throws LogConnectionError when the brokers do not answer, refuse the administrator, or have no access rules.
 */
export async function ensureBrokerUsers(connection: KafkaConnection, users: readonly BrokerUser[], epoch: number): Promise<void> {
  await asAdministrator(connection, async ({ kafka, admin }) => {
    // The rules first: whoever finds that the user is known finds its rules too.
    for (const { name, access } of users) await ensureRules(admin, principalOf(name), accessRules(name, access, epoch));
    await setScramPasswords(kafka, users);
  });
  for (const { name, password } of users) await untilKnown(connection, { mechanism: 'scram-sha-512', username: name, password });
}

async function asAdministrator(
  connection: KafkaConnection,
  work: (clients: { kafka: Kafka; admin: Admin }) => Promise<void>,
): Promise<void> {
  const kafka = createKafka(connection, TIMINGS);
  const admin = kafka.admin();
  try {
    await admin.connect();
    await work({ kafka, admin });
  } catch (error) {
    throw explainRefusal(error, connection);
  } finally {
    await admin.disconnect();
  }
}

async function findRules(admin: Admin, principal: string): Promise<AclEntry[]> {
  const { resources } = await admin.describeAcls({
    principal,
    resourceType: AclResourceTypes.ANY,
    resourcePatternType: ResourcePatternTypes.ANY,
    operation: AclOperationTypes.ANY,
    permissionType: AclPermissionTypes.ANY,
  });
  return resources.flatMap(({ acls, ...resource }) => acls.map((acl): AclEntry => ({ ...resource, ...acl })));
}

async function ensureRules(admin: Admin, principal: string, wanted: AclEntry[]): Promise<void> {
  const present = await findRules(admin, principal);
  const missing = without(wanted, present);
  const stale = without(present, wanted);
  if (missing.length > 0) await admin.createAcls({ acl: missing });
  if (stale.length > 0) await admin.deleteAcls({ filters: stale });
}

function without(rules: AclEntry[], others: AclEntry[]): AclEntry[] {
  const known = new Set(others.map(textOf));
  return rules.filter((rule) => !known.has(textOf(rule)));
}

function textOf({ resourceType, resourceName, resourcePatternType, principal, host, operation, permissionType }: AclEntry): string {
  return JSON.stringify([resourceType, resourceName, resourcePatternType, principal, host, operation, permissionType]);
}

/** A client takes a refusal of its password for final, so that none may start before every broker knows it. */
async function untilKnown(connection: KafkaConnection, sasl: NonNullable<KafkaConnection['sasl']>): Promise<void> {
  const deadline = Date.now() + KNOWN_WITHIN_MS;
  for (const broker of connection.brokers) {
    for (;;) {
      try {
        await checkBrokers({ ...connection, brokers: [broker], sasl });
        break;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await delay(TIMINGS.retry);
      }
    }
  }
}

function explainRefusal(error: unknown, connection: KafkaConnection): LogConnectionError {
  const where = `the Kafka brokers ${connection.brokers.join(', ')}`;
  const refuse = (text: string) => new LogConnectionError(`${where} ${text}`, { cause: error, unreachable: false });
  const types = causes(error).map(({ type }) => type);
  if (types.includes('SECURITY_DISABLED')) return refuse('have no access rules: set their authorizer.class.name');
  if (types.includes('CLUSTER_AUTHORIZATION_FAILED'))
    return refuse(`do not let user ${connection.sasl?.username ?? '(none)'} set access rules: name an administrator of the brokers`);
  if (error instanceof CredentialsRefused) return refuse(`did not make the users (${error.message}): name an administrator of the brokers`);
  return explainConnectFailure(error, connection);
}
