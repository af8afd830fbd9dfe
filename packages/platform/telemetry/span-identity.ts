import { type Attributes, type Span, trace } from '@opentelemetry/api';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';

/** What every span of a hop says of who is behind it, and where it ran when several services share a process. */
export const SERVICE_ATTRIBUTE = 'starling.service';
const INHERITED = ['enduser.id', 'jwt.iss', 'jwt.aud', 'jwt.jti', 'jwt.act', SERVICE_ATTRIBUTE] as const;

/**
 * A span within another of the same process has that one's identity and service, as far as it was not given its own: what
 * runs within a call runs by the power of that call's tokens.
 */
export const inheritIdentity: SpanProcessor = {
  onStart(span, parentContext) {
    const parent = attributesOf(trace.getSpan(parentContext));
    if (!parent) return;
    for (const name of INHERITED) {
      const value = parent[name];
      if (value !== undefined && span.attributes[name] === undefined) span.setAttribute(name, value);
    }
  },
  onEnd() {},
  async forceFlush() {},
  async shutdown() {},
};

/** What a recorded span says so far; undefined for one of another process, or that records nothing. */
export function attributesOf(span: Span | undefined): Attributes | undefined {
  return (span as { attributes?: Attributes } | undefined)?.attributes;
}
