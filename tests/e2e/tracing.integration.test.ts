import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient } from '@starling/client';
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '@starling/contracts/socket';
import { describeWithOwnBrokers } from '@starling/testing/brokers';
import { createTestDatabase } from '@starling/testing/database';
import { signUpAt, startStarlingProcess, startStarlingServices } from '@starling/testing/starling';
import { waitFor } from '@starling/testing/wait-for';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

interface Shape {
  url: string;
  /** Where the page of traces is. */
  sideUrl: string;
  /** Where the files of traces are. */
  data: string;
  stop(): Promise<unknown>;
}

/** A row of the page's table of who is behind each span. */
interface Span {
  name: string;
  service: string;
  user: string;
  issuer: string;
  audience: string;
  token: string;
  through: string;
}

const PASSWORD = 'correct horse battery';
const TEXT = 'must-not-be-in-any-trace';

function describeTraces(name: string, start: () => Promise<Shape>): void {
  describe(`a message's trace, ${name}`, () => {
    let shape: Shape;
    const clients: Client[] = [];
    let ann: { id: string; email: string };
    let conversation: string;

    beforeAll(async () => {
      shape = await start();
      const [author, recipient] = [await signUp('Ann'), await signUp('Bob')];
      ann = author;
      await waitFor(async () => (await author.client.searchUsers('bob')).some((profile) => profile.id === recipient.id));
      ({ id: conversation } = await author.client.createGroup('Traced', [recipient.id], v7()));
      await waitFor(() => recipient.client.getState().conversations.length === 1);
    }, 180_000);
    afterAll(async () => {
      for (const client of clients) client.stop();
      await shape?.stop();
    }, 60_000);

    async function signUp(person: string): Promise<{ client: Client; id: string; email: string }> {
      const email = `${person.toLowerCase()}.${v7()}@example.org`;
      const client = createClient({ baseUrl: shape.url, auth: { kind: 'password' } });
      clients.push(client);
      const { user } = await signUpAt(shape.url, { email, password: PASSWORD, name: person });
      await client.logIn({ email, password: PASSWORD });
      client.start();
      await waitFor(() => client.getState().connection === 'live', { deadline: 20_000 });
      return { client, id: user, email };
    }

    function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
      return fetch(`${shape.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    }

    /** The spans that the page shows, once all of these are among them: `service name`. */
    async function readTrace(query: string, wanted: string[]): Promise<{ id: string; spans: Span[] }> {
      let page = '';
      let seen: string[] = [];
      const readWhole = async () => {
        page = await (await fetch(`${shape.sideUrl}/traces?${query}`)).text();
        const [, identities = ''] = page.split('class="identities"');
        const spans = [...identities.matchAll(/<tr><td class="number">.*?<\/tr>/gs)].map(([row]) => readRow(row));
        seen = spans.map((span) => `${span.service} ${span.name}`);
        const id = /Trace <code>(\w+)<\/code>/.exec(page)?.[1] ?? '';
        return wanted.every((each) => seen.includes(each)) ? { id, spans } : undefined;
      };
      const whole = await waitFor(readWhole).catch(() =>
        expect.fail(`the trace should have ${wanted.join(', ')}, and has ${seen.join(', ')}`),
      );
      expect(page).not.toContain(TEXT);
      return whole;
    }

    function expectIdentities(spans: Span[]): void {
      for (const span of spans) {
        for (const part of ['user', 'issuer', 'audience', 'token', 'through'] as const)
          expect(span[part], `${part} of ${span.service} ${span.name}`).not.toBe('');
        expect([ann.id, 'svc:web', 'svc:delivery']).toContain(span.user);
      }
      // What the record tells its readers is what the pod that appended it was told.
      const [append] = spans.filter((span) => span.name === 'append');
      for (const reader of spans.filter((span) => ['deliver', 'project'].includes(span.name)))
        expect({ ...reader, name: '', service: '' }).toEqual({ ...append, name: '', service: '' });
    }

    it('by POST: from the request over identity to the recipient, one trace, with who is behind each span', async () => {
      const began = await post('/v1/sessions', { email: ann.email, password: PASSWORD });
      expect(began.status).toBe(201);
      const cookie = began.headers
        .getSetCookie()
        .map((line) => line.split(';')[0])
        .join('; ');
      const trace = randomBytes(16).toString('hex');
      const headers = { cookie, origin: shape.url, 'x-starling-request': '1', traceparent: `00-${trace}-${'b'.repeat(16)}-01` };
      const client = v7();
      expect((await post(`/v1/conversations/${conversation}/messages`, { client, body: TEXT }, headers)).status).toBe(201);

      const { id, spans } = await readTrace(`message=${client}`, [
        'web POST /v1/*',
        'web starling.identity.v1.SessionsService/MintToken',
        'identity starling.identity.v1.SessionsService/MintToken',
        'web POST delivery',
        'delivery POST /v1/conversations/:id/messages',
        'delivery append',
        'delivery acknowledge',
        'delivery deliver',
        'conversation project',
      ]);
      expect(id).toBe(trace);
      expect(spans.length).toBeGreaterThanOrEqual(7);
      expectIdentities(spans);
      const named = (service: string, name: string) => spans.find((span) => span.service === service && span.name === name);
      expect(named('web', 'POST /v1/*')).toMatchObject({ user: ann.id, issuer: 'identity', through: 'self' });
      expect(named('identity', 'starling.identity.v1.SessionsService/MintToken')).toMatchObject({
        user: 'svc:web',
        issuer: 'web',
        audience: 'identity',
      });
      const hop = { user: ann.id, issuer: 'web', audience: 'delivery', through: 'web' };
      expect(named('web', 'POST delivery')).toMatchObject(hop);
      expect(named('delivery', 'POST /v1/conversations/:id/messages')).toMatchObject({
        ...hop,
        token: named('web', 'POST delivery')?.token,
      });
    });

    it('by socket: from the frame to the recipient', async () => {
      const { token } = (await (await post('/v1/token', { email: ann.email, password: PASSWORD })).json()) as { token: string };
      const snapshot = await fetch(`${shape.url}/v1/snapshot`, { headers: { authorization: `Bearer ${token}` } });
      const { cursor } = (await snapshot.json()) as { cursor: unknown };
      const socket = new WebSocket(`${shape.url.replace('http', 'ws')}/v1/socket`, [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${token}`]);
      const frames: string[] = [];
      socket.on('message', (data) => frames.push((JSON.parse(data.toString()) as { type: string }).type));
      await waitFor(() => frames.includes('hello'));
      const trace = randomBytes(16).toString('hex');
      const client = v7();
      socket.send(JSON.stringify({ type: 'resume', cursor }));
      socket.send(JSON.stringify({ type: 'send', conversation, client, body: TEXT, trace: `00-${trace}-${'b'.repeat(16)}-01` }));
      await waitFor(() => frames.includes('ack'));
      socket.terminate();

      const { id, spans } = await readTrace(`trace=${trace}`, [
        'delivery send',
        'delivery append',
        'delivery acknowledge',
        'delivery deliver',
        'conversation project',
      ]);
      expect(id).toBe(trace);
      expectIdentities(spans);
      expect(spans.find((span) => span.name === 'send')).toMatchObject({ user: ann.id, issuer: 'identity', through: 'self' });
      expect((await readTrace(`message=${client}`, ['delivery send'])).id).toBe(trace);
    });

    it('is in files that only their owner reads, and the newest messages are on the page', async () => {
      const files = (await readdir(shape.data)).filter((file) => file.startsWith('traces'));
      expect(files).not.toEqual([]);
      for (const file of files) expect((await stat(join(shape.data, file))).mode & 0o077, file).toBe(0);
      const page = await (await fetch(`${shape.sideUrl}/traces`)).text();
      expect(page.match(/href="\/traces\?message=/g)?.length).toBeGreaterThanOrEqual(2);
    });
  });
}

function readRow(row: string): Span {
  const cells = [...row.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell = '']) => cell.replaceAll(/<[^>]*>/g, ''));
  const [, name = '', service = '', user = '', issuer = '', audience = '', token = '', through = ''] = cells;
  return { name, service, user, issuer, audience, token, through };
}

const SIDE_PORT = 20_000 + (process.pid % 20_000);

describeTraces('one process', async () => {
  const starling = await startStarlingProcess(['--trace', '--side-port', String(SIDE_PORT)]);
  return { url: starling.url, sideUrl: `http://127.0.0.1:${SIDE_PORT}`, data: starling.data, stop: () => starling.remove() };
});

await describeWithOwnBrokers('on Kafka', { count: 1 }, (brokers) => {
  describeTraces('a process for each service', async () => {
    const database = await createTestDatabase();
    const services = await startStarlingServices({ brokers: brokers.brokers, databaseUrl: database.url, args: ['--trace'] });
    return {
      url: services.url,
      // Any of them: they show each other's files.
      sideUrl: services.sideUrl('web'),
      data: join(services.data, 'traces'),
      async stop() {
        await services.stop();
        await database.drop();
      },
    };
  });
});
