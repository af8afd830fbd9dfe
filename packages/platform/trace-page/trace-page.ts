import type { SideAnswer, SideRoute } from '../metrics/index.ts';
import type { SpanLine } from '../telemetry/index.ts';
import { findLatestSpans, findSpans } from './read-spans.ts';
import { PAGE_HEADERS, renderMessages, renderPage, renderParagraph, renderTrace } from './render.ts';

const TRACE_ID = /^[0-9a-f]{32}$/;
const MESSAGE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** A client that sends a message again begins another trace. */
const TRACES_OF_MESSAGE = 10;
const SPANS_OF_TRACE = 2_000;
const LATEST_BYTES = 4 * 1024 * 1024;
const LATEST_MESSAGES = 100;

/**
 * `/traces` of the side port: the newest messages; with `?message=` (its id, or its client's) or `?trace=`, the way of one
 * through the services. `folder`: where this process and its neighbours write their spans; undefined: they do not.
 */
export function tracePage(folder: string | undefined): SideRoute {
  return async (query) => {
    if (folder === undefined) return page(200, renderParagraph('No traces are written. Start Starling with --trace to write them.'));
    const [trace, message] = [query.get('trace'), query.get('message')?.trim()];
    if (trace !== null) return TRACE_ID.test(trace) ? showTraces(folder, [trace]) : page(400, renderParagraph('This is no id of a trace.'));
    if (message === undefined) return showLatest(folder);
    if (!MESSAGE_ID.test(message)) return page(400, renderParagraph('This is no id of a message: it is a UUID, in lower case.'));
    const spans = await findSpans(folder, message, SPANS_OF_TRACE);
    const traces = new Set(spans.filter((span) => isAbout(span, message)).map((span) => span.trace));
    return showTraces(folder, [...traces].slice(0, TRACES_OF_MESSAGE));
  };
}

async function showTraces(folder: string, traces: string[]): Promise<SideAnswer> {
  const parts: string[] = [];
  for (const trace of traces) {
    const spans = (await findSpans(folder, trace, SPANS_OF_TRACE)).filter((span) => span.trace === trace);
    if (spans.length > 0) parts.push(renderTrace(trace, spans));
  }
  return parts.length > 0
    ? page(200, parts.join('\n'))
    : page(404, renderParagraph('No trace of it is here (yet): lines take up to a second.'));
}

async function showLatest(folder: string): Promise<SideAnswer> {
  const spans = await findLatestSpans(folder, '"name":"append"', LATEST_BYTES);
  const newest = spans
    .filter((span) => span.attributes['message.client'] !== undefined)
    .sort((a, b) => b.start - a.start)
    .slice(0, LATEST_MESSAGES);
  return page(200, newest.length > 0 ? renderMessages(newest) : renderParagraph('No message has been traced yet.'));
}

function isAbout({ attributes }: SpanLine, message: string): boolean {
  return attributes['message.id'] === message || attributes['message.client'] === message;
}

function page(status: number, body: string): SideAnswer {
  return { status, contentType: 'text/html; charset=utf-8', text: renderPage('Traces', body), headers: PAGE_HEADERS };
}
