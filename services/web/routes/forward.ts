import { HOP_HEADER, ProblemError } from '@starling/platform/http';
import { describeSpan, inSpan, SpanKind, traceHeaders } from '@starling/platform/telemetry';
import { type Gate, type Minter, mintedAttributes } from '@starling/platform/tokens';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { serviceOf } from '../domain/route-table.ts';
import { callForUser } from '../sessions/call-for-user.ts';
import { keysDiffer } from '../sessions/keys-differ.ts';
import type { UserTokens } from '../sessions/user-tokens.ts';
import type { Upstream } from '../upstream/index.ts';

/** What of a request concerns the service that answers it: no cookie, and no address, goes further. */
const REQUEST_HEADERS = ['accept', 'idempotency-key', 'traceparent'] as const;
const RESPONSE_HEADERS = ['content-type', 'retry-after'] as const;

/** Passes everything else under /v1 on to the service that answers it, with tokens that say for whom. */
export function forwardRoutes(app: FastifyInstance, options: { upstream: Upstream; minter: Minter; gate: Gate; tokens: UserTokens }): void {
  const { upstream, minter } = options;
  // The body goes on as it is: what is wrong with it is for the service that reads it to say.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.route<{ Body: Buffer | undefined }>({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/v1/*',
    handler: async (request, reply) => {
      const url = request.raw.url ?? '';
      const service = serviceOf(request.method, url.split('?')[0] ?? '');
      if (!service) throw new ProblemError('not-found');
      const body = request.body?.length ? request.body : undefined;
      const response = await callForUser(request, reply, options, (user) =>
        inSpan(`${request.method} ${service}`, { kind: SpanKind.CLIENT }, async () => {
          const hopToken = await minter.mintHopToken(service, user);
          describeSpan(() => mintedAttributes(hopToken));
          const headers = {
            ...requestHeaders(request),
            ...traceHeaders(),
            authorization: `Bearer ${user.token}`,
            [HOP_HEADER]: hopToken,
          };
          const answer = await upstream.forward(service, { method: request.method, url, headers, body });
          // Its token is good here: a new one would be no better for a program.
          if (answer.status === 401) throw request.headers.authorization ? keysDiffer() : new ProblemError('unauthenticated');
          return answer;
        }),
      );
      for (const name of RESPONSE_HEADERS) if (response.headers[name] !== undefined) reply.header(name, response.headers[name]);
      return reply.code(response.status).send(response.body);
    },
  });
}

function requestHeaders(request: FastifyRequest<{ Body: Buffer | undefined }>): Record<string, string> {
  const names = request.body?.length ? [...REQUEST_HEADERS, 'content-type'] : REQUEST_HEADERS;
  const found = names.map((name) => [name, request.headers[name]] as const);
  return Object.fromEntries(found.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
