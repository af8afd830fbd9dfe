// For k6, which has its own runtime and modules: plain JavaScript, with nothing of ours imported.
import { check, fail, sleep } from 'k6';
import http from 'k6/http';
import { Counter, Rate, Trend } from 'k6/metrics';
import { WebSocket } from 'k6/websockets';

const BASE = __ENV.BASE_URL || 'http://localhost:8080';
const USERS = Number(__ENV.USERS || 10);
const SECONDS = Number(__ENV.SECONDS || 20);
/** A user's pause between two messages, ms. */
const PAUSE_MS = Number(__ENV.PAUSE_MS || 500);

const postTime = new Trend('starling_post_time', true);
const ackTime = new Trend('starling_socket_ack_time', true);
const deliveryTime = new Trend('starling_socket_delivery_time', true);
const events = new Counter('starling_socket_events');
const unacknowledged = new Counter('starling_socket_unacknowledged');
const answered = new Rate('starling_answered_well');

export const options = {
  scenarios: {
    http: { executor: 'constant-vus', vus: Math.ceil(USERS / 2), duration: `${SECONDS}s`, exec: 'postOverHttp' },
    socket: { executor: 'per-vu-iterations', vus: USERS, iterations: 1, maxDuration: `${SECONDS + 30}s`, exec: 'talkOverSocket' },
  },
  thresholds: {
    starling_answered_well: ['rate==1'],
    starling_socket_unacknowledged: ['count==0'],
    checks: ['rate==1'],
  },
  summaryTrendStats: ['count', 'med', 'p(95)', 'p(99)', 'max'],
  setupTimeout: '120s',
};

/** Accounts, their tokens, and one group of all of them. */
export function setup() {
  const run = Date.now().toString(36);
  const people = Array.from({ length: USERS }, (_, index) => {
    const account = { email: `k6.${run}.${index}@example.org`, password: 'correct horse battery' };
    const { id, code } = expectStatus(call('POST', '/v1/accounts', { ...account, name: `k6 ${index}` }), 202).json();
    expectStatus(call('POST', '/v1/accounts/confirm', { id, code }), 201);
    const { user, token } = expectStatus(call('POST', '/v1/token', account), 200).json();
    return { user, token };
  });
  const [first, ...others] = people;
  const group = { name: 'k6', participants: others.map(({ user }) => user) };
  const key = { 'Idempotency-Key': createUuidV7() };
  const { id } = expectStatus(
    repeatWhileBehind(() => call('POST', '/v1/conversations', group, first.token, key)),
    201,
  ).json();
  const { cursor } = expectStatus(call('GET', '/v1/snapshot', undefined, first.token), 200).json();
  return { people, conversation: id, cursor };
}

export function postOverHttp({ people, conversation }) {
  const { token } = people[__VU % people.length];
  const reply = call('POST', `/v1/conversations/${conversation}/messages`, { client: createUuidV7(), body: 'over HTTP' }, token);
  postTime.add(reply.timings.duration);
  answered.add(reply.status === 201);
  sleep(PAUSE_MS / 1000);
}

/** Resumes, sends a message at each pause, and closes when all of them have been acknowledged. */
export function talkOverSocket({ people, conversation, cursor }) {
  const { token } = people[__VU % people.length];
  const socket = new WebSocket(`${BASE.replace('http', 'ws')}/v1/socket`, ['starling.v1', `starling.token.${token}`]);
  const sent = new Map();
  let live = false;
  let sending;

  function send() {
    const client = createUuidV7();
    sent.set(client, Date.now());
    socket.send(JSON.stringify({ type: 'send', conversation, client, body: 'over a socket' }));
  }
  const receivers = {
    live() {
      live = true;
      sending = setInterval(send, PAUSE_MS);
    },
    ack({ client }) {
      ackTime.add(Date.now() - sent.get(client));
      sent.delete(client);
      answered.add(true);
    },
    nack: () => answered.add(false),
    unknown: () => answered.add(false),
    event({ at }) {
      events.add(1);
      // By the clocks of both sides, which are one on one machine.
      if (live) deliveryTime.add(Math.max(0, Date.now() - at));
    },
  };
  socket.onopen = () => socket.send(JSON.stringify({ type: 'resume', cursor }));
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    receivers[frame.type]?.(frame);
  };
  socket.onclose = () => {
    check(live, { 'the socket became live': (was) => was });
    unacknowledged.add(sent.size);
  };
  setTimeout(() => clearInterval(sending), SECONDS * 1000);
  setTimeout(() => socket.close(), SECONDS * 1000 + 5_000);
}

function call(method, path, body, token, headers = {}) {
  const authorization = token ? { Authorization: `Bearer ${token}` } : {};
  const content = body === undefined ? null : JSON.stringify(body);
  return http.request(method, `${BASE}${path}`, content, {
    headers: { ...(content ? { 'Content-Type': 'application/json' } : {}), ...authorization, ...headers },
    tags: { name: `${method} ${path.replace(/[0-9a-f-]{36}/g, '{id}')}` },
  });
}

function expectStatus(reply, status) {
  if (reply.status !== status) fail(`${reply.request.method} ${reply.request.url} answered ${reply.status}: ${reply.body}`);
  return reply;
}

/** New accounts are known to the other services a moment later. */
function repeatWhileBehind(attempt) {
  let reply = attempt();
  for (let left = 50; left > 0 && (reply.status === 404 || reply.status === 503); left--) {
    sleep(0.1);
    reply = attempt();
  }
  return reply;
}

function createUuidV7() {
  const bytes = new Uint8Array(16);
  crypto.getRandomValues(bytes);
  const random = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`;
}
