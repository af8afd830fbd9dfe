import { createHmac, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { renderProblem } from '@starling/contracts/problems';
import { SERVICE_NAMES } from '@starling/contracts/services';
import { createConversation } from '@starling/conversation/app';
import { MIGRATIONS as CONVERSATION_MIGRATIONS } from '@starling/conversation/migrations';
import { createDelivery, type Delivery } from '@starling/delivery/app';
import { DeliveryConfig } from '@starling/delivery/config';
import { createIdentity } from '@starling/identity/app';
import { MIGRATIONS as IDENTITY_MIGRATIONS } from '@starling/identity/migrations';
import { configureIdentity } from '@starling/identity/options';
import { systemClock } from '@starling/platform/clock';
import { loadConfig } from '@starling/platform/config';
import { createHttpServer, endWithProblem, onUpgrade } from '@starling/platform/http';
import { openLocalPlatform } from '@starling/platform/local';
import type { EventLog } from '@starling/platform/log';
import { createMetrics, openSidePort, type ServiceMetrics } from '@starling/platform/metrics';
import { findForeign } from '@starling/platform/projection';
import type { Service } from '@starling/platform/service';
import { createLogger, type Logger, startTracing } from '@starling/platform/telemetry';
import { publicKeysFile, startKeyRotation } from '@starling/platform/tokens';
import { tracePage } from '@starling/platform/trace-page';
import { createUser } from '@starling/user/app';
import { MIGRATIONS as USER_MIGRATIONS } from '@starling/user/migrations';
import { createWeb } from '@starling/web/app';
import { configureWeb, readProxies } from '@starling/web/options';
import { readSite } from '@starling/web/site';
import { createLocalUpstream } from '@starling/web/upstream';
import type { FastifyInstance } from 'fastify';
import { attachDatabase, ensureSecret, openDataDirectory, StartError, startDatabase } from './database/index.ts';
import { refuseWhenFull, watchDisk } from './disk-guard.ts';
import { explainDatabase, explainListen } from './explain.ts';
import { openLogOf } from './kafka-log.ts';
import { openLogFile } from './log-file.ts';
import type { StandaloneOptions } from './options.ts';
import { readTls, type Tls } from './tls.ts';

const TRACE_FILE = 'traces-starling.jsonl';
/** How long a service signs with one key. */
const KEY_LIFE_MS = 30 * 86_400_000;
/** More than one, so that appends to different conversations do not wait for each other's commit. */
const PARTITIONS = { conversations: 4, receipts: 4, users: 2 };

export interface Starling {
  url: string;
  /** Ends connections and requests, then the services, then the database. */
  stop(): Promise<void>;
}

/** Starts every service in this process. Throws a StartError with one sentence for what the user can mend. */
export async function startStarling(context: {
  options: StandaloneOptions;
  say(line: string): void;
  signal: AbortSignal;
  /** The database was lost: the process must end. */
  onLost(reason: string): void;
}): Promise<Starling> {
  const { options, say, signal, onLost } = context;
  /** What must be undone, the newest first. */
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const webConfig = configureWeb(options);
    const identityConfig = { ...localLinks(options), ...configureIdentity(options) };
    const tls = await readTls(options);
    const data = await openDataDirectory(options.data);
    const logFile = openLogFile(join(data.root, 'starling.log'));
    const logger = (service: string) => createLogger({ service, destination: logFile });
    const disk = await watchDisk(data.root, logger('starling'));
    undo.push(async () => disk.stop());
    const traceFile = options.trace ? join(data.root, TRACE_FILE) : undefined;
    undo.push(startTracing({ service: 'starling', otlpEndpoint: options['otlp-endpoint'], file: traceFile }));

    const database =
      options.database === undefined
        ? await startDatabase({ directory: options.data, say, signal })
        : await attachDatabase({ url: options.database, say });
    database.onLost(onLost);
    undo.push(() => database.stop());
    signal.throwIfAborted();

    const metrics = createMetrics();
    const pod = randomUUID();
    const logUrl = options.log;
    const keyDirectory = join(data.secrets, 'keys');
    say('bringing the database up to date');
    const secret = await ensureSecret(data, 'installation');
    const local = await openLocalPlatform({
      adminUrl: database.url,
      secret,
      keyDirectory,
      cluster: 'standalone',
      partitions: PARTITIONS,
      migrations: { identity: IDENTITY_MIGRATIONS, user: USER_MIGRATIONS, conversation: CONVERSATION_MIGRATIONS },
      clock: systemClock,
      metrics,
      createLogger: logger,
      ...(logUrl === undefined
        ? { wrapLog: (log: EventLog) => refuseWhenFull(log, disk) }
        : { openLog: (logLogger: Logger) => openLogOf(logUrl, { partitions: PARTITIONS, pod, logger: logLogger }) }),
    }).catch(explainDatabase);
    undo.push(() => local.stop());
    undo.push(
      startKeyRotation({
        directory: keyDirectory,
        issuers: SERVICE_NAMES,
        publicFile: publicKeysFile(keyDirectory),
        clock: systemClock,
        everyMs: KEY_LIFE_MS,
        logger: logger('starling'),
      }),
    );

    say('starting the services');
    const delivery = createDelivery(loadConfig(DeliveryConfig, { overrides: { pod } }), local.platform('delivery'));
    const identitySecret = createHmac('sha256', secret).update('identity').digest('base64url');
    local.register('identity', createIdentity({ ...identityConfig, secret: identitySecret }, local.platform('identity')));
    local.register('user', createUser({}, local.platform('user')));
    local.register('conversation', createConversation({ snapshotPage: 100 }, local.platform('conversation')));
    local.register('delivery', delivery);
    const upstream = createLocalUpstream({
      user: local.http('user'),
      conversation: local.http('conversation'),
      delivery: local.http('delivery'),
    });
    const web = createWeb(webConfig, local.platform('web'), upstream);
    local.register('web', web);
    const proxies = readProxies(webConfig.trustedProxies);
    const server = await openServer(web, delivery, { logger: logger('web'), metrics: metrics.of('web'), service: 'web', tls, proxies });
    // A server is closed only when its sockets are, which is for the services to do.
    server.addHook('preClose', () => local.stop());
    undo.push(() => server.close());
    for (const name of ['identity', 'user', 'conversation'] as const) {
      const foreign = await findForeign(local.platform(name).db, local.log);
      if (foreign !== undefined) {
        throw new StartError(
          `The data was made with another log (${foreign}): start with the same --log as before, or restore both from one backup.`,
        );
      }
    }
    await local.start();
    const url = await listen(server, options);
    const sidePort = options['side-port'] ?? (options.trace ? 0 : undefined);
    if (sidePort !== undefined) {
      const reasons = () => [...local.unready(), ...[...local.services()].flatMap((service) => service.unready?.() ?? [])];
      const traces = tracePage(options.trace ? data.root : undefined);
      const routes = () => ({ '/traces': traces });
      const side = await openSidePort({ host: '127.0.0.1', port: sidePort, metrics, reasons, routes }).catch((error) =>
        explainListen(error, sidePort),
      );
      undo.push(() => side.close());
      if (options.trace) say(`traces are at http://localhost:${side.port}/traces`);
    }
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The one server that the world sees: web's routes, and delivery's sockets. */
async function openServer(
  web: Service,
  delivery: Delivery,
  options: { logger: Logger; metrics: ServiceMetrics; service: string; tls: Tls | undefined; proxies: ReturnType<typeof readProxies> },
): Promise<FastifyInstance> {
  const server = createHttpServer(options);
  await web.routes(server);
  onUpgrade(server, (request, stream, head) => {
    const site = readSite(options.tls !== undefined, request, options.proxies);
    const allowed = site && (site.secure || site.local);
    if (allowed && request.url?.split('?')[0] === '/v1/socket') delivery.upgrade(request, stream, head);
    else endWithProblem(stream, renderProblem(allowed ? 'not-found' : 'https-required'));
  });
  return server;
}

/** Without a public address, the links in the log lead to this machine, where they are read. */
function localLinks({ port, 'tls-cert': cert }: StandaloneOptions): { publicUrl?: string } {
  return port === 0 ? {} : { publicUrl: `${cert === undefined ? 'http' : 'https'}://localhost:${port}` };
}

async function listen(server: FastifyInstance, { port, 'tls-cert': cert }: StandaloneOptions): Promise<string> {
  await server.listen({ port, host: '::' }).catch((error) => explainListen(error, port));
  const { port: bound } = server.server.address() as AddressInfo;
  return `${cert === undefined ? 'http' : 'https'}://localhost:${bound}`;
}
