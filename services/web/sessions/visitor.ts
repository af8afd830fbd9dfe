import type { ClientContext } from '@starling/contracts/rpc';
import { ProblemError } from '@starling/platform/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Proxies, readVisitor } from '../domain/proxies.ts';
import { readSite, type Site } from '../domain/site.ts';
import { readCookie } from './cookie.ts';

/** In this header programs, which keep no cookies, get and send the secret of their device. */
const DEVICE_HEADER = 'starling-device';
const SECRET = /^[\w.~-]{1,512}$/;
const USER_AGENT_LENGTH = 200;

/** Whose word is taken. */
export interface Trusted {
  proxies: Proxies;
  /** Whose pages are as our own. */
  allowedOrigins: ReadonlySet<string>;
}

interface Visitor {
  site: Site;
  address: string;
  /** Where our own pages are: of the page that asks, if it is one of ours. */
  page: string;
}

const visitors = new WeakMap<FastifyRequest, Visitor>();

/** Takes down where a request goes and whom it comes from; once for each request, before anything asks for it. */
export function noteVisitor(request: FastifyRequest, { proxies, allowedOrigins }: Trusted): void {
  const site = readSite(request.protocol === 'https', request.raw, proxies);
  if (!site) throw new ProblemError('invalid-request', { detail: 'the Host header is no host' });
  const { origin = '' } = request.headers;
  visitors.set(request, { site, address: readVisitor(request.raw, proxies), page: allowedOrigins.has(origin) ? origin : site.origin });
}

/** The origin that our own page has, and must show, where this request comes from. */
export function pageOriginOf(request: FastifyRequest): string {
  return visitorOf(request).page;
}

export function siteOf(request: FastifyRequest): Site {
  return visitorOf(request).site;
}

/** What identity is told of who is in front of the screen. */
export function clientOf(request: FastifyRequest): Omit<ClientContext, '$typeName' | '$unknown'> {
  const { site, address } = visitorOf(request);
  const device = readCookie(request, site, 'device') ?? request.headers[DEVICE_HEADER];
  return {
    address,
    userAgent: (request.headers['user-agent'] ?? '').slice(0, USER_AGENT_LENGTH),
    device: typeof device === 'string' && SECRET.test(device) ? device : '',
    local: site.local,
  };
}

export function tellDevice(reply: FastifyReply, device: string): void {
  if (device !== '') reply.header(DEVICE_HEADER, device);
}

function visitorOf(request: FastifyRequest): Visitor {
  const visitor = visitors.get(request);
  if (!visitor) throw new Error('nobody took down where this request comes from');
  return visitor;
}
