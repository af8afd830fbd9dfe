import type { Cursor } from '@starling/contracts/log';
import { renderProblem } from '@starling/contracts/problems';
import type { SendFrame } from '@starling/contracts/socket';
import { describeSpan, inSpan, type Logger, SERVICE_ATTRIBUTE, SpanKind } from '@starling/platform/telemetry';
import { type Gate, identityAttributes, TokenRefused } from '@starling/platform/tokens';
import type { RawData } from 'ws';
import type { Sender } from '../append/sender.ts';
import type { Member } from '../resume/members.ts';
import { type ResumeContext, resume } from '../resume/resume.ts';
import type { Connection } from './connection.ts';
import { readFrame } from './frames.ts';

export interface SessionContext extends ResumeContext {
  gate: Gate;
  logger: Logger;
  sender: Sender;
}

/** A socket must say from where to resume within, ms. */
const RESUME_MS = 10_000;
/** Sends of one socket that may wait for their outcome at a time. */
const SENDS_LIMIT = 200;
const BAD_MESSAGE = renderProblem('invalid-request', {
  detail: "A message is text of 1 to 40,000 bytes (UTF-8), without NUL and lone surrogates; `trace` is W3C's traceparent.",
});
const TOO_MANY = renderProblem('rate-limited', { retryAfter: 1 });

/** What one socket has asked for: its resume, its sends, its token. */
export class SocketSession {
  readonly #connection: Connection;
  readonly #context: SessionContext;
  readonly #resumeTimer: NodeJS.Timeout;
  #resuming = false;
  #member: Member | undefined;
  #sends = 0;
  #onAnswered: (() => void) | undefined;
  #leaving = false;
  #ended = false;

  constructor(connection: Connection, context: SessionContext) {
    this.#connection = connection;
    this.#context = context;
    this.#resumeTimer = setTimeout(() => connection.close('idle'), RESUME_MS);
  }

  receive(data: RawData, binary: boolean): void {
    // What comes while the last answers are awaited gets none: the client sends it again where it goes.
    if (this.#connection.closed || this.#leaving) return;
    const received = binary ? ({ is: 'bad' } as const) : readFrame(data.toString());
    if (received.is === 'bad') this.#connection.close('invalid-frame');
    else if (received.is === 'bad-send') this.#connection.send({ type: 'nack', ...received.send, problem: BAD_MESSAGE });
    else if (received.frame.type === 'resume') void this.#guard('a resume', this.#resume(received.frame.cursor));
    else if (received.frame.type === 'send') void this.#guard('a send', this.#traceSend(received.frame));
    else void this.#guard('a new token', this.#authenticate(received.frame.token));
  }

  end(): void {
    this.#ended = true;
    this.#onAnswered?.();
    clearTimeout(this.#resumeTimer);
    if (!this.#member) return;
    this.#member.connections.delete(this.#connection);
    this.#context.members.release(this.#member);
    this.#member = undefined;
  }

  /** Closes the socket as that of a server that restarts, behind the answers to what it has sent; these have so many ms. */
  async leave(withinMs: number): Promise<void> {
    this.#leaving = true;
    if (this.#sends > 0 && !this.#ended) {
      const answered = Promise.withResolvers<void>();
      const patience = setTimeout(answered.resolve, withinMs);
      this.#onAnswered = answered.resolve;
      await answered.promise;
      clearTimeout(patience);
    }
    this.#connection.close('restarting');
  }

  /** A fault of ours ends the socket, not the process. */
  async #guard(what: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#context.logger.error({ err: error }, `${what} failed`);
      this.#connection.close('internal');
    }
  }

  async #resume(cursor: Cursor): Promise<void> {
    clearTimeout(this.#resumeTimer);
    if (this.#resuming) return this.#connection.close('invalid-frame');
    this.#resuming = true;
    const resumed = await resume(this.#context, this.#connection, cursor);
    if (typeof resumed === 'string') return this.#connection.close(resumed);
    this.#member = resumed;
    if (this.#ended) this.end();
  }

  #traceSend(frame: SendFrame): Promise<void> {
    return inSpan('send', { kind: SpanKind.SERVER, carrier: { traceparent: frame.trace } }, () => {
      const { identity } = this.#connection;
      describeSpan(() => ({ ...identityAttributes(identity), [SERVICE_ATTRIBUTE]: 'delivery', 'message.client': frame.client }));
      return this.#send(frame);
    });
  }

  async #send(frame: SendFrame): Promise<void> {
    const { conversation, client } = frame;
    if (this.#sends >= SENDS_LIMIT) return this.#connection.send({ type: 'nack', conversation, client, problem: TOO_MANY });
    this.#sends++;
    const outcome = await this.#context.sender.send(this.#connection.identity, frame).finally(() => this.#sends--);
    if (outcome.is === 'ok') this.#connection.send({ type: 'ack', conversation, client, position: outcome.position, at: outcome.at });
    else if (outcome.is === 'refused') this.#connection.send({ type: 'nack', conversation, client, problem: outcome.problem });
    else this.#connection.send({ type: 'unknown', conversation, client });
    if (this.#sends === 0) this.#onAnswered?.();
  }

  async #authenticate(token: string): Promise<void> {
    const { identity } = this.#connection;
    try {
      const renewed = await this.#context.gate.verifyUserToken(token);
      const same = renewed.user === identity.user && renewed.session === identity.session && renewed.origin === identity.origin;
      if (!same || !renewed.scope.split(' ').includes('socket')) return this.#connection.close('unauthenticated');
      this.#connection.identity = renewed;
      this.#connection.send({ type: 'authenticated', expiresAt: renewed.expiresAt });
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error;
      this.#connection.close('unauthenticated');
    }
  }
}
