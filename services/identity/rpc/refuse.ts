import { Code, ConnectError } from '@connectrpc/connect';
import { PROBLEMS, type ProblemName } from '@starling/contracts/problems';

const CODES: Record<number, Code> = {
  400: Code.InvalidArgument,
  401: Code.Unauthenticated,
  403: Code.PermissionDenied,
  404: Code.NotFound,
  409: Code.AlreadyExists,
  429: Code.ResourceExhausted,
  503: Code.Unavailable,
};

/**
 * The error that tells web which problem of the catalogue to answer with. `detail`: a sentence for the person, in ASCII
 * since it travels in a header; `retryAfter`: seconds.
 */
export function refuse(problem: ProblemName, extra: { detail?: string; retryAfter?: number } = {}): ConnectError {
  const { status, title } = PROBLEMS[problem];
  const metadata = new Headers({ 'starling-problem': problem });
  if (extra.retryAfter !== undefined) metadata.set('retry-after', String(Math.ceil(extra.retryAfter)));
  if (extra.detail !== undefined) metadata.set('starling-detail', extra.detail);
  return new ConnectError(title, CODES[status] ?? Code.Internal, metadata);
}
