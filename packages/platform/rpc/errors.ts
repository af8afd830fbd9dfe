import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { isTransient } from '../db/index.ts';
import type { ServiceMetrics } from '../metrics/index.ts';
import type { Logger } from '../telemetry/index.ts';

/** How long a call to another service may take, ms. */
export const RPC_TIMEOUT_MS = 5_000;

/** Errors of ours keep their code; anything else is logged and shown as `unavailable` or `internal`. */
export function concealErrors(logger: Logger): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      logger.error({ err: error, method: request.method.name }, 'a call failed');
      throw isTransient(error)
        ? new ConnectError('the database does not answer', Code.Unavailable)
        : new ConnectError('internal', Code.Internal);
    }
  };
}

/** Measures each call that is answered. Outermost, so that refusals count. */
export function measureCalls(metrics: ServiceMetrics): Interceptor {
  return (next) => async (request) => {
    const begun = performance.now();
    let code = 'OK';
    try {
      return await next(request);
    } catch (error) {
      code = Code[ConnectError.from(error).code];
      throw error;
    } finally {
      metrics.observeCall(`${request.service.typeName}/${request.method.name}`, code, (performance.now() - begun) / 1000);
    }
  };
}

/** Whether another service could not be asked, as against having refused. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  return [Code.Unavailable, Code.DeadlineExceeded, Code.Canceled, Code.Aborted, Code.Internal, Code.Unknown].includes(error.code);
}
