import { decodeClaims, type Headers } from '@starling/contracts/log';
import { describe, expect, it } from 'vitest';
import { inRecordSpans, recordTraceHeaders } from './record-trace.ts';
import { recordSpans } from './test-spans.ts';
import { describeSpan, inSpan, keepSpan, traceHeaders } from './tracing.ts';

const ANN = { 'enduser.id': 'ann', 'jwt.iss': 'web', 'jwt.aud': 'delivery', 'jwt.jti': 'a-token', 'jwt.act': 'web' };
const OF_A_BROWSER = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`, tracestate: 'vendor=whatever' };

function recordOf(number: number): { headers: Headers } {
  const traceparent = `00-${String(number).repeat(32)}-${'b'.repeat(16)}-01`;
  const claims = { sub: 'ann', iss: 'web', aud: 'delivery', jti: `token-${number}`, act: 'web' };
  return { headers: { id: `record-${number}`, client: `client-${number}`, traceparent, ...claims } };
}

describe('a record', () => {
  it('carries the trace and the claims of the span that writes it, and nothing else that came', async () => {
    let headers: Headers = {};
    const [append, request] = await recordSpans(() =>
      inSpan('request', { carrier: OF_A_BROWSER }, async () => {
        describeSpan(() => ({ ...ANN, 'starling.service': 'delivery' }));
        await inSpan('append', {}, async () => {
          headers = recordTraceHeaders();
        });
      }),
    );
    expect(headers).toEqual({
      traceparent: `00-${'a'.repeat(32)}-${append?.span}-01`,
      sub: 'ann',
      iss: 'web',
      aud: 'delivery',
      jti: 'a-token',
      act: 'web',
    });
    expect(decodeClaims(headers)).toBeDefined();
    // A span within another says the same of itself; who did not want a trace to be recorded is not asked.
    for (const span of [append, request]) expect(span).toMatchObject({ trace: 'a'.repeat(32), service: 'delivery', attributes: ANN });
    expect([request?.parent, append?.parent]).toEqual(['b'.repeat(16), request?.span]);
  });

  it('carries nothing when nothing is traced, and no claims that nobody has shown', async () => {
    expect(recordTraceHeaders()).toEqual({});
    let headers: Headers = {};
    await recordSpans(() =>
      inSpan('request', { carrier: OF_A_BROWSER }, async () => {
        headers = recordTraceHeaders();
      }),
    );
    expect(Object.keys(headers)).toEqual(['traceparent']);
  });
});

describe('readers', () => {
  it('trace a single record, and what they do for it, in its own trace', async () => {
    const spans = await recordSpans(() =>
      inRecordSpans('project', [recordOf(1)], { 'starling.service': 'user' }, () => inSpan('within', {}, async () => {})),
    );
    expect(spans.map(({ name, trace, service }) => [name, trace, service])).toEqual([
      ['within', '1'.repeat(32), 'user'],
      ['project', '1'.repeat(32), 'user'],
    ]);
    for (const span of spans) expect(span.attributes).toMatchObject({ ...ANN, 'jwt.jti': 'token-1' });
    expect(spans[1]?.attributes).toMatchObject({ 'message.id': 'record-1', 'message.client': 'client-1' });
  });

  it('trace each of several records in its own trace, and what they do for all of them in one that is linked with each', async () => {
    const untraced = { headers: { id: 'old' } };
    const spans = await recordSpans(() =>
      inRecordSpans('project', [recordOf(1), untraced, recordOf(2)], {}, () => inSpan('within', {}, async () => {})),
    );
    const [within, batch, first, second] = spans;
    expect(spans).toHaveLength(4);
    expect([within?.trace, within?.parent]).toEqual([batch?.trace, batch?.span]);
    expect([first?.trace, second?.trace]).toEqual(['1'.repeat(32), '2'.repeat(32)]);
    expect(batch?.links).toEqual(['1', '2'].map((digit) => ({ trace: digit.repeat(32), span: 'b'.repeat(16) })));
    for (const span of [first, second]) expect(span?.links).toEqual([{ trace: batch?.trace, span: batch?.span }]);
    expect(batch?.attributes['enduser.id']).toBeUndefined();
  });

  it('mark the spans of what failed, and fail', async () => {
    const spans = await recordSpans(() =>
      expect(inRecordSpans('project', [recordOf(1), recordOf(2)], {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no'),
    );
    expect(spans.map(({ error }) => error)).toEqual(['no', 'no', 'no']);
  });

  it('make no spans of records that belong to no trace', async () => {
    const spans = await recordSpans(() => inRecordSpans('project', [{ headers: { id: 'old' } }], {}, async () => {}));
    expect(spans).toEqual([]);
  });
});

describe('work that is called from elsewhere', () => {
  it('goes on in the span in which it was begun', async () => {
    await recordSpans(async () => {
      let here = {};
      const later = await inSpan('begun', {}, async () => {
        here = traceHeaders();
        return keepSpan(traceHeaders);
      });
      expect(traceHeaders()).toEqual({});
      expect(later()).toEqual(here);
    });
  });
});
