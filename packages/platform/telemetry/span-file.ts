import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type HrTime, SpanStatusCode } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { SERVICE_ATTRIBUTE } from './span-identity.ts';

/** One line of a file of spans, as JSON. */
export interface SpanLine {
  trace: string;
  span: string;
  parent?: string;
  name: string;
  service: string;
  /** Ms since 1970, with fractions. */
  start: number;
  /** Ms. */
  duration: number;
  attributes: Record<string, unknown>;
  links?: { trace: string; span: string }[];
  /** Of a span whose work failed. */
  error?: string;
}

const ERROR_CHARACTERS = 256;
const FILE_BYTES = 64 * 1024 * 1024;
/** The file before this one; there is one at most. */
const OLDER = '.1';

/**
 * Writes spans into a file, made with its folder, one JSON object a line, readable for its owner alone. A file that would grow past `maxBytes`
 * becomes `<file>.1` in place of the one before, and a new one begins. Lines are appended whole: a process that dies may
 * leave its last line torn, never another. What cannot be written is lost; nobody waits for it.
 */
export function createSpanFile(options: { file: string; maxBytes?: number }): SpanExporter {
  const { file, maxBytes = FILE_BYTES } = options;
  let opened: { handle: FileHandle; bytes: number } | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function append(text: string): Promise<void> {
    const bytes = Buffer.byteLength(text);
    opened ??= await openFile(file);
    if (opened.bytes > 0 && opened.bytes + bytes > maxBytes) {
      await close();
      await rename(file, `${file}${OLDER}`);
      opened = await openFile(file);
    }
    await opened.handle.appendFile(text);
    opened.bytes += bytes;
  }

  async function close(): Promise<void> {
    const closing = opened;
    opened = undefined;
    await closing?.handle.close();
  }

  return {
    export(spans, report) {
      writing = writing
        .then(() => append(spans.map((span) => `${JSON.stringify(toLine(span))}\n`).join('')))
        .then(
          () => report({ code: ExportResultCode.SUCCESS }),
          async (error: Error) => {
            // How much of it was written is not known: the file is looked at anew.
            await close().catch(() => {});
            report({ code: ExportResultCode.FAILED, error });
          },
        );
    },
    async forceFlush() {
      await writing;
    },
    async shutdown() {
      await writing;
      await close();
    },
  };
}

async function openFile(file: string): Promise<{ handle: FileHandle; bytes: number }> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, 'a+', 0o600);
  try {
    let { size } = await handle.stat();
    if (size > 0) {
      const { buffer } = await handle.read({ buffer: Buffer.alloc(1), position: size - 1 });
      if (buffer[0] !== 0x0a) {
        // A line that was torn when the process died must not take the next one with it.
        await handle.appendFile('\n');
        size++;
      }
    }
    return { handle, bytes: size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function toLine(span: ReadableSpan): SpanLine {
  const { traceId, spanId } = span.spanContext();
  const { [SERVICE_ATTRIBUTE]: service, ...attributes } = span.attributes;
  return {
    trace: traceId,
    span: spanId,
    ...(span.parentSpanContext ? { parent: span.parentSpanContext.spanId } : {}),
    name: span.name,
    service: String(service ?? span.resource.attributes['service.name']),
    start: toMilliseconds(span.startTime),
    duration: toMilliseconds(span.duration),
    attributes,
    ...(span.links.length === 0 ? {} : { links: span.links.map(({ context }) => ({ trace: context.traceId, span: context.spanId })) }),
    ...(span.status.code === SpanStatusCode.ERROR ? { error: span.status.message?.slice(0, ERROR_CHARACTERS) ?? 'failed' } : {}),
  };
}

function toMilliseconds([seconds, nanoseconds]: HrTime): number {
  return seconds * 1000 + Math.round(nanoseconds / 1000) / 1000;
}
