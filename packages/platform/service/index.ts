import type { ConnectRouter, Transport } from '@connectrpc/connect';
import type { ServiceName } from '@starling/contracts/services';
import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import type { Clock } from '../clock/index.ts';
import type { EventLog } from '../log/index.ts';
import type { ServiceMetrics, SideRoute } from '../metrics/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { Gate, Minter } from '../tokens/index.ts';

/** What a service is given to work with. No service knows where it runs. */
export interface Platform {
  /** Connections as this service's own role, with its schema as search path. */
  db: pg.Pool;
  log: EventLog;
  /** Mints this service's tokens. */
  minter: Minter;
  /** Verifies the tokens of those who call this service. */
  gate: Gate;
  /** How to call another service; the call carries this service's hop token. */
  rpc(callee: ServiceName): Transport;
  logger: Logger;
  metrics: ServiceMetrics;
  clock: Clock;
}

/** A service as the composition root sees it. */
export interface Service {
  /** The HTTP routes under /v1; a plugin without a prefix. */
  routes(app: FastifyInstance): void | Promise<void>;
  /** What other services may call. */
  rpc?(router: ConnectRouter): void;
  /** Why the service should get no work now, in a few words each. Never because database or log are away: others are not better off. */
  unready?(): string[];
  /** What operators and their machines ask of the service at the side port, by path, beside what every service answers there. */
  sideRoutes?(): Record<string, SideRoute>;
  /** Starts consumers and timers. Resolves when the service can answer. */
  start(): Promise<void>;
  /**
   * Hands its work over before `stop`, while it still answers: long connections are asked to go elsewhere. The process is
   * unready from before the call on. Ends by itself in the time that the service's configuration gives it.
   */
  drain?(): Promise<void>;
  /** Stops what `start` began; in-flight work ends first. */
  stop(): Promise<void>;
}
