import type { FastifyReply, FastifyRequest } from 'fastify';
import { siteOf } from './same-origin.ts';

/** As long as a session lives without being used. */
const MAX_AGE_SECONDS = 30 * 86_400;

/** Over HTTPS the prefix makes the browser hold on to Secure, to Path=/ and to this very host. */
function cookieName(secure: boolean): string {
  return secure ? '__Host-starling' : 'starling';
}

/** The session's token that came with the request. */
export function readSession(request: FastifyRequest): string | undefined {
  return request.cookies[cookieName(siteOf(request).secure)] || undefined;
}

export function setSession(request: FastifyRequest, reply: FastifyReply, session: string): void {
  const { secure } = siteOf(request);
  reply.setCookie(cookieName(secure), session, { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge: MAX_AGE_SECONDS });
}

export function clearSession(request: FastifyRequest, reply: FastifyReply): void {
  const { secure } = siteOf(request);
  reply.clearCookie(cookieName(secure), { path: '/', httpOnly: true, sameSite: 'lax', secure });
}
