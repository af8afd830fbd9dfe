import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { type ISocketFactory, Kafka, type LogEntry, logLevel, type SASLOptions } from 'kafkajs';
import type { Logger } from '../../telemetry/index.ts';
import { type Authority, currentAuthority } from '../../tls/index.ts';
import { createWarn } from './quiet-warnings.ts';

/** How the brokers are reached. */
export interface KafkaConnection {
  /** `host:port` each; the others of the cluster are found through them. */
  brokers: string[];
  /** Names the service in the brokers' logs and quotas. */
  clientId: string;
  /** The brokers' names are always verified. Without it the connection is plain. */
  tls?: { ca: Authority };
  sasl?: { mechanism: 'scram-sha-256' | 'scram-sha-512'; username: string; password: string };
  logger: Logger;
}

/** Times in ms. Only tests have reason to change them. */
export interface Timings {
  connect: number;
  /** After so long without an answer a request has failed; what it did is unknown. */
  request: number;
  /** A group's member is taken for dead after so long without a heartbeat. */
  session: number;
  heartbeat: number;
  /** How long a fetch waits for records; a change of position takes effect after at most so long. */
  fetch: number;
  /** How often readers compare their place with the log's ends. */
  watch: number;
  /** How often a group tells the brokers how far it is. */
  commit: number;
  /** Pause before something is tried again. */
  retry: number;
}

export const TIMINGS: Timings = {
  connect: 5_000,
  request: 10_000,
  session: 10_000,
  heartbeat: 2_000,
  fetch: 500,
  watch: 1_000,
  commit: 5_000,
  retry: 200,
};

const KEEP_ALIVE_MS = 60_000;

export function createKafka(connection: KafkaConnection, timings: Timings): Kafka {
  mendRequestQueue();
  const { brokers, clientId, tls, sasl, logger } = connection;
  return new Kafka({
    brokers,
    clientId,
    ...(tls && { ssl: true, socketFactory: secureSockets(tls.ca) }),
    // A new object: kafkajs keeps what it has made of user and password in the one that it is given.
    ...(sasl && { sasl: { ...sasl } as SASLOptions }),
    connectionTimeout: timings.connect,
    requestTimeout: timings.request,
    // Whoever calls tries again; here only what passes within moments is waited for.
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 3 },
    logLevel: logLevel.INFO,
    logCreator: () => forward(logger),
  });
}

/** As kafkajs makes its sockets, but for the authority, which may be another for each. */
function secureSockets(authority: Authority): ISocketFactory {
  return ({ host, port, onConnect }) => {
    const name = isIP(host) ? {} : { servername: host };
    const socket = connect({ host, port, ...name, ca: currentAuthority(authority) }, onConnect);
    return socket.setKeepAlive(true, KEEP_ALIVE_MS);
  };
}

/** kafkajs calls an error what it or we shall try again. Fields are named here, so that no payload gets through. */
function forward(logger: Logger): (entry: LogEntry) => void {
  const warn = createWarn(logger)('kafkajs');
  return ({ namespace, level, log }) => {
    const { message, broker, groupId, topic, partition, error } = log as LogEntry['log'] & Record<string, unknown>;
    const cause = error instanceof Error ? error.message : error;
    const fields = { from: `kafkajs ${namespace}`, broker, group: groupId, topic, partition, error: cause };
    if (level === logLevel.ERROR) warn(fields, message);
    else logger.debug(fields, message);
  };
}

interface RequestQueue {
  throttledUntil: number;
  pending: unknown[];
  scheduleCheckPendingRequests(): void;
}

let mended = false;

/**
 * kafkajs 2.2.4 sets a timer with a negative time after every answer, of which Node 24 warns each time. Where nothing
 * waits to be sent there is nothing to check later, and no timer is needed.
 */
function mendRequestQueue(): void {
  if (mended) return;
  mended = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
  const original = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) original.call(this);
  };
}
