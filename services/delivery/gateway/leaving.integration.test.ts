import { CLOSE_CODES, type ServerFrame } from '@starling/contracts/socket';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestPod, type TestPod } from '../append/test-pod.ts';
import { type SessionContext, SocketSession } from './socket-session.ts';
import { connectionOf, openSocketPair, type SocketPair } from './test-sockets.ts';

const RESTARTING = { code: CLOSE_CODES.restarting.code, reason: CLOSE_CODES.restarting.reason };

let pod: TestPod;
let pair: SocketPair;
let session: SocketSession;
/** Ends the log's standing still. */
let release: () => void;

beforeEach(async () => {
  pod = await openTestPod();
  pair = await openSocketPair();
  // Nothing but sends comes over these sockets.
  session = new SocketSession(connectionOf(pair), { sender: pod.sender } as unknown as SessionContext);
  const held = Promise.withResolvers<void>();
  release = held.resolve;
  const { append } = pod.answers;
  pod.answers.append = (topic, partition, records) => held.promise.then(() => append(topic, partition, records));
});
afterEach(async () => {
  release();
  session.end();
  await pair.close();
  await pod.close();
});

function send(client = v7()): string {
  session.receive(Buffer.from(JSON.stringify({ type: 'send', conversation: CONVERSATION, client, body: 'hello' })), false);
  return client;
}
const CONVERSATION = v7();
const answers = () =>
  pair.received.messages.map((text) => JSON.parse(text) as ServerFrame).map((frame) => (frame.type === 'ack' ? frame.client : frame.type));

describe('a session that leaves', () => {
  it('closes behind the answers to what was sent before, and takes in nothing more', async () => {
    const clients = [send(), send()];
    const left = session.leave(10_000);
    send();
    expect(pair.received).toMatchObject({ messages: [] });
    release();
    await left;
    await waitFor(() => pair.received.closed);
    expect(answers().sort()).toEqual(clients.sort());
    expect(pair.received.closed).toEqual(RESTARTING);
    expect(pod.appended).toHaveLength(2);
  });

  it('does not wait for answers longer than it may', async () => {
    send();
    await session.leave(50);
    await waitFor(() => pair.received.closed);
    expect([answers(), pair.received.closed]).toEqual([[], RESTARTING]);
  });

  it('closes at once when nothing is under way', async () => {
    await session.leave(60_000);
    await waitFor(() => pair.received.closed);
    expect(pair.received.closed).toEqual(RESTARTING);
  });

  it('does not wait for a peer that is gone', async () => {
    send();
    const left = session.leave(60_000);
    session.end();
    await left;
  });
});
