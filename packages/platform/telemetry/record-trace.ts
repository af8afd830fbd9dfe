import { type Attributes, context, type Link, type Span, SpanKind, trace } from '@opentelemetry/api';
import { decodeClaims, encodeClaims, type Headers } from '@starling/contracts/log';
import { attributesOf } from './span-identity.ts';
import { failSpan, isTracing, readContext, type SpanOptions, startSpan, traceHeaders, withSpan } from './tracing.ts';

/** The headers by which a record goes on with the active span's trace and says who was behind it; none when nothing is traced. */
export function recordTraceHeaders(): Headers {
  if (!isTracing()) return {};
  const identity = attributesOf(trace.getSpan(context.active()));
  const claim = (name: string) => String(identity?.[name] ?? '');
  return {
    ...traceHeaders(),
    ...encodeClaims({
      sub: claim('enduser.id'),
      iss: claim('jwt.iss'),
      aud: claim('jwt.aud'),
      jti: claim('jwt.jti'),
      act: claim('jwt.act'),
    }),
  };
}

/**
 * Starts the span of what a reader does with one record, in the record's own trace and with the identity that its headers
 * tell. The reader itself acts as itself: it has no token of that user's.
 */
export function startRecordSpan(name: string, headers: Headers, options: Omit<SpanOptions, 'carrier'>): Span {
  return startSpan(name, {
    kind: SpanKind.CONSUMER,
    ...options,
    carrier: headers,
    attributes: { ...messageAttributes(headers), ...identityOf(headers), ...options.attributes },
  });
}

/**
 * Runs `work` on a batch of records, with a span for each of them that belongs to a trace, in that trace. Of a single
 * record, what the work does belongs to its trace too; of several, to a span of the batch, which is linked with all.
 */
export async function inRecordSpans<T>(
  name: string,
  records: { headers: Headers }[],
  attributes: Attributes,
  work: () => Promise<T>,
): Promise<T> {
  const traced = isTracing() ? records.filter(({ headers }) => headers['traceparent'] !== undefined) : [];
  if (traced.length === 0) return work();
  const batch =
    records.length === 1
      ? undefined
      : startSpan(`${name}, a batch`, { kind: SpanKind.CONSUMER, attributes, carrier: {}, links: traced.flatMap(linkTo) });
  const links = batch ? [{ context: batch.spanContext() }] : [];
  const spans = traced.map(({ headers }) => startRecordSpan(name, headers, { attributes, links }));
  const all = batch ? [batch, ...spans] : spans;
  try {
    return await withSpan(all[0] as Span, work);
  } catch (error) {
    for (const span of all) failSpan(span, error as Error);
    throw error;
  } finally {
    for (const span of all) span.end();
  }
}

function linkTo({ headers }: { headers: Headers }): Link[] {
  const context = trace.getSpanContext(readContext(headers));
  return context ? [{ context }] : [];
}

/** By which a message is found among traces: its record's id, and the client's. */
export function messageAttributes({ id, client }: { id?: string; client?: string }): Attributes {
  return { ...(id === undefined ? {} : { 'message.id': id }), ...(client === undefined ? {} : { 'message.client': client }) };
}

function identityOf(headers: Headers): Attributes {
  const claims = decodeClaims(headers);
  if (!claims) return {};
  const { sub, iss, aud, jti, act } = claims;
  return { 'enduser.id': sub, 'jwt.iss': iss, 'jwt.aud': aud, 'jwt.jti': jti, 'jwt.act': act };
}
