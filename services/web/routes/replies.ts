import type { CodeReply, SecondFactorReply, SessionReply } from '@starling/contracts/http';
import type { Begun, CodeSent, LogInResponse } from '@starling/contracts/rpc';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { setCookie } from '../sessions/cookie.ts';
import { siteOf } from '../sessions/visitor.ts';

/** Gives the browser its session, which goes into the cookie and nowhere else. */
export function beginSession(request: FastifyRequest, reply: FastifyReply, { session, user, device }: Begun): SessionReply {
  const site = siteOf(request);
  setCookie(reply.code(201), site, 'session', session);
  if (device !== '') setCookie(reply, site, 'device', device);
  return { user };
}

/** Answers a log-in: with the session, or with what the account wants besides. */
export function answerLogIn(
  request: FastifyRequest,
  reply: FastifyReply,
  result: LogInResponse['result'],
): SessionReply | SecondFactorReply {
  if (result.case === 'begun') return beginSession(request, reply, result.value);
  if (result.case !== 'secondFactor') throw new Error('identity answered a log-in with nothing');
  const { challenge, methods, expiresAt } = result.value;
  reply.code(202);
  return { challenge, methods: methods as SecondFactorReply['methods'], expiresAt };
}

export function codeReply({ id, expiresAt, code }: CodeSent): CodeReply {
  return { id, expiresAt, ...(code === '' ? {} : { code }) };
}
