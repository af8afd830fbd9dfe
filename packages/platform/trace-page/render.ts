import { createHash } from 'node:crypto';
import type { SpanLine } from '../telemetry/index.ts';
import { arrangeSpans, spanLength, type WaterfallRow } from './waterfall.ts';

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --bar: #3b6fd4; --bad: #c22; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem; }
h1 { font-size: 1.2rem; } h2 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
form { margin: 1rem 0; } input { font: inherit; width: 26em; max-width: 100%; } button { font: inherit; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .2rem .7rem .2rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.picture { width: 40%; min-width: 12rem; } svg { width: 100%; height: 1.2rem; display: block; } rect { fill: var(--bar); }
tr.failed rect { fill: var(--bad); } tr.failed .error { color: var(--bad); }
code { font: 12px ui-monospace, monospace; } .tree { opacity: .5; white-space: pre; }
td, th { white-space: nowrap; }
`;

/** No script, nothing from elsewhere, and of styles only the page's own. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const PAGE_HEADERS = { 'content-security-policy': POLICY, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };

/** Deeper ones are drawn as if they stood here. */
const DEEPEST = 20;
const SHORTEST_BAR_PERCENT = 0.4;

/** A whole page; `body` is HTML. */
export function renderPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<h1>${escapeHtml(title)}</h1>
<form action="/traces"><label>Message id, or the id that its client gave it:
<input name="message" required></label> <button>Show</button> <a href="/traces">Latest messages</a></form>
${body}
</html>
`;
}

export function renderParagraph(text: string): string {
  return `<p>${escapeHtml(text)}</p>`;
}

/** The newest messages, as links to their traces. `spans`: of their appends. */
export function renderMessages(spans: SpanLine[]): string {
  const rows = spans.map(({ trace, start, attributes }) => {
    const client = text(attributes['message.client']);
    return `<tr><td>${time(start)}</td><td><a href="/traces?message=${encodeURIComponent(client)}"><code>${escapeHtml(client)}</code></a></td>
<td><code>${escapeHtml(text(attributes['message.id']))}</code></td><td><code>${escapeHtml(text(attributes['enduser.id']))}</code></td>
<td><a href="/traces?trace=${encodeURIComponent(trace)}"><code>${escapeHtml(trace)}</code></a></td></tr>`;
  });
  return `<h2>Latest messages</h2>
<table><thead><tr><th>Appended</th><th>Client's id</th><th>Message id</th><th>Author</th><th>Trace</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`;
}

/** One trace: its spans below one another and when each ran; then by the power of which token each of them did. */
export function renderTrace(trace: string, spans: SpanLine[]): string {
  const rows = arrangeSpans(spans);
  const length = spanLength(rows);
  const begun = Math.min(...spans.map(({ start }) => start));
  return `<h2>Trace <code>${escapeHtml(trace)}</code></h2>
<p>${spans.length} spans in ${milliseconds(length)}, begun ${time(begun)}</p>
<table><thead><tr><th></th><th>Span</th><th>Service</th><th>Starts</th><th>Takes</th><th>When</th></tr></thead>
<tbody>${rows.map((row, index) => renderRow(row, index + 1, length)).join('\n')}</tbody></table>
<h2>Who is behind each</h2>
<table class="identities"><thead><tr><th></th><th>Span</th><th>Service</th><th>User</th><th>Issuer</th><th>Audience</th><th>Token</th>
<th>Came through</th></tr></thead>
<tbody>${rows.map(({ span }, index) => renderIdentity(span, index + 1)).join('\n')}</tbody></table>`;
}

function renderRow({ span, depth, offset }: WaterfallRow, number: number, length: number): string {
  return `<tr${span.error === undefined ? '' : ' class="failed"'}><td class="number">${number}</td><td>${renderName(span, depth)}</td>
<td>${escapeHtml(span.service)}</td><td class="number">${milliseconds(offset)}</td><td class="number">${milliseconds(span.duration)}</td>
<td class="picture">${renderBar(offset, span.duration, length)}</td></tr>`;
}

function renderName(span: SpanLine, depth: number): string {
  const tree = depth === 0 ? '' : `<span class="tree">${'  '.repeat(Math.min(depth, DEEPEST) - 1)}└ </span>`;
  const error = span.error === undefined ? '' : ` <small class="error">${escapeHtml(text(span.error))}</small>`;
  const sockets = span.attributes['starling.sockets'];
  const reached = sockets === undefined ? '' : ` <small>to sockets: ${escapeHtml(text(sockets))}</small>`;
  const links = (span.links ?? []).map(({ trace }) => {
    const id = text(trace);
    return ` <small>with <a href="/traces?trace=${encodeURIComponent(id)}"><code>${escapeHtml(id)}</code></a></small>`;
  });
  return `${tree}${escapeHtml(span.name)}${reached}${error}${links.join('')}`;
}

function renderIdentity({ name, service, attributes }: SpanLine, number: number): string {
  const identity = ['enduser.id', 'jwt.iss', 'jwt.aud', 'jwt.jti', 'jwt.act'].map(
    (attribute) => `<td><code>${escapeHtml(text(attributes[attribute]))}</code></td>`,
  );
  return `<tr><td class="number">${number}</td><td>${escapeHtml(name)}</td><td>${escapeHtml(service)}</td>${identity.join('')}</tr>`;
}

/** Drawn by attributes of an image: the policy lets no element have a style of its own. */
function renderBar(offset: number, duration: number, length: number): string {
  const percent = (value: number) => (length > 0 ? (value / length) * 100 : 0);
  const width = Math.max(SHORTEST_BAR_PERCENT, percent(duration));
  const x = Math.min(percent(offset), 100 - width);
  return `<svg role="img" aria-label="from ${milliseconds(offset)} for ${milliseconds(duration)}"><rect x="${x.toFixed(2)}%" y="25%" width="${width.toFixed(2)}%" height="50%" rx="2"/></svg>`;
}

function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}

function time(value: number): string {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Everything that comes from a span is somebody else's text. */
function escapeHtml(value: string): string {
  return value.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
