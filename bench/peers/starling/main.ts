import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePostHeaders } from '@starling/contracts/log';
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import { createDelivery } from '@starling/delivery/app';
import { DeliveryConfig } from '@starling/delivery/config';
import { systemClock } from '@starling/platform/clock';
import { loadConfig } from '@starling/platform/config';
import type { NewRecord } from '@starling/platform/log';
import { createMetrics } from '@starling/platform/metrics';
import type { Platform } from '@starling/platform/service';
import { createLogger } from '@starling/platform/telemetry';
import { createGate, createMinter, openLocalKeys } from '@starling/platform/tokens';
import { v7 } from 'uuid';
import { servePeer } from '../control.ts';
import { MESSAGE } from '../message.ts';
import { createFakeConversation } from './fake-conversation.ts';
import { FakeEventLog } from './fake-event-log.ts';

const CLUSTER = 'bench';
const sockets = Number(process.argv[2]);
const conversation = randomUUID();
const author = randomUUID();

const keyDirectory = await mkdtemp(join(tmpdir(), 'starling-bench-keys-'));
const clock = systemClock;
const logger = createLogger({ service: 'delivery', destination: process.stderr, level: 'warn' });
const keys = await openLocalKeys(['identity', 'delivery'], { directory: keyDirectory, clock, logger });
keys.close();
await rm(keyDirectory, { recursive: true });

const log = new FakeEventLog();
const fakeConversation = createFakeConversation(conversation);
const delivery = createDelivery(
  loadConfig(DeliveryConfig, { overrides: { pod: 'bench', connectionCap: 1_000_000, upgradesPerSecond: 1_000_000 } }),
  {
    log,
    clock,
    db: undefined as unknown as Platform['db'],
    minter: createMinter({ signing: keys.signing('delivery'), cluster: CLUSTER, clock }),
    gate: createGate({ service: 'delivery', cluster: CLUSTER, ring: keys.ring, clock }),
    rpc: () => fakeConversation,
    logger,
    metrics: createMetrics().of('delivery'),
  },
);
const server = createServer().on('upgrade', (request, stream, head) => delivery.upgrade(request, stream, head));
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
await delivery.start();

const identity = createMinter({ signing: keys.signing('identity'), cluster: CLUSTER, clock });
const protocols = await Promise.all(
  Array.from({ length: sockets }, async () => {
    const { token } = await identity.mintUserToken({ user: randomUUID(), session: randomUUID(), role: 'member', scope: 'socket' });
    return `${SUBPROTOCOL}, ${TOKEN_SUBPROTOCOL_PREFIX}${token}`;
  }),
);

let appended = 0;
function createPost(): NewRecord {
  const headers = encodePostHeaders({ id: v7(), author, client: v7(), asOf: appended - 1, slow: false, attempt: `other.${appended}` });
  appended++;
  return { key: conversation, headers, value: Buffer.from(JSON.stringify({ body: MESSAGE })) };
}

servePeer(
  {
    port: (server.address() as AddressInfo).port,
    path: '/v1/socket',
    protocols,
    send: [JSON.stringify({ type: 'resume', cursor: { epoch: log.epoch, conversations: [0], receipts: [0], users: [0] } })],
    joined: '{"type":"live"}',
  },
  (count) => void log.append('conversations', 0, Array.from({ length: count }, createPost)),
);
