import { Code, ConnectError } from '@connectrpc/connect';
import type { ProblemName } from '@starling/contracts/problems';
import { ProblemError } from '@starling/platform/http';
import { isUnavailable } from '@starling/platform/rpc';

const BUSY_RETRY_SECONDS = 5;

/** Makes a call to identity; what it refuses, by code, becomes the problem that the browser is told. */
export async function askIdentity<T>(refusals: Partial<Record<Code, ProblemName>>, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const refusal = refusals[error.code];
    if (refusal) throw new ProblemError(refusal, refusal === 'invalid-request' ? { detail: error.rawMessage } : {});
    if (error.code === Code.ResourceExhausted) throw new ProblemError('rate-limited', { retryAfter: BUSY_RETRY_SECONDS });
    if (isUnavailable(error)) throw new ProblemError('unavailable');
    throw error;
  }
}
