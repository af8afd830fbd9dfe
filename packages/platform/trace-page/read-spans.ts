import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SpanLine } from '../telemetry/index.ts';

/** Files of spans in a folder: `traces.jsonl` of one process, `traces-<name>.jsonl` of several, and the one before each. */
const FILE = /^traces(-[\w.-]+)?\.jsonl(\.1)?$/;
const CHUNK_BYTES = 1024 * 1024;
/** Longer lines are none of ours. */
const LINE_BYTES = 256 * 1024;

/**
 * The spans of all files of a folder whose lines hold `text`, at most `limit` of them. Lines that are no spans are passed
 * over: the last of a file may be torn, and anything may have been done to a file.
 */
export async function findSpans(folder: string, text: string, limit: number): Promise<SpanLine[]> {
  const found: SpanLine[] = [];
  for (const file of await listFiles(folder)) {
    await withFile(file, (handle) => scan(handle, 0, Buffer.from(text), found, limit));
    if (found.length >= limit) break;
  }
  return found;
}

/** The spans that hold `text` in the last `bytes` of each file of a folder. */
export async function findLatestSpans(folder: string, text: string, bytes: number): Promise<SpanLine[]> {
  const found: SpanLine[] = [];
  for (const file of await listFiles(folder)) {
    await withFile(file, async (handle) => {
      const { size } = await handle.stat();
      await scan(handle, Math.max(0, size - bytes), Buffer.from(text), found, Number.POSITIVE_INFINITY);
    });
  }
  return found;
}

async function listFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => FILE.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** A file may be renamed or gone by now: then there is nothing in it. */
async function withFile(file: string, work: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(file).catch(() => undefined);
  try {
    if (handle) await work(handle);
  } finally {
    await handle?.close();
  }
}

/** Looks for the text in large pieces, and reads a line only where it is: the files are tens of megabytes. */
async function scan(handle: FileHandle, from: number, text: Buffer, found: SpanLine[], limit: number): Promise<void> {
  let rest = Buffer.alloc(0);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  for (let position = from; found.length < limit; ) {
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    const held = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    const end = held.lastIndexOf('\n') + 1;
    takeLines(held.subarray(0, end), text, found, limit);
    const torn = held.subarray(end);
    rest = torn.length > LINE_BYTES ? Buffer.alloc(0) : Buffer.from(torn);
  }
}

function takeLines(lines: Buffer, text: Buffer, found: SpanLine[], limit: number): void {
  for (let hit = lines.indexOf(text); hit !== -1 && found.length < limit; ) {
    const end = lines.indexOf('\n', hit);
    const span = readSpan(lines.subarray(lines.lastIndexOf('\n', hit) + 1, end).toString());
    if (span) found.push(span);
    hit = lines.indexOf(text, end + 1);
  }
}

function readSpan(line: string): SpanLine | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return isSpan(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isSpan(value: unknown): value is SpanLine {
  if (!isObject(value) || !isObject(value['attributes'])) return false;
  const { trace, span, name, service, start, duration, links = [] } = value;
  if ([trace, span, name, service].some((text) => typeof text !== 'string')) return false;
  return Number.isFinite(start) && Number.isFinite(duration) && Array.isArray(links) && links.every(isObject);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
