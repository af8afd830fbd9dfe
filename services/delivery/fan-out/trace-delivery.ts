import type { LogRecord } from '@starling/platform/log';
import { SERVICE_ATTRIBUTE, type Span, startRecordSpan } from '@starling/platform/telemetry';

/** The span of bringing one record to this pod's sockets, one for all of them; `undefined` for a record of no trace. */
export function traceDelivery({ headers, topic }: LogRecord, sockets: number): Span | undefined {
  if (headers['traceparent'] === undefined) return undefined;
  return startRecordSpan('deliver', headers, {
    attributes: { [SERVICE_ATTRIBUTE]: 'delivery', 'messaging.destination.name': topic, 'starling.sockets': sockets },
  });
}
