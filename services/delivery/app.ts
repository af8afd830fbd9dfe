import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CURSOR_TOPICS, isPost } from '@starling/contracts/log';
import { requireUserCaller } from '@starling/platform/http';
import type { Platform, Service } from '@starling/platform/service';
import { postRoute } from './append/post-route.ts';
import { Sender } from './append/sender.ts';
import type { DeliveryConfig } from './config.ts';
import { fanOut } from './fan-out/fan-out.ts';
import { Gateway } from './gateway/gateway.ts';
import { Pulse } from './pods/pulse.ts';
import { countToShed } from './pods/rebalance.ts';
import { createConversationSource } from './resume/conversation-source.ts';
import { Members } from './resume/members.ts';
import { Tails } from './tail/tails.ts';

/** Whoever is asked to move for the sake of balance does so within that time, ms. */
const MOVE_WITHIN_MS = 2_000;

export interface Delivery extends Service {
  /** Takes over an HTTP upgrade of /v1/socket. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void;
  /** Takes no new sockets from here on and sends those that there are elsewhere, within `drainSeconds`. */
  drain(): Promise<void>;
}

/** The live path: sockets and POST of messages; authorise, append, fan out, resume. */
export function createDelivery(config: DeliveryConfig, platform: Platform): Delivery {
  const { log, gate, clock, logger, metrics } = platform;
  const { pod = randomUUID(), connectionCap, upgradesPerSecond, socketBytes } = config;
  const source = createConversationSource(platform.rpc('conversation'));
  const tails: Tails = new Tails({
    log,
    logger,
    ringBytes: config.ringBytes,
    listener: {
      onCounted(entry, headers, partition) {
        fanOut(members, entry, headers, partition);
        metrics.observeDelivery(Math.max(0, clock.now() - entry.record.at) / 1000);
        if (isPost(headers)) sender.onValid(entry.record.key, headers, entry.position, entry.record.at);
      },
      onVoid: (conversation, headers) => sender.onVoid(conversation, headers),
      onBreak() {
        gateway.closeAll('resync');
        members.clear();
      },
    },
  });
  const members = new Members(source, () => tails.partitionsOf('conversations'));
  const sender = new Sender({
    pod,
    log,
    tails,
    clock,
    logger,
    metrics,
    clockIsOff: () => pulse.clockIsOff,
    prepare: (conversation, user) => members.prepare(conversation, user),
    allows: (conversation, user) => members.allows(conversation, user),
    findPost: source.findPost,
  });
  const gateway = new Gateway({
    log,
    tails,
    members,
    gate,
    clock,
    logger,
    metrics,
    sender,
    socketBytes,
    connectionCap,
    upgradesPerSecond,
  });
  const pulse: Pulse = new Pulse({
    pod,
    log,
    clock,
    logger,
    load: () => ({ connections: gateway.connectionCount, cap: connectionCap, draining: gateway.draining }),
    isCurrent: () => tails.isCurrent(),
    onBeat(pods) {
      const count = countToShed(pods, { pod, connections: gateway.connectionCount, leaving: gateway.countLeaving() });
      if (count > 0) gateway.shed(count, MOVE_WITHIN_MS);
    },
  });

  metrics.trackConnections(() => gateway.connectionCount);
  for (const topic of CURSOR_TOPICS) {
    metrics.trackLag('tail', topic, log, () => tails.partitionsOf(topic).map((partition) => partition.next));
    metrics.trackRing(topic, () => tails.partitionsOf(topic).map(({ ring }) => ring.span(clock.now())));
  }

  return {
    unready: () => [
      ...(tails.halted === undefined ? [] : [tails.halted]),
      ...(tails.lost ? ['the log has lost records'] : []),
      ...(tails.caughtUp ? [] : ['the log is being read']),
      ...(gateway.draining ? ['its sockets are sent elsewhere'] : []),
      ...(pulse.clockIsOff ? ["the clock is more than 10 s off the log's"] : []),
    ],
    routes(app) {
      requireUserCaller(app, gate);
      postRoute(app, sender);
    },
    sideRoutes: () => ({
      '/load': async () => {
        const load = { connections: gateway.connectionCount, refusedUpgrades: gateway.refusedCount, draining: gateway.draining };
        return { status: 200, contentType: 'application/json', text: JSON.stringify(load) };
      },
    }),
    upgrade: (request, stream, head) => gateway.upgrade(request, stream, head),
    async start() {
      await tails.start();
      await pulse.start();
      gateway.start();
    },
    async drain() {
      logger.info({ sockets: gateway.connectionCount, seconds: config.drainSeconds }, 'the sockets are sent elsewhere');
      const result = await gateway.drain(config.drainSeconds * 1000);
      logger.info(result, 'the sockets are gone');
    },
    async stop() {
      gateway.stop();
      await pulse.stop();
      await tails.stop();
    },
  };
}
