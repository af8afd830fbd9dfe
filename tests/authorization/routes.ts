import { randomUUID } from 'node:crypto';
import { v7 } from 'uuid';
import { outcomeOfAnswer } from './outcome.ts';
import { type Actor, OWN_PAGE, PASSWORD, type Request, type World } from './world.ts';

type Ask = Omit<Request, 'method' | 'url'> & { url?: string };
type Make = (actor: Actor, world: World) => Ask | Promise<Ask>;

const CODE = '123456';
const withPassword: Make = () => ({ body: { password: PASSWORD } });
const challenge = { challenge: randomUUID(), response: {} };

/** What to send where the path alone does not say it: bodies that are valid, so that nothing but the caller's rights decides. */
const REQUESTS: Record<string, Make> = {
  'POST /v1/accounts': () => ({ body: { email: `${randomUUID()}@example.org`, password: PASSWORD, name: 'New' } }),
  'POST /v1/accounts/resend': (_actor, { registration }) => ({ body: { id: registration } }),
  'POST /v1/accounts/confirm': (_actor, { registration }) => ({ body: { id: registration, code: CODE } }),
  'POST /v1/sessions': ({ email }) => ({ body: { email, password: PASSWORD } }),
  'POST /v1/sessions/second-factor': () => ({ body: { challenge: 'none', method: 'totp', code: CODE } }),
  'POST /v1/password-reset': ({ email }) => ({ body: { email } }),
  'POST /v1/password-reset/confirm': () => ({ body: { token: 'none', password: PASSWORD } }),
  'POST /v1/passkey-log-in': () => ({ body: challenge }),
  'GET /v1/sign-on/:provider': () => ({ url: '/v1/sign-on/none' }),
  'GET /v1/sign-on/:provider/callback': () => ({ url: '/v1/sign-on/none/callback' }),
  'POST /v1/sign-on/link': () => ({ headers: OWN_PAGE, body: { password: PASSWORD } }),
  'POST /v1/token': ({ email }) => ({ body: { email, password: PASSWORD } }),
  'POST /v1/token/revoke': () => ({ body: { refreshToken: 'none' } }),
  'POST /v1/token/refresh': ({ refreshToken }) => ({ body: { refreshToken } }),
  'GET /*': () => ({ url: '/', headers: { accept: 'text/html' } }),
  'GET /v1/sessions/current | by cookie': () => ({ byCookie: true }),
  'POST /v1/socket-token | by cookie': () => ({ byCookie: true }),

  'POST /v1/account/password': () => ({ body: { current: 'not the password', password: PASSWORD } }),
  'POST /v1/account/email': () => ({ body: { password: PASSWORD, email: `${randomUUID()}@example.org` } }),
  'POST /v1/account/email/confirm': () => ({ body: { id: randomUUID(), code: CODE } }),
  'POST /v1/account/totp': withPassword,
  'POST /v1/account/totp/confirm': () => ({ body: { code: CODE } }),
  'POST /v1/account/totp/remove': withPassword,
  'POST /v1/account/recovery-codes': withPassword,
  'POST /v1/account/passkeys/begin': withPassword,
  'POST /v1/account/passkeys': () => ({ body: { ...challenge, name: 'Key' } }),
  'DELETE /v1/account/passkeys/:id': async (actor, world) => ({
    url: `/v1/account/passkeys/${await world.makePasskey(actor)}`,
  }),
  'DELETE /v1/account/passkeys/:id | of another': async (_actor, world) => ({
    url: `/v1/account/passkeys/${await world.makePasskey(world.bystander)}`,
  }),
  'DELETE /v1/sessions/:id': async (actor, world) => ({ url: `/v1/sessions/${await world.makeSession(actor)}` }),
  'DELETE /v1/sessions/:id | of another': async (_actor, world) => ({ url: `/v1/sessions/${await world.makeSession(world.bystander)}` }),
  'POST /v1/sessions/end-all': () => ({ body: { keepCurrent: true } }),

  'PATCH /v1/admin/users/:id': changeAccount('member', { role: 'guest' }),
  'PATCH /v1/admin/users/:id | disables': changeAccount('admin', { disabled: true }),
  'PATCH /v1/admin/users/:id | makes an owner': changeAccount('member', { role: 'owner' }),
  'PATCH /v1/admin/users/:id | demotes an owner': changeAccount('owner', { role: 'member' }),
  'PATCH /v1/admin/users/:id | disables an owner': changeAccount('owner', { disabled: true }),
  'PATCH /v1/admin/users/:id | makes a bot': changeAccount('member', { role: 'bot' }),
  'PATCH /v1/admin/users/:id | makes oneself an owner': ({ id }) => ({ url: `/v1/admin/users/${id}`, body: { role: 'owner' } }),
  'PATCH /v1/admin/users/:id | disables oneself': ({ id }) => ({ url: `/v1/admin/users/${id}`, body: { disabled: true } }),
  'POST /v1/admin/invites': () => ({ body: { role: 'guest', uses: 1, expiresAt: Date.now() + 60_000 } }),
  'DELETE /v1/admin/invites/:id': async (_actor, world) => ({ url: `/v1/admin/invites/${await world.makeInvite()}` }),

  'GET /v1/users': () => ({ url: '/v1/users?search=by' }),
  'GET /v1/users/me | with a token of the socket': async (actor, world) => ({ token: await world.mintToken(actor, 'socket') }),
  'GET /v1/users/me | by a session that has not ended': async ({ id, token }, { local }) => ({
    token: token === '' ? '' : await local.mintUserToken({ user: id }),
  }),
  'POST /v1/users/cards': (_actor, { bystander }) => ({ body: { users: [bystander.id] } }),
  'PATCH /v1/users/me': () => ({ body: { name: 'Another name' } }),

  'POST /v1/conversations': () => ({ body: { name: 'New', participants: [] }, headers: { 'idempotency-key': randomUUID() } }),
  'PUT /v1/conversations/private/:user': (_actor, { bystander }) => ({ url: `/v1/conversations/private/${bystander.id}` }),
  'GET /v1/conversations/:id': (_actor, { group }) => ({ url: `/v1/conversations/${group}` }),
  'GET /v1/conversations/:id/messages': (_actor, { group }) => ({ url: `/v1/conversations/${group}/messages` }),
  'POST /v1/conversations/:id/messages': (_actor, { group }) => ({
    url: `/v1/conversations/${group}/messages`,
    body: { client: v7(), body: 'Hello' },
  }),
  'PATCH /v1/conversations/:id': (_actor, { group }) => ({ url: `/v1/conversations/${group}`, body: { name: 'Renamed' } }),
  'PUT /v1/conversations/:id/participants/:user': changeParticipant,
  'DELETE /v1/conversations/:id/participants/:user': changeParticipant,
  'DELETE /v1/conversations/:id/participants/:user | oneself': ({ id }, { farewell }) => ({
    url: `/v1/conversations/${farewell}/participants/${id}`,
  }),
};

/** Tries a line of the grid of routes as an actor. */
export async function tryRoute(world: World, line: string, actor: Actor): Promise<string> {
  const [method = '', path = ''] = line.split(' ');
  const asked = (await REQUESTS[line]?.(actor, world)) ?? {};
  const url = asked.url ?? path.replace('*', 'nothing-is-here');
  if (/[:*]/.test(url)) throw new Error(`it is not said what to send for ${line}`);
  const answer = await world.ask(actor, { ...asked, method, url });
  if (method === 'GET') {
    const head = await world.ask(actor, { ...asked, method: 'HEAD', url });
    if (head.statusCode !== answer.statusCode) return `${head.statusCode} to HEAD`;
  }
  return outcomeOfAnswer(answer);
}

function changeAccount(role: 'owner' | 'admin' | 'member', body: object): Make {
  return async (_actor, world) => ({ url: `/v1/admin/users/${await world.makeAccount(role)}`, body });
}

function changeParticipant(_actor: Actor, { group, bystander }: World): Ask {
  return { url: `/v1/conversations/${group}/participants/${bystander.id}` };
}
