import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { encodePostHeaders, type Headers, partitionOf } from '@starling/contracts/log';
import { UserService } from '@starling/contracts/rpc';
import type { Service } from '@starling/platform/service';
import { createTestDatabase } from '@starling/testing/database';
import { createTestPlatform } from '@starling/testing/platform';
import { waitFor } from '@starling/testing/wait-for';
import pg from 'pg';
import { v7 } from 'uuid';
import { createConversation } from './app.ts';
import { MIGRATIONS } from './store/migrations.ts';

export interface Reply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a reply is looked at, not relied on
  body: any;
}

/** The service on a database of its own, beside a `user` to which everyone exists but those who are named. */
export type TestChat = Awaited<ReturnType<typeof openTestChat>>;

export async function openTestChat(options: { snapshotPage?: number } = {}) {
  const database = await createTestDatabase();
  const platform = await createTestPlatform({ database, services: { conversation: MIGRATIONS } });
  const service = createConversation({ snapshotPage: options.snapshotPage ?? 100 }, platform.platform('conversation'));
  const unknownUsers = new Set<string>();
  const faults = { usersAway: false };
  async function findUsers({ users: asked }: { users: string[] }) {
    if (faults.usersAway) throw new ConnectError('away', Code.Unavailable);
    return { users: asked.filter((user) => !unknownUsers.has(user)) };
  }
  const users: Service = {
    routes: () => {},
    rpc: (router) => void router.service(UserService, { findUsers }),
    start: async () => {},
    stop: async () => {},
  };
  platform.register('user', users);
  platform.register('conversation', service);
  await platform.start();
  const admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  const { log } = platform;
  const partition = (conversation: string) => partitionOf(conversation, log.partitions.conversations);

  const chat = {
    platform,
    service,
    admin,
    log,
    unknownUsers,
    faults,
    async call(
      user: string,
      method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
      url: string,
      payload?: object,
      headers: Record<string, string> = {},
    ): Promise<Reply> {
      const reply = await platform.http('conversation').inject({
        method,
        url,
        headers: { ...(await platform.headersFor('conversation', user)), ...headers },
        ...(payload ? { payload } : {}),
      });
      return { status: reply.statusCode, body: reply.json() };
    },
    createGroup: (owner: string, others: string[] = [], name = 'Staff', key: string = randomUUID()) =>
      chat.call(owner, 'POST', '/v1/conversations', { name, participants: others }, { 'idempotency-key': key }),
    /** Appends as `delivery` does; returns the offset. */
    async post(conversation: string, author: string, body: string, client: string = v7()): Promise<number> {
      const end = (await log.endOffsets('conversations'))[partition(conversation)] ?? 0;
      const headers = encodePostHeaders({ id: v7(), author, client, asOf: end - 1, slow: false, attempt: 'pod.1' });
      return chat.append(conversation, headers, { body });
    },
    async append(conversation: string, headers: Headers, value: object): Promise<number> {
      const [offset = -1] = await log.append('conversations', partition(conversation), [
        { key: conversation, headers, value: Buffer.from(JSON.stringify(value)) },
      ]);
      return offset;
    },
    /** Resolves when the projection has applied everything that is in the log. */
    async projected(): Promise<void> {
      const ends = await log.endOffsets('conversations');
      await waitFor(async () => {
        const { rows } = await admin.query<{ partition: number; next: number }>(
          `SELECT partition, next_offset::int AS next FROM conversation.projection WHERE topic = 'conversations'`,
        );
        return ends.every((end, index) => (rows.find((row) => row.partition === index)?.next ?? 0) >= end);
      });
    },
    async close(): Promise<void> {
      await admin.end();
      await platform.stop();
      await database.drop();
    },
  };
  return chat;
}
