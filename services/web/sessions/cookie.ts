import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Site } from '../domain/site.ts';

const MINUTE = 60;
const DAY = 86_400;

/** Our cookies: their names, and how many seconds the browser keeps them. */
const COOKIES = {
  /** The session's token; as long as a session lives without being used. */
  session: { name: 'starling', maxAge: 30 * DAY },
  /** By this a browser is recognised that has logged in before. */
  device: { name: 'starling-device', maxAge: 365 * DAY },
  /** A sign-on that is under way at its provider. */
  flow: { name: 'starling-flow', maxAge: 10 * MINUTE },
  /** A sign-on that waits for the password of the account that it is to be linked to. */
  link: { name: 'starling-link', maxAge: 10 * MINUTE },
} as const;

type CookieKind = keyof typeof COOKIES;

/** Over HTTPS the prefix makes the browser hold on to Secure, to Path=/ and to this very host. */
function nameOf(kind: CookieKind, { secure }: Site): string {
  return `${secure ? '__Host-' : ''}${COOKIES[kind].name}`;
}

export function readCookie(request: FastifyRequest, site: Site, kind: CookieKind): string | undefined {
  return request.cookies[nameOf(kind, site)] || undefined;
}

export function setCookie(reply: FastifyReply, site: Site, kind: CookieKind, value: string): void {
  reply.setCookie(nameOf(kind, site), value, { ...attributes(site), maxAge: COOKIES[kind].maxAge });
}

export function clearCookie(reply: FastifyReply, site: Site, kind: CookieKind): void {
  reply.clearCookie(nameOf(kind, site), attributes(site));
}

/** Lax, not strict: who comes back from a sign-on, or by a link, comes from another site. */
function attributes({ secure }: Site) {
  return { path: '/', httpOnly: true, sameSite: 'lax', secure } as const;
}
