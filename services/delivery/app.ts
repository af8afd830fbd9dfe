import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isPost, TOPICS } from '@starling/contracts/log';
import { requireUserCaller } from '@starling/platform/http';
import type { Platform, Service } from '@starling/platform/service';
import { postRoute } from './append/post-route.ts';
import { Sender } from './append/sender.ts';
import type { DeliveryConfig } from './config.ts';
import { fanOut } from './fan-out/fan-out.ts';
import { Gateway } from './gateway/gateway.ts';
import { createConversationSource } from './resume/conversation-source.ts';
import { Members } from './resume/members.ts';
import { Tails } from './tail/tails.ts';

export interface Delivery extends Service {
  /** Takes over an HTTP upgrade of /v1/socket. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void;
}

/** The live path: sockets and POST of messages; authorise, append, fan out, resume. */
export function createDelivery(config: DeliveryConfig, platform: Platform): Delivery {
  const { log, gate, clock, logger, metrics } = platform;
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
    pod: config.pod,
    log,
    tails,
    clock,
    logger,
    metrics,
    prepare: (conversation, user) => members.prepare(conversation, user),
    allows: (conversation, user) => members.allows(conversation, user),
    findPost: source.findPost,
  });
  const gateway = new Gateway({ log, tails, members, gate, clock, logger, sender, socketBytes: config.socketBytes });

  metrics.trackConnections(() => gateway.connectionCount);
  for (const topic of TOPICS) metrics.trackLag('tail', topic, log, () => tails.partitionsOf(topic).map((partition) => partition.next));

  return {
    unready: () => [
      ...(tails.halted === undefined ? [] : [tails.halted]),
      ...(tails.lost ? ['the log has lost records'] : []),
      ...(tails.caughtUp ? [] : ['the log is being read']),
    ],
    routes(app) {
      requireUserCaller(app, gate);
      postRoute(app, sender);
    },
    upgrade: (request, stream, head) => gateway.upgrade(request, stream, head),
    async start() {
      await tails.start();
      gateway.start();
    },
    async stop() {
      gateway.stop();
      await tails.stop();
    },
  };
}
