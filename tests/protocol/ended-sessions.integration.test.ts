import { createClient } from '@connectrpc/connect';
import { SessionsService } from '@starling/contracts/rpc';
import { CLOSE_CODES } from '@starling/contracts/socket';
import { LEEWAY_SECONDS } from '@starling/platform/tokens';
import { FakeClock } from '@starling/testing/clock';
import { waitFor } from '@starling/testing/wait-for';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chat, openSocket, PASSWORD, type Person, type Socket, startChat } from './harness.ts';

const clock = new FakeClock(Date.now());
const LEEWAY_MS = LEEWAY_SECONDS * 1000;

describe('the sockets of sessions that have ended', () => {
  let chat: Chat;
  let ann: Person;

  beforeAll(async () => {
    chat = await startChat({ pods: 2, clock });
    ann = await chat.signUp('Ann');
  });
  afterAll(() => chat?.stop());

  const sessions = () => createClient(SessionsService, chat.local.platform('web').rpc('identity'));
  const problemOf = (call: Promise<unknown>) =>
    call.then(
      () => 'an answer',
      (error) => error.metadata.get('starling-problem'),
    );

  /** A session of a program, and two sockets of it on each pod. */
  async function connect() {
    const issued = await sessions().issueToken({ email: ann.email, password: PASSWORD, client: { local: true } });
    const { cursor } = await ann.snapshot();
    const sockets = await Promise.all([...chat.socketUrls, ...chat.socketUrls].map((url) => openSocket(url, issued.token)));
    for (const socket of sockets) socket.send({ type: 'resume', cursor });
    for (const socket of sockets) await socket.find('live');
    return { ...issued, sockets };
  }
  const end = ({ refreshToken }: { refreshToken: string }) => sessions().revokeRefreshToken({ refreshToken, client: { local: true } });
  const cursorsOf = (socket: Socket) => socket.frames.filter((frame) => frame.type === 'cursor').length;

  async function alterLog(statement: string): Promise<void> {
    const admin = new pg.Client({ connectionString: chat.databaseUrl });
    await admin.connect();
    await admin.query(statement);
    await admin.end();
  }

  it('are closed on every pod as the log tells it, and those of other sessions are not', async () => {
    const [lost, kept] = [await connect(), await connect()];
    await end(lost);
    for (const socket of lost.sockets) expect((await socket.waitClosed()).code).toBe(CLOSE_CODES.unauthenticated.code);
    expect(kept.sockets.map((socket) => socket.closed)).toEqual(kept.sockets.map(() => undefined));
    const refused = await openSocket(chat.socketUrls[0] ?? '', lost.token);
    expect((await refused.waitClosed()).code).toBe(CLOSE_CODES.unauthenticated.code);
    for (const socket of kept.sockets) await socket.close();
  });

  it('are closed at expiry and leeway where the log stands still, not before; and nothing prolongs them', async () => {
    const ended = await connect();
    await alterLog('ALTER SCHEMA log RENAME TO gone');
    try {
      await end(ended);
      expect(await problemOf(sessions().refreshToken({ refreshToken: ended.refreshToken, client: { local: true } }))).toBe(
        'unauthenticated',
      );

      // At the last moment: a tick of the pod has gone by when it has sent a cursor again.
      const before = ended.sockets.map(cursorsOf);
      clock.advance(ended.expiresAt + LEEWAY_MS - 1 - clock.now());
      await waitFor(() => ended.sockets.every((socket, index) => socket.closed ?? cursorsOf(socket) > (before[index] ?? 0)));
      expect(ended.sockets.map((socket) => socket.closed)).toEqual(ended.sockets.map(() => undefined));

      clock.advance(1);
      for (const socket of ended.sockets) expect((await socket.waitClosed()).code).toBe(CLOSE_CODES.expired.code);
      const refused = await openSocket(chat.socketUrls[0] ?? '', ended.token);
      expect((await refused.waitClosed()).code).toBe(CLOSE_CODES.unauthenticated.code);
    } finally {
      await alterLog('ALTER SCHEMA gone RENAME TO log');
    }
  });
});
