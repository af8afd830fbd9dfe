import {
  AddPasskeyRequest,
  type PasskeyChallengeReply,
  PasskeyLogInRequest,
  type Passkey as PasskeyReply,
  type PasskeysReply,
  PasswordRequest,
  type SessionReply,
} from '@starling/contracts/http';
import type { Passkey, PasskeyChallenge } from '@starling/contracts/rpc';
import { Uuid } from '@starling/contracts/schema';
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { askIdentity } from '../sessions/ask-identity.ts';
import { refuseOtherPages } from '../sessions/same-origin.ts';
import { clientOf, siteOf } from '../sessions/visitor.ts';
import { askForCaller, type IdentityRoutesContext } from './context.ts';
import { beginSession } from './replies.ts';

const PasskeyParams = Type.Object({ id: Uuid });

/** The passkeys of a user, and logging in with one. */
export function passkeysRoutes(app: FastifyInstance, context: IdentityRoutesContext): void {
  const { passkeys } = context.identity;

  app.get('/v1/account/passkeys', async (request, reply): Promise<PasskeysReply> => {
    const list = await askForCaller(request, reply, context, (options) => passkeys.listPasskeys({}, options));
    return { passkeys: list.passkeys.map(passkeyReply) };
  });

  app.post<{ Body: PasswordRequest }>(
    '/v1/account/passkeys/begin',
    { schema: { body: PasswordRequest } },
    async (request, reply): Promise<PasskeyChallengeReply> => {
      const message = { ...request.body, origin: siteOf(request).origin, client: clientOf(request) };
      return challengeReply(await askForCaller(request, reply, context, (options) => passkeys.beginPasskey(message, options)));
    },
  );

  app.post<{ Body: AddPasskeyRequest }>(
    '/v1/account/passkeys',
    { schema: { body: AddPasskeyRequest } },
    async (request, reply): Promise<PasskeyReply> => {
      const { challenge, response, name } = request.body;
      const message = { challenge, response: JSON.stringify(response), name };
      const added = await askForCaller(request, reply, context, (options) => passkeys.addPasskey(message, options));
      reply.code(201);
      return passkeyReply(added);
    },
  );

  app.delete<{ Params: Type.Static<typeof PasskeyParams> }>(
    '/v1/account/passkeys/:id',
    { schema: { params: PasskeyParams } },
    async (request, reply) => {
      const { id } = request.params;
      await askForCaller(request, reply, context, (options) => passkeys.removePasskey({ id }, options));
      return reply.code(204).send();
    },
  );

  app.post('/v1/passkey-log-in/begin', async (request): Promise<PasskeyChallengeReply> => {
    refuseOtherPages(request);
    const message = { origin: siteOf(request).origin, client: clientOf(request) };
    return challengeReply(await askIdentity(() => passkeys.beginPasskeyLogIn(message)));
  });

  app.post<{ Body: PasskeyLogInRequest }>(
    '/v1/passkey-log-in',
    { schema: { body: PasskeyLogInRequest } },
    async (request, reply): Promise<SessionReply> => {
      refuseOtherPages(request);
      const { challenge, response } = request.body;
      const message = { challenge, response: JSON.stringify(response), client: clientOf(request) };
      return beginSession(request, reply, await askIdentity(() => passkeys.passkeyLogIn(message)));
    },
  );
}

function passkeyReply({ id, name, createdAt }: Passkey): PasskeyReply {
  return { id, name, createdAt };
}

function challengeReply({ id, options }: PasskeyChallenge): PasskeyChallengeReply {
  return { challenge: id, options: JSON.parse(options) };
}
