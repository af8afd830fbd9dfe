import type { SpanLine } from '../telemetry/index.ts';

/** A span at its place in the picture of a trace. */
export interface WaterfallRow {
  span: SpanLine;
  /** How many spans stand above it. */
  depth: number;
  /** From the first start in the trace, ms. */
  offset: number;
}

/**
 * The spans of one trace, each below its parent, siblings by their start. A span whose parent is not among them (a
 * browser's, or one that was lost) stands at the left; so does one that is its own forebear, which no tracer of ours writes.
 */
export function arrangeSpans(spans: SpanLine[]): WaterfallRow[] {
  const byId = new Map<string, SpanLine>();
  for (const span of spans) if (!byId.has(span.span)) byId.set(span.span, span);
  const ordered = [...byId.values()].sort((a, b) => a.start - b.start);
  const begin = ordered[0]?.start ?? 0;
  const children = Map.groupBy(ordered, (span) => (span.parent !== undefined && byId.has(span.parent) ? span.parent : ''));
  const rows: WaterfallRow[] = [];
  const placed = new Set<string>();

  const place = (root: SpanLine) => {
    const waiting = [{ span: root, depth: 0 }];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { span, depth } = next;
      if (placed.has(span.span)) continue;
      placed.add(span.span);
      rows.push({ span, depth, offset: span.start - begin });
      for (const child of (children.get(span.span) ?? []).toReversed()) waiting.push({ span: child, depth: depth + 1 });
    }
  };
  for (const root of children.get('') ?? []) place(root);
  for (const span of ordered) place(span);
  return rows;
}

/** From the first start to the last end, ms. */
export function spanLength(rows: WaterfallRow[]): number {
  return Math.max(0, ...rows.map(({ offset, span }) => offset + span.duration));
}
