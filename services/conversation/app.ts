import { createClient } from '@connectrpc/connect';
import { UserService } from '@starling/contracts/rpc';
import { requireUserCaller } from '@starling/platform/http';
import { OutboxRelay } from '@starling/platform/outbox';
import { Projection } from '@starling/platform/projection';
import type { Platform, Service } from '@starling/platform/service';
import type { ConversationConfig } from './config.ts';
import { projectConversations } from './consumers/project.ts';
import { commandRoutes } from './routes/commands.ts';
import { readingRoutes } from './routes/reading.ts';
import { conversationRpc } from './rpc/conversation.ts';

const GROUP = 'conversation';

/** Conversations, participants and messages: commands, projection of the log, snapshot and history. */
export function createConversation(config: ConversationConfig, platform: Platform): Service {
  const { db, log, logger, gate, clock, metrics } = platform;
  const users = createClient(UserService, platform.rpc('user'));
  const relay = new OutboxRelay({ pool: db, log, topic: 'conversations', logger });
  const projection = new Projection({ pool: db, log, topic: 'conversations', group: GROUP, logger, relay, apply: projectConversations });
  // Nothing of these topics is kept yet, but a snapshot's cursor says how far each has been read.
  const followed = (['receipts', 'users'] as const).map(
    (topic) => new Projection({ pool: db, log, topic, group: GROUP, logger, apply: async () => {} }),
  );

  for (const projected of [projection, ...followed]) {
    metrics.trackLag(GROUP, projected.topic, log, () => projected.nextOffsets);
  }

  return {
    unready: () => [projection, ...followed].flatMap((projected) => projected.halted ?? []),
    routes(app) {
      requireUserCaller(app, gate);
      commandRoutes(app, { db, relay, findUsers: async (ids) => (await users.findUsers({ users: ids })).users });
      readingRoutes(app, { db, log, projection, snapshotPage: config.snapshotPage });
    },
    rpc: (router) => conversationRpc(router, { db, log, projection, clock }),
    async start() {
      for (const started of [projection, ...followed]) started.start();
      relay.start();
    },
    async stop() {
      await relay.stop();
      await Promise.all([projection, ...followed].map((stopped) => stopped.stop()));
    },
  };
}
