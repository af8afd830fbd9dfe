import { CLOSE_CODES, type CloseName, FRAME_BYTES, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Chat, openSocket, type Person, type Reply, startChat } from './harness.ts';

const UUID = '00000000-0000-4000-8000-000000000000';

describe('bad input', () => {
  let chat: Chat;
  let ann: Person;
  let group: string;

  beforeAll(async () => {
    chat = await startChat();
    ann = await chat.signUp('Ann');
    group = (await ann.createGroup('Group', [])).id;
  });
  afterAll(() => chat.stop());

  function expectProblem(reply: Reply, status: number): void {
    expect(reply.status).toBe(status);
    expect(reply.body.type).toMatch(/^urn:starling:problem:/);
    expect(reply.body.status).toBe(status);
    expect(JSON.stringify(reply.body)).not.toMatch(/\.ts|node_modules|at .*:\d+/);
  }

  const bodies = [
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '1',
    '{"name":1}',
    '{"unknown":true}',
    '{"__proto__":{"x":1}}',
    '{"name":"a\\u0000b"}',
    '{"name":"\\ud800"}',
    '{"name":"   "}',
  ];

  it.each([
    ['POST', '/v1/conversations'],
    ['PATCH', '/v1/conversations/GROUP'],
    ['POST', '/v1/conversations/GROUP/messages'],
    ['PATCH', '/v1/users/me'],
    ['POST', '/v1/users/cards'],
  ] as const)('as the body of %s %s is a problem', async (method, path) => {
    const at = path.replace('GROUP', group);
    const headers = { 'idempotency-key': UUID };
    for (const body of bodies) expectProblem(await ann.call(method, at, body, headers), 400);
    expectProblem(await ann.call(method, at, '<a/>', { ...headers, 'content-type': 'text/xml' }), 415);
    expectProblem(await ann.call(method, at, `{"name":"${'x'.repeat(300_000)}"}`, headers), 413);
    expectProblem(await ann.call(method, at, Buffer.from([0x7b, 0xff, 0xfe]), headers), 400);
  });

  it.each([
    ['GET', '/v1/conversations/not-an-id'],
    ['GET', '/v1/conversations/00000000-0000-4000-8000-00000000000X'],
    ['GET', '/v1/conversations/%00/messages'],
    ['GET', `/v1/conversations/${UUID}/messages?before=-1`],
    ['GET', `/v1/conversations/${UUID}/messages?before=1e99`],
    ['GET', `/v1/conversations/${UUID}/messages?limit=0`],
    ['GET', `/v1/conversations/${UUID}/messages?limit=100000`],
    ['GET', `/v1/conversations/${UUID}/messages?unknown=1`],
    ['PUT', '/v1/conversations/private/%F0%9F'],
    ['PUT', '/v1/conversations/private/me'],
    ['PUT', `/v1/conversations/${UUID}/participants/x`],
    ['GET', '/v1/snapshot?page=x'],
    ['GET', '/v1/users?search='],
    ['GET', '/v1/users?search=%00'],
    ['GET', '/v1/users'],
  ] as const)('in %s %s is a problem', async (method, path) => {
    expectProblem(await ann.call(method, path), 400);
  });

  it('is refused where it names nobody, or oneself', async () => {
    expectProblem(await ann.call('PUT', `/v1/conversations/private/${UUID}`), 404);
    expectProblem(await ann.call('PUT', `/v1/conversations/private/${ann.id}`), 400);
    expectProblem(await ann.call('POST', '/v1/conversations', { name: 'x', participants: [UUID] }, { 'idempotency-key': v7() }), 404);
    expectProblem(await ann.call('POST', '/v1/conversations', { name: 'x', participants: [] }), 400);
    expectProblem(await ann.call('GET', '/v1/conversations/x/y/z'), 404);
  });

  it('is refused without tokens, and with tokens that are not for this', async () => {
    for (const path of ['/v1/snapshot', `/v1/conversations/${group}`]) {
      expectProblem(await ann.call('GET', path, undefined, { 'starling-hop': '' }), 401);
      expectProblem(await ann.call('GET', path, undefined, { authorization: 'Bearer x.y.z' }), 401);
    }
  });

  it('reuses no idempotency key for another request, and repeats the answer to the same', async () => {
    const key = v7();
    const headers = { 'idempotency-key': key };
    const first = await ann.call('POST', '/v1/conversations', { name: 'Keyed', participants: [] }, headers);
    expect(await ann.call('POST', '/v1/conversations', { name: 'Keyed', participants: [] }, headers)).toEqual(first);
    expectProblem(await ann.call('POST', '/v1/conversations', { name: 'Other', participants: [] }, headers), 422);
  });

  describe('as a message', () => {
    const texts: [string, string, boolean][] = [
      ['a lone surrogate', 'a\ud800b', false],
      ['NUL', 'a\0b', false],
      ['nothing', '', false],
      ['blanks', ' \n\t ', false],
      ['40,000 newlines', '\n'.repeat(40_000), false],
      ['a letter and 39,999 newlines', `a${'\n'.repeat(39_999)}`, true],
      ['40,000 bytes', 'x'.repeat(40_000), true],
      ['40,001 bytes', 'x'.repeat(40_001), false],
      ['40,002 bytes in 20,001 letters', 'ä'.repeat(20_001), false],
      ['40,000 bytes in 20,000 letters', 'ä'.repeat(20_000), true],
      ['emoji and controls', '👩‍👩‍👧\u0007\u202e', true],
    ];

    it.each(texts)('%s', async (_, body, good) => {
      const reply = await ann.post(group, body);
      if (good) expect(reply.status).toBe(201);
      else expectProblem(reply, 400);

      const socket = await ann.connect();
      await socket.find('live');
      const client = v7();
      socket.send({ type: 'send', conversation: group, client, body });
      if (good) await socket.find('ack', (frame) => frame.client === client);
      else expect((await socket.find('nack')).problem.status).toBe(400);
      if (good) expect(socket.bodies().at(-1) === body).toBe(true);
      await socket.close();
    });

    it('with the id of another time or of no time', async () => {
      expectProblem(await ann.post(group, 'x', UUID), 400);
      expectProblem(await ann.post(group, 'x', v7({ msecs: Date.now() + 600_000 })), 400);
      expect((await ann.post(group, 'x', v7({ msecs: 1 }))).status).toBe(201);
    });
  });

  describe('over a socket', () => {
    async function expectClose(frame: unknown, name: CloseName): Promise<void> {
      const socket = await ann.connect();
      await socket.find('live');
      socket.send(frame);
      expect(await socket.waitClosed()).toMatchObject({ code: CLOSE_CODES[name].code });
    }

    it.each([
      ['no JSON', '{'],
      ['no object', '[]'],
      ['an unknown type', { type: 'dance' }],
      ['no type', {}],
      ['a send without ids', { type: 'send', body: 'x' }],
      ['a wrong cursor', { type: 'resume', cursor: { epoch: 'x' } }],
      ['bytes', Buffer.from([1, 2, 3])],
    ])('%s ends it', (_, frame) => expectClose(frame, 'invalid-frame'));

    it('a frame over the limit ends it', () => expectClose('x'.repeat(FRAME_BYTES + 1), 'too-large'));

    it('what is not UTF-8 ends it', async () => {
      const socket = await ann.connect();
      await socket.find('live');
      socket.socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
      expect(await socket.waitClosed()).toMatchObject({ code: CLOSE_CODES['not-text'].code });
    });

    it('a wrong token closes it', async () => {
      for (const token of ['', 'x.y.z', await chat.local.mintUserToken({ user: ann.id, scope: 'api' })]) {
        const socket = await openSocket(chat.socketUrls[0] ?? '', token);
        expect(await socket.waitClosed()).toMatchObject({ code: CLOSE_CODES.unauthenticated.code });
        expect(socket.frames).toEqual([]);
      }
    });

    it("another page's Origin is refused before there is a socket", async () => {
      const origin = 'https://chat.example.org';
      const ofBrowser = await chat.local.mintUserToken({ user: ann.id, scope: 'socket', origin });
      const ofProgram = await chat.local.mintUserToken({ user: ann.id, scope: 'socket' });
      const others = ['null', 'https://other.example.org', 'https://chat.example.org.evil.example', 'https://chat.example.org:444'];
      const more = ['http://chat.example.org', 'https://chat.example.org/', 'https://CHAT.example.org', ''];
      for (const other of [...others, ...more]) expect([other, await refusalOf(ofBrowser, { origin: other })]).toEqual([other, 403]);
      expect(await refusalOf(ofBrowser, {})).toBe(403);
      expect(await refusalOf(ofProgram, { origin })).toBe(403);
      const socket = await openSocket(chat.socketUrls[0] ?? '', ofBrowser, { origin });
      await socket.find('hello');
      await socket.close();
    });

    /** The status with which an upgrade is answered. */
    function refusalOf(token: string, headers: Record<string, string>): Promise<number | undefined> {
      const socket = new WebSocket(chat.socketUrls[0] ?? '', [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${token}`], { headers });
      return new Promise((resolve, reject) => {
        socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
        socket.on('open', () => resolve(101));
        socket.on('error', reject);
      }).finally(() => socket.terminate()) as Promise<number | undefined>;
    }

    it('a renewal for another user or session ends it, one for the same does not', async () => {
      const socket = await ann.connect();
      await socket.find('live');
      socket.send({ type: 'authenticate', token: await chat.local.mintUserToken({ user: ann.id, session: ann.session, scope: 'socket' }) });
      await socket.find('authenticated');
      socket.send({ type: 'authenticate', token: await chat.local.mintUserToken({ user: ann.id, scope: 'socket' }) });
      expect(await socket.waitClosed()).toMatchObject({ code: CLOSE_CODES.unauthenticated.code });
    });
  });

  it('leaves no secret and no message text in the log, and the services alive', async () => {
    await ann.post(group, 'a text that must not be logged');
    const lines = chat.local.logLines.join('');
    expect(lines).not.toMatch(/eyJ|correct horse|must not be logged/);
    expect((await ann.post(group, 'still here')).status).toBe(201);
  });
});
