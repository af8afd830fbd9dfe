import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SpanLine } from '../telemetry/index.ts';
import { arrangeSpans, spanLength } from './waterfall.ts';

function span(id: string, parent: string | undefined, start: number, duration = 1): SpanLine {
  return { trace: 't', span: id, ...(parent === undefined ? {} : { parent }), name: id, service: 's', start, duration, attributes: {} };
}

const placed = (spans: SpanLine[]) =>
  arrangeSpans(spans).map(({ span: { name }, depth, offset }) => `${' '.repeat(depth)}${name}@${offset}`);

describe('the waterfall', () => {
  it('puts each span below its parent, and siblings in the order of their start', () => {
    const spans = [
      span('ack', 'post', 109),
      span('append', 'post', 102),
      span('post', 'gone', 101),
      span('deliver', 'append', 104),
      span('web', undefined, 100, 20),
    ];
    expect(placed(spans)).toEqual(['web@0', 'post@1', ' append@2', '  deliver@4', ' ack@9']);
    expect(spanLength(arrangeSpans(spans))).toBe(20);
  });

  it('shows every span once, whatever its parent is', () => {
    const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    fc.assert(
      fc.property(fc.array(fc.tuple(ids, fc.option(ids, { nil: undefined }), fc.nat(9)), { maxLength: 12 }), (given) => {
        const spans = given.map(([id, parent, start]) => span(id, parent, start));
        const shown = arrangeSpans(spans).map((row) => row.span.span);
        expect(shown.toSorted()).toEqual([...new Set(spans.map((each) => each.span))].sort());
      }),
    );
    expect(spanLength([])).toBe(0);
  });
});
