import { type PostReply, PostRequest } from '@starling/contracts/http';
import { Uuid } from '@starling/contracts/schema';
import { callingUser, ProblemError } from '@starling/platform/http';
import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import type { Sender } from './sender.ts';

const Params = Type.Object({ id: Uuid });

/** Posting over HTTP: the same wait as over the socket, with the same three outcomes. */
export function postRoute(app: FastifyInstance, sender: Sender): void {
  app.post<{ Params: Type.Static<typeof Params>; Body: PostRequest }>(
    '/v1/conversations/:id/messages',
    { schema: { params: Params, body: PostRequest }, config: { right: 'conversations.use' } },
    async (request, reply): Promise<PostReply> => {
      const outcome = await sender.send(callingUser(request), { conversation: request.params.id, ...request.body });
      if (outcome.is === 'unknown') throw new ProblemError('unknown');
      if (outcome.is === 'refused') throw ProblemError.from(outcome.problem);
      reply.code(201);
      return { client: request.body.client, position: outcome.position, at: outcome.at };
    },
  );
}
