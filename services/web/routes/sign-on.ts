import { type LinkReply, LinkSignOnRequest, type SecondFactorReply, type SessionReply } from '@starling/contracts/http';
import type { SecondFactorWanted } from '@starling/contracts/rpc';
import { ProblemError } from '@starling/platform/http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { askIdentity } from '../sessions/ask-identity.ts';
import { clearCookie, readCookie, setCookie } from '../sessions/cookie.ts';
import { requireOwnPage } from '../sessions/same-origin.ts';
import { clientOf, siteOf } from '../sessions/visitor.ts';
import { decodeLink, encodeLink, type WaitingLink } from '../sessions/waiting-link.ts';
import type { IdentityRoutesContext } from './context.ts';
import { answerLogIn, beginSession } from './replies.ts';

/** Where a sign-on ends. Nothing of a request decides about it. */
const PLACES = { begun: '/', link: '/link', secondFactor: '/second-factor', refused: '/?sign-on=refused' } as const;

const ProviderParams = Type.Object({ provider: Type.String({ pattern: '^[a-z0-9-]{1,32}$' }) });
const BeginQuery = Type.Object({ invite: Type.Optional(Type.String({ maxLength: 512, pattern: '^[\\w.~-]+$' })) });

/**
 * Single sign-on: by navigation to the provider and back, and not by calls of a page, so that what goes wrong leads back
 * to the entry page too.
 */
export function signOnRoutes(app: FastifyInstance, { identity: { signOn }, publicOrigin }: IdentityRoutesContext): void {
  app.get<{ Params: Type.Static<typeof ProviderParams>; Querystring: Type.Static<typeof BeginQuery> }>(
    '/v1/sign-on/:provider',
    { schema: { params: ProviderParams, querystring: BeginQuery } },
    (request, reply) =>
      orRefuse(request, reply, async () => {
        const message = {
          provider: request.params.provider,
          redirectUri: requireRedirectUri(request, request.params.provider),
          invite: request.query.invite ?? '',
        };
        const { url, flow } = await askIdentity(() => signOn.beginSignOn(message));
        setCookie(reply, siteOf(request), 'flow', flow);
        return reply.redirect(url);
      }),
  );

  // An address for each provider: an answer of one is never taken for another's (RFC 9700 §4.4.2.2).
  app.get<{ Params: Type.Static<typeof ProviderParams> }>(
    '/v1/sign-on/:provider/callback',
    { schema: { params: ProviderParams } },
    (request, reply) =>
      orRefuse(request, reply, async () => {
        const site = siteOf(request);
        const flow = readCookie(request, site, 'flow');
        clearCookie(reply, site, 'flow');
        if (flow === undefined) throw new ProblemError('sign-on-refused', { detail: 'no sign-on was begun in this browser' });
        const query = new URL(request.raw.url ?? '/', 'http://any').search;
        const message = { flow, callbackUrl: `${requireRedirectUri(request, request.params.provider)}${query}`, client: clientOf(request) };
        const { result } = await askIdentity(() => signOn.finishSignOn(message));
        if (result.case === 'begun') beginSession(request, reply, result.value);
        else if (result.case === 'link') setCookie(reply, site, 'link', encodeLink(result.value));
        else if (result.case === undefined) throw new Error('identity answered a sign-on with nothing');
        return reply.redirect(result.case === 'secondFactor' ? secondFactorPlace(result.value) : PLACES[result.case], 302);
      }),
  );

  app.get('/v1/sign-on/link', async (request): Promise<LinkReply> => {
    const { email, provider } = requireLink(request);
    return { email, provider };
  });

  app.post<{ Body: LinkSignOnRequest }>(
    '/v1/sign-on/link',
    { schema: { body: LinkSignOnRequest } },
    async (request, reply): Promise<SessionReply | SecondFactorReply> => {
      requireOwnPage(request);
      const { link } = requireLink(request);
      const { result } = await askIdentity(() => signOn.linkSignOn({ link, ...request.body, client: clientOf(request) }));
      clearCookie(reply, siteOf(request), 'link');
      return answerLogIn(request, reply, result);
    },
  );

  function requireRedirectUri(request: FastifyRequest, provider: string): string {
    const origin = returnOriginOf(request, publicOrigin);
    if (origin !== undefined) return `${origin}/v1/sign-on/${provider}/callback`;
    request.log.warn('a sign-on was refused: set publicUrl, which the provider must know');
    throw new ProblemError('sign-on-refused', { detail: 'the public address of this site is not configured' });
  }
}

/** The origin that providers send browsers back to; undefined when it would be the caller's word alone that this is our site. */
export function returnOriginOf(request: FastifyRequest, publicOrigin: string | undefined): string | undefined {
  const site = siteOf(request);
  return publicOrigin ?? (site.local ? site.origin : undefined);
}

/** Who navigates is shown no problem as JSON. */
async function orRefuse(request: FastifyRequest, reply: FastifyReply, navigate: () => Promise<FastifyReply>): Promise<FastifyReply> {
  try {
    return await navigate();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    request.log.info({ problem: error.problemName, reason: error.message }, 'a sign-on was refused');
    return reply.redirect(PLACES.refused, 302);
  }
}

/** In the fragment, which goes to no server. */
function secondFactorPlace({ challenge, methods, expiresAt }: SecondFactorWanted): string {
  const wanted = new URLSearchParams({ challenge, methods: methods.join(','), expiresAt: String(expiresAt) });
  return `${PLACES.secondFactor}#${wanted}`;
}

function requireLink(request: FastifyRequest): WaitingLink {
  const waiting = decodeLink(readCookie(request, siteOf(request), 'link') ?? '');
  if (!waiting) throw new ProblemError('link-expired', { detail: 'no sign-on waits to be connected: sign on again' });
  return waiting;
}
