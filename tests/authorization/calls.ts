import { randomUUID } from 'node:crypto';
import { createClient } from '@connectrpc/connect';
import * as rpc from '@starling/contracts/rpc';
import { SERVICE_NAMES, type ServiceName } from '@starling/contracts/services';
import { onBehalfOf } from '@starling/platform/rpc';
import { outcomeOfCall } from './outcome.ts';
import { type Actor, PASSWORD, type World } from './world.ts';

type Message = (actor: Actor, world: World) => object | Promise<object>;

const client = { local: true };
const withPassword: Message = () => ({ password: PASSWORD, client });

/** Every service of the descriptors, by its short name. */
const SERVICES = new Map(
  Object.values(rpc).flatMap((exported) => ('kind' in exported && exported.kind === 'service' ? [[exported.name, exported]] : [])),
);

/** Every call that there is, as `Service/Method`. */
export function listCalls(): string[] {
  return [...SERVICES.values()].flatMap(({ name, methods }) => methods.map((method) => `${name}/${method.name}`)).sort();
}

/** What to send where an empty message would not do. */
const MESSAGES: Record<string, Message> = {
  'AccountsService/Register': () => ({ email: `${randomUUID()}@example.org`, password: PASSWORD, name: 'New', client }),
  'AccountsService/ResendRegistrationCode': (_actor, { registration }) => ({ id: registration, client }),
  'AccountsService/ConfirmRegistration': (_actor, { registration }) => ({ id: registration, code: '123456', client }),
  'AccountsService/RequestPasswordReset': (_actor, { bystander }) => ({ email: bystander.email, client }),
  'AccountsService/ResetPassword': withPassword,
  'AccountsService/ChangePassword': () => ({ current: 'not the password', password: PASSWORD, client }),
  'AccountsService/RequestEmailChange': () => ({ password: PASSWORD, email: `${randomUUID()}@example.org`, client }),
  'AccountsService/ConfirmEmailChange': () => ({ id: randomUUID(), code: '123456' }),
  'SessionsService/LogIn': (_actor, { bystander }) => ({ email: bystander.email, password: PASSWORD, client }),
  'SessionsService/MintToken': (_actor, { bystander }) => ({ session: bystander.cookie }),
  'SessionsService/IssueToken': (_actor, { bystander }) => ({ email: bystander.email, password: PASSWORD, client }),
  'SessionsService/RefreshToken': (_actor, { bystander }) => ({ refreshToken: bystander.refreshToken }),
  'SessionsService/EndSession': async (actor, world) => ({ id: await world.makeSession(actor) }),
  'SessionsService/EndSession | of another': async (_actor, world) => ({ id: await world.makeSession(world.bystander) }),
  'SessionsService/EndAllSessions': () => ({ keepCurrent: true }),
  'SecondFactorService/BeginTotp': withPassword,
  'SecondFactorService/ConfirmTotp': () => ({ code: '123456' }),
  'SecondFactorService/RemoveTotp': withPassword,
  'SecondFactorService/NewRecoveryCodes': withPassword,
  'PasskeysService/BeginPasskeyLogIn': () => ({ origin: 'http://localhost' }),
  'PasskeysService/BeginPasskey': () => ({ password: PASSWORD, origin: 'http://localhost', client }),
  'PasskeysService/AddPasskey': () => ({ challenge: randomUUID(), response: '{}', name: 'Key' }),
  'PasskeysService/RemovePasskey': async (actor, world) => ({ id: await world.makePasskey(actor) }),
  'PasskeysService/RemovePasskey | of another': async (_actor, world) => ({ id: await world.makePasskey(world.bystander) }),
  'SignOnService/BeginSignOn': () => ({ provider: 'none', redirectUri: 'http://localhost/v1/sign-on/none/callback' }),
  'AdministrationService/SetDisabled': async (_actor, world) => ({ user: await world.makeAccount('admin'), disabled: true }),
  'AdministrationService/SetDisabled | an owner': async (_actor, world) => ({ user: await world.makeAccount('owner'), disabled: true }),
  'AdministrationService/SetRole': async (_actor, world) => ({ user: await world.makeAccount('member'), role: 'guest' }),
  'AdministrationService/SetRole | makes an owner': async (_actor, world) => ({ user: await world.makeAccount('member'), role: 'owner' }),
  'AdministrationService/SetRole | demotes an owner': async (_actor, world) => ({ user: await world.makeAccount('owner'), role: 'member' }),
  'AdministrationService/SetRole | makes oneself an owner': ({ id }) => ({ user: id, role: 'owner' }),
  'AdministrationService/CreateInvite': () => ({ role: 'member', uses: 1, expiresAt: Date.now() + 60_000 }),
  'AdministrationService/RevokeInvite': async (_actor, world) => ({ id: await world.makeInvite() }),
  'UserService/FindUsers': (_actor, { bystander }) => ({ users: [bystander.id] }),
  'ConversationService/LoadParticipations': (_actor, world) => ({ users: [world.actor('member').id] }),
  'ConversationService/LoadParticipation': (_actor, world) => ({ conversation: world.group, user: world.actor('member').id }),
  'ConversationService/FindPost': findPost,
  'ConversationService/FindPost | through delivery': findPost,
};

/**
 * Tries a line of the grid of calls: a service's column calls as the service itself, a person's on their behalf through
 * web, or the service that the line's case names.
 */
export async function tryCall(world: World, line: string, column: string): Promise<string> {
  const [call = '', through = 'web'] = line.split(/ \| (?:through )?/);
  const [serviceName = '', methodName] = call.split('/');
  const service = SERVICES.get(serviceName);
  const method = service?.methods.find(({ name }) => name === methodName);
  if (!service || !method) throw new Error(`there is no call ${call}`);
  const actor = world.actor(column);
  const asItself = isService(column);
  const caller = asItself ? column : isService(through) ? through : 'web';
  const callee = service.typeName.split('.')[1] as ServiceName;
  const calls = createClient(service, world.local.platform(caller).rpc(callee)) as Record<string, (...call: unknown[]) => Promise<unknown>>;
  const message = (await MESSAGES[line]?.(actor, world)) ?? {};
  const { id: user, session, token } = actor;
  const behalf = asItself ? [] : [onBehalfOf({ user, session, token: token || 'none' })];
  return outcomeOfCall(async () => calls[method.localName]?.(message, ...behalf));
}

function findPost(_actor: Actor, { group }: World): object {
  return { conversation: group, client: randomUUID(), projected: 0 };
}

function isService(name: string): name is ServiceName {
  return (SERVICE_NAMES as readonly string[]).includes(name);
}
