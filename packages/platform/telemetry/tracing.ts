import {
  type Attributes,
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { AlwaysOnSampler, BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import { createSpanFile } from './span-file.ts';
import { inheritIdentity } from './span-identity.ts';

export { type Span, SpanKind };

/** Stops tracing; what is buffered is exported first. */
export type StopTracing = () => Promise<void>;

const propagator = new W3CTraceContextPropagator();
/** From the end of a span to its line in the file, at most, ms. */
const FILE_DELAY_MS = 500;
/** No attribute of ours is longer; some are what others sent. */
const ATTRIBUTE_CHARACTERS = 256;
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

let tracer: Tracer | undefined;

/**
 * Starts tracing for the process: to a collector (OTLP over HTTP), into a file (see {@link createSpanFile}), or both.
 * With neither, nothing is recorded and a span costs a look at a flag. Every span is recorded, whatever the sampled flag
 * of the caller says: it may be anybody's.
 */
export function startTracing(options: { service: string; otlpEndpoint?: string | undefined; file?: string | undefined }): StopTracing {
  const { service, otlpEndpoint, file } = options;
  if (otlpEndpoint === undefined && file === undefined) return async () => {};
  const collector = otlpEndpoint && new OTLPTraceExporter({ url: `${otlpEndpoint.replace(/\/$/, '')}/v1/traces` });
  const sdk = new NodeSDK({
    serviceName: service,
    spanProcessors: [
      inheritIdentity,
      ...(collector ? [new BatchSpanProcessor({ exporter: collector })] : []),
      ...(file ? [new BatchSpanProcessor({ exporter: createSpanFile({ file }), scheduledDelayMillis: FILE_DELAY_MS })] : []),
    ],
    sampler: new AlwaysOnSampler(),
    // Libraries note errors as events, with whatever is in their texts.
    spanLimits: { attributeValueLengthLimit: ATTRIBUTE_CHARACTERS, eventCountLimit: 0 },
    textMapPropagator: propagator,
    instrumentations: [],
    // What the library would find out by itself names the machine, and the command line with its passwords.
    autoDetectResources: false,
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  tracer = trace.getTracer('starling');
  return async () => {
    tracer = undefined;
    await sdk.shutdown();
    trace.disable();
    context.disable();
    propagation.disable();
  };
}

/** Whether spans are recorded: to be asked before anything is made for one on a path that must be fast. */
export function isTracing(): boolean {
  return tracer !== undefined;
}

export interface SpanOptions {
  kind?: SpanKind;
  attributes?: Attributes;
  links?: Link[];
  /** The headers that the call came with: the span goes on with their trace, or begins one. Absent: with the active span's. */
  carrier?: Record<string, unknown>;
}

/** Starts a span that the caller ends; one that records nothing when nothing is traced. */
export function startSpan(name: string, options: SpanOptions = {}): Span {
  if (!tracer) return NO_SPAN;
  const { kind = SpanKind.INTERNAL, attributes = {}, links = [], carrier } = options;
  return tracer.startSpan(name, { kind, attributes, links }, carrier ? readContext(carrier) : context.active());
}

/** Runs `work` with the span as the active one. */
export function withSpan<T>(span: Span, work: () => T): T {
  return tracer ? context.with(trace.setSpan(context.active(), span), work) : work();
}

/** Runs `work` in a span; a rejection is recorded on it and passed on. */
export async function inSpan<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  if (!tracer) return work(NO_SPAN);
  const span = startSpan(name, options);
  try {
    return await withSpan(span, () => work(span));
  } catch (error) {
    failSpan(span, error as Error);
    throw error;
  } finally {
    span.end();
  }
}

/** The same function, to be called from elsewhere with the span that is active now. */
export function keepSpan<T extends () => unknown>(work: T): T {
  return tracer ? context.bind(context.active(), work) : work;
}

/** Marks a span as of work that failed. */
export function failSpan(span: Span, error: Error): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message.slice(0, ATTRIBUTE_CHARACTERS) });
}

/** Adds to the active span, if one is recorded: what came out while it ran. */
export function describeSpan(attributes: () => object): void {
  const span = tracer && trace.getSpan(context.active());
  if (span?.isRecording()) span.setAttributes(attributes() as Attributes);
}

/** The W3C trace context of the active span as headers; empty when nothing is traced. */
export function traceHeaders(): Record<string, string> {
  const carrier: Record<string, string> = {};
  if (tracer) propagation.inject(context.active(), carrier);
  return carrier;
}

/** The trace context among headers. Of W3C's two headers only `traceparent`: the other may hold anything, and would go into the log. */
export function readContext({ traceparent }: Record<string, unknown>): Context {
  return propagation.extract(ROOT_CONTEXT, { traceparent });
}
