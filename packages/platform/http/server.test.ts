import { type AddressInfo, connect } from 'node:net';
import { PROBLEMS } from '@starling/contracts/problems';
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestLogger } from '../telemetry/test-logger.ts';
import { ProblemError } from './problem-error.ts';
import { createHttpServer } from './server.ts';

const exact = { additionalProperties: false };
const Body = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    count: Type.Optional(Type.Integer()),
    id: Type.Optional(Type.String({ format: 'uuid' })),
    people: Type.Optional(Type.Array(Type.Object({ age: Type.Integer() }, exact))),
    preset: Type.Optional(Type.String({ default: 'not filled in' })),
  },
  exact,
);
const Query = Type.Object({ limit: Type.Integer({ minimum: 1, default: 50 }), deep: Type.Optional(Type.Boolean()) }, exact);

let app: FastifyInstance;
let log: ReturnType<typeof createTestLogger>;
let fail: () => unknown = () => undefined;

beforeEach(() => {
  log = createTestLogger();
  app = createHttpServer({ logger: log.logger });
  app.post('/things', { schema: { body: Body } }, async (request) => request.body);
  app.get('/things', { schema: { querystring: Query } }, async (request) => request.query as object);
  app.get('/things/:id', { schema: { params: Type.Object({ id: Type.Integer() }) } }, async (request) => request.params as object);
  app.get('/failing', async () => fail());
});
afterEach(() => app.close());

async function ask(method: 'GET' | 'POST', url: string, payload?: string | object, headers: Record<string, string> = {}) {
  const reply = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  if (reply.statusCode >= 400) expect(reply.headers['content-type']).toMatch(/^application\/problem\+json(; charset=utf-8)?$/);
  return { status: reply.statusCode, headers: reply.headers, body: reply.json() };
}

const json = { 'content-type': 'application/json' };

describe('a body', () => {
  it('is taken as it is: nothing is coerced, dropped or filled in', async () => {
    const sent = { name: 'x', count: 3, people: [{ age: 1 }] };
    expect(await ask('POST', '/things', sent)).toMatchObject({ status: 200, body: sent });
    expect((await ask('POST', '/things', { name: 'x' })).body).toEqual({ name: 'x' });
  });

  it.each([
    ['a number for text', { name: 7 }, '/body/name', 'must be string'],
    ['text for a number', { name: 'x', count: '3' }, '/body/count', 'must be integer'],
    ['a bare value for a list', { name: 'x', people: { age: 1 } }, '/body/people', 'must be array'],
    ['a wrong value within', { name: 'x', people: [{ age: 1 }, { age: '2' }] }, '/body/people/1/age', 'must be integer'],
    ['a missing value', {}, '/body/name', 'is required'],
    ['a missing value within', { name: 'x', people: [{}] }, '/body/people/0/age', 'is required'],
    ['an unknown name', { name: 'x', colour: 'red' }, '/body/colour', 'is not known here'],
    ['an unknown name within', { name: 'x', people: [{ age: 1, colour: 'red' }] }, '/body/people/0/colour', 'is not known here'],
    ['an unknown name with the signs of a pointer', { name: 'x', 'a/b~c': 1 }, '/body/a~1b~0c', 'is not known here'],
    ['a wrong format', { name: 'x', id: 'F47AC10B-58CC-4372-A567-0E02B2C3D479' }, '/body/id', 'must match format "uuid"'],
    ['a list for an object', [], '/body', 'must be object'],
    ['null', 'null', '/body', 'must be object'],
  ])('with %s is refused, and the place named', async (_name, body, pointer, detail) => {
    const reply = await ask('POST', '/things', body, json);
    expect(reply.status).toBe(400);
    expect(reply.body).toEqual({
      type: 'urn:starling:problem:invalid-request',
      title: PROBLEMS['invalid-request'].title,
      status: 400,
      errors: [{ pointer, detail }],
    });
  });

  it('that is too large, no JSON, or of another type, is refused', async () => {
    const large = JSON.stringify({ name: 'x'.repeat(256 * 1024) });
    expect(await ask('POST', '/things', large, json)).toMatchObject({ status: 413, body: { type: 'urn:starling:problem:too-large' } });
    const largest = JSON.stringify({ name: 'x'.repeat(256 * 1024 - 11) });
    expect(Buffer.byteLength(largest)).toBe(256 * 1024);
    expect((await ask('POST', '/things', largest, json)).status).toBe(200);
    for (const broken of ['{"name":', '', 'secret', '{"__proto__":{"name":"x"}}'])
      expect(await ask('POST', '/things', broken, json), broken).toMatchObject({
        status: 400,
        body: { type: 'urn:starling:problem:invalid-request' },
      });
    for (const type of ['application/xml', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/json/x'])
      expect(await ask('POST', '/things', '<a/>', { 'content-type': type }), type).toMatchObject({
        status: 415,
        body: { type: 'urn:starling:problem:unsupported-media-type' },
      });
    expect((await ask('POST', '/things', 'hello')).status).toBe(415);
  });
});

describe('a path and its query', () => {
  it('are read as the types that the schema names, with defaults', async () => {
    expect((await ask('GET', '/things?limit=7&deep=true')).body).toEqual({ limit: 7, deep: true });
    expect((await ask('GET', '/things')).body).toEqual({ limit: 50 });
    expect((await ask('GET', '/things/12')).body).toEqual({ id: 12 });
  });

  it('are refused when they cannot be', async () => {
    expect((await ask('GET', '/things?limit=many')).body.errors).toEqual([{ pointer: '/querystring/limit', detail: 'must be integer' }]);
    expect((await ask('GET', '/things?limit=0')).body.errors[0].pointer).toBe('/querystring/limit');
    expect((await ask('GET', '/things?limit=1&page=2')).body.errors).toEqual([
      { pointer: '/querystring/page', detail: 'is not known here' },
    ]);
    expect((await ask('GET', '/things/twelve')).body.errors).toEqual([{ pointer: '/params/id', detail: 'must be integer' }]);
  });

  it('that nobody serves are not found', async () => {
    for (const url of ['/', '/nothing', '/things/1/2', `/things/${'9'.repeat(300)}`]) {
      const reply = await ask('GET', url);
      expect([url, reply.status >= 400 && reply.status < 500]).toEqual([url, true]);
    }
    expect(await ask('GET', '/nothing')).toMatchObject({ status: 404, body: { type: 'urn:starling:problem:not-found' } });
    expect(await ask('POST', '/failing', {})).toMatchObject({ status: 404 });
    expect(await ask('GET', '/things/%zz')).toMatchObject({ status: 400, body: { type: 'urn:starling:problem:invalid-request' } });
  });
});

describe('an error', () => {
  it('of ours is answered as its problem, with what to wait', async () => {
    fail = () => {
      throw new ProblemError('behind', { retryAfter: 0.2, detail: 'soon' });
    };
    const reply = await ask('GET', '/failing');
    expect(reply).toMatchObject({ status: 503, body: { type: 'urn:starling:problem:behind', retryAfter: 0.2, detail: 'soon' } });
    expect(reply.headers['retry-after']).toBe('1');
  });

  it('of any other kind is internal: the cause is in the log alone', async () => {
    for (const thrown of [
      new Error('secret-detail'),
      Object.assign(new Error('secret-detail'), { code: '23505', detail: 'secret-detail' }),
      'secret-detail',
      7,
    ]) {
      fail = () => {
        throw thrown;
      };
      const reply = await ask('GET', '/failing');
      expect(reply.status).toBe(500);
      expect(reply.body).toEqual({ type: 'urn:starling:problem:internal', title: PROBLEMS.internal.title, status: 500 });
    }
    expect(log.text()).toContain('secret-detail');
    expect(log.entries()).toHaveLength(4);
  });

  it('that may go away by itself is unavailable, and logged', async () => {
    fail = () => {
      throw Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5432'), { code: 'ECONNREFUSED' });
    };
    const reply = await ask('GET', '/failing');
    expect(reply).toMatchObject({ status: 503, body: { type: 'urn:starling:problem:unavailable' } });
    expect(JSON.stringify(reply.body)).not.toContain('10.0.0.7');
    expect(log.text()).toContain('10.0.0.7');
  });

  it('carries problems that were rendered elsewhere on as they are', () => {
    const problem = new ProblemError('invalid-request', { detail: 'no', errors: [{ pointer: '/body', detail: 'no' }], retryAfter: 2 })
      .problem;
    expect(ProblemError.from(problem)).toMatchObject({ problem, problemName: 'invalid-request', message: 'no' });
    expect(ProblemError.from({ type: 'urn:else', title: 'x', status: 400 }).problemName).toBe('internal');
  });
});

describe('bytes that are no request', () => {
  async function send(text: string): Promise<{ head: string; body: Record<string, unknown> }> {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(text);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
    expect(head).toMatch(/content-type: application\/problem\+json/i);
    expect(head).toMatch(new RegExp(`content-length: ${Buffer.byteLength(body)}`, 'i'));
    return { head, body: JSON.parse(body) as Record<string, unknown> };
  }

  it('are answered as an invalid request, and the connection ends', async () => {
    const { head, body } = await send('this is no HTTP\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(body).toMatchObject({ type: 'urn:starling:problem:invalid-request', status: 400 });
  });

  it('of too many headers are too large', async () => {
    const { head, body } = await send(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(head).toMatch(/^HTTP\/1\.1 413 /);
    expect(body).toMatchObject({ type: 'urn:starling:problem:too-large', status: 413 });
  });

  it('do not keep the server from answering others, nor from closing', async () => {
    await send('x\r\n\r\n');
    const { port } = app.server.address() as AddressInfo;
    const reply = await fetch(`http://127.0.0.1:${port}/things?limit=1`);
    expect(await reply.json()).toEqual({ limit: 1 });
  });
});

describe('a server that is closed', () => {
  it('answers what it was asked before, and refuses what comes after', async () => {
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<string>();
    app.get('/slow', async () => {
      begun.resolve();
      return { text: await end.promise };
    });
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const asked = fetch(`${url}/slow`);
    await begun.promise;
    const closing = app.close();
    const late = await fetch(`${url}/things`);
    expect([late.status, late.headers.get('connection')]).toEqual([503, 'close']);
    end.resolve('in the end');
    expect(await (await asked).json()).toEqual({ text: 'in the end' });
    await closing;
  });

  it('does not wait for who holds a connection open and asks nothing', async () => {
    await app.listen({ host: '127.0.0.1', port: 0 });
    const idle = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    idle.on('error', () => {});
    const closed = new Promise((resolve) => idle.on('close', resolve));
    const began = performance.now();
    await app.close();
    await closed;
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
