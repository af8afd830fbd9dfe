import type { ServerOptions as TlsOptions } from 'node:https';
import { type Problem, type ProblemName, renderProblem } from '@starling/contracts/problems';
import { FORMATS } from '@starling/contracts/schema';
import { Ajv, type ErrorObject } from 'ajv';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, LogController } from 'fastify';
import { isTransient } from '../db/index.ts';
import type { ServiceMetrics } from '../metrics/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { finishRequests } from './finish-requests.ts';
import { ProblemError } from './problem-error.ts';
import { endWithProblem } from './raw.ts';
import { traceRequests } from './trace-requests.ts';

const BODY_BYTES = 256 * 1024;
/** Within which a whole request must have come: one that trickles in holds a connection. */
const REQUEST_MS = 30_000;

const PROBLEM_OF_FASTIFY_CODE: Record<string, ProblemName> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
};

/**
 * The HTTP server of a service: JSON bodies up to 256 KiB, validated as they are (no coercion, nothing dropped); query
 * and path parameters read as the types that the schema names; every error answered as problem+json (RFC 9457), those
 * of ours by the catalogue, all others as `internal` with the cause in the log only.
 */
export function createHttpServer(options: {
  logger: Logger;
  metrics?: ServiceMetrics;
  tls?: TlsOptions | undefined;
  /** Which service answers, for the traces of a process with several. */
  service?: string;
}): FastifyInstance {
  const base = {
    loggerInstance: options.logger,
    bodyLimit: BODY_BYTES,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
    requestTimeout: REQUEST_MS,
    routerOptions: { maxParamLength: 200 },
    genReqId: () => crypto.randomUUID(),
    frameworkErrors: (error: FastifyError, _request: unknown, reply: FastifyReply) =>
      void sendProblem(reply, renderProblem('invalid-request', { detail: error.message })),
    clientErrorHandler: endBrokenRequest,
  };
  const app = (options.tls ? Fastify({ ...base, https: options.tls } as never) : Fastify(base as never)) as unknown as FastifyInstance;

  traceRequests(app, options.service);
  finishRequests(app);
  const { metrics } = options;
  if (metrics) {
    app.addHook('onResponse', async (request, reply) => {
      metrics.observeRequest(request.method, request.routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime / 1000);
    });
  }
  const exact = new Ajv({ formats: FORMATS, coerceTypes: false, removeAdditional: false, useDefaults: false });
  const textual = new Ajv({ formats: FORMATS, coerceTypes: true, removeAdditional: false, useDefaults: true });
  app.setValidatorCompiler(({ schema, httpPart }) => (httpPart === 'body' ? exact : textual).compile(schema));
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500 && !(error instanceof ProblemError)) request.log.error({ err: error }, 'a request failed');
    return sendProblem(reply, problem);
  });
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, renderProblem('not-found')));
  return app;
}

/** The problem that any error is shown to a caller as. */
function problemOf(error: FastifyError | Error): Problem {
  if (error instanceof ProblemError) return error.problem;
  const { validation, validationContext, code, statusCode } = error as Partial<FastifyError>;
  if (validation)
    return renderProblem('invalid-request', { errors: validation.map((entry) => describeError(entry as ErrorObject, validationContext)) });
  if (code && PROBLEM_OF_FASTIFY_CODE[code]) return renderProblem(PROBLEM_OF_FASTIFY_CODE[code]);
  if (isTransient(error)) return renderProblem('unavailable');
  if (statusCode && statusCode >= 400 && statusCode < 500) return renderProblem('invalid-request', { detail: error.message });
  return renderProblem('internal');
}

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.retryAfter !== undefined) reply.header('retry-after', Math.ceil(problem.retryAfter));
  return reply.code(problem.status).type('application/problem+json').send(problem);
}

function describeError(error: ErrorObject, context: string | undefined): { pointer: string; detail: string } {
  const missing = error.keyword === 'required' ? pointerTo(error.params['missingProperty']) : '';
  const unknown = error.keyword === 'additionalProperties' ? pointerTo(error.params['additionalProperty']) : '';
  const detail = missing ? 'is required' : unknown ? 'is not known here' : (error.message ?? error.keyword);
  return { pointer: `/${context ?? 'body'}${error.instancePath}${missing}${unknown}`, detail };
}

/** A name as a JSON Pointer's token (RFC 6901 §3). */
function pointerTo(name: unknown): string {
  return `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Bytes that are no HTTP at all: Node calls this before there is a request. */
export function endBrokenRequest(error: NodeJS.ErrnoException, socket: import('node:net').Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const name: ProblemName = error.code === 'HPE_HEADER_OVERFLOW' ? 'too-large' : 'invalid-request';
  endWithProblem(socket, renderProblem(name, { detail: 'the request is not HTTP that can be read' }));
}
