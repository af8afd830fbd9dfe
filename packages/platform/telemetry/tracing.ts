import { type Attributes, context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { NodeSDK } from '@opentelemetry/sdk-node';

/** Stops tracing; what is buffered is exported first. */
export type StopTracing = () => Promise<void>;

/** Starts tracing for the process. Without an endpoint, nothing is recorded and a span costs next to nothing. */
export function startTracing(options: { service: string; otlpEndpoint?: string | undefined }): StopTracing {
  if (options.otlpEndpoint === undefined) return async () => {};
  const sdk = new NodeSDK({
    serviceName: options.service,
    traceExporter: new OTLPTraceExporter({ url: `${options.otlpEndpoint.replace(/\/$/, '')}/v1/traces` }),
    textMapPropagator: new W3CTraceContextPropagator(),
    instrumentations: [],
  });
  sdk.start();
  return () => sdk.shutdown();
}

const tracer = trace.getTracer('starling');

/** Runs `work` in a span; a rejection is recorded on it and passed on. `carrier`: the headers that the call came with. */
export async function inSpan<T>(
  name: string,
  options: { kind?: SpanKind; attributes?: Attributes; carrier?: Record<string, unknown> },
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const parent = options.carrier ? propagation.extract(context.active(), options.carrier) : context.active();
  return tracer.startActiveSpan(
    name,
    { kind: options.kind ?? SpanKind.INTERNAL, attributes: options.attributes ?? {} },
    parent,
    async (span) => {
      try {
        return await work(span);
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
        throw error;
      } finally {
        span.end();
      }
    },
  );
}

/** The W3C trace context of the active span as headers; empty when nothing is traced. */
export function traceHeaders(): Record<string, string> {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier;
}
