import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpanKind } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSpanFile } from './span-file.ts';
import { readSpanFile } from './test-spans.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'starling-spans-'));
  file = join(directory, 'traces.jsonl');
});
afterEach(() => rm(directory, { recursive: true }));

function makeSpan(name: string, attributes: Record<string, string> = {}): ReadableSpan {
  const memory = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: memory })] });
  provider.getTracer('test').startSpan(name, { kind: SpanKind.SERVER, attributes }).end();
  return memory.getFinishedSpans()[0] as ReadableSpan;
}

function write(exporter: SpanExporter, ...spans: ReadableSpan[]): Promise<ExportResult> {
  return new Promise((resolve) => exporter.export(spans, resolve));
}

describe('a file of spans', () => {
  it('has a line for each, and is readable for its owner alone', async () => {
    const exporter = createSpanFile({ file });
    const span = makeSpan('one\nline', { 'starling.service': 'delivery', 'enduser.id': 'ann' });
    expect((await write(exporter, span, makeSpan('two'))).code).toBe(ExportResultCode.SUCCESS);
    await exporter.shutdown();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const [first, second] = readSpanFile(await readFile(file, 'utf8'));
    expect(first).toMatchObject({
      trace: span.spanContext().traceId,
      name: 'one\nline',
      service: 'delivery',
      attributes: { 'enduser.id': 'ann' },
    });
    expect(first?.start).toBeCloseTo(span.startTime[0] * 1000 + span.startTime[1] / 1e6, 2);
    expect(second).toMatchObject({ name: 'two', service: expect.stringContaining('unknown_service') });
  });

  it('is bounded: it begins anew, and keeps one before it', async () => {
    const exporter = createSpanFile({ file, maxBytes: 1_000 });
    for (let number = 0; number < 20; number++) await write(exporter, makeSpan(`span ${number}`));
    await exporter.shutdown();
    const names: string[] = [];
    for (const name of [`${file}.1`, file]) {
      const text = await readFile(name, 'utf8');
      expect(text.length).toBeLessThanOrEqual(1_000);
      names.push(...readSpanFile(text).map((span) => span.name));
    }
    expect(names.length).toBeGreaterThan(2);
    expect(names).toEqual(Array.from({ length: names.length }, (_, index) => `span ${20 - names.length + index}`));
  });

  it('goes on behind a line that was torn when the process died', async () => {
    await appendFile(file, '{"trace":"to');
    const exporter = createSpanFile({ file });
    await write(exporter, makeSpan('whole'));
    await exporter.shutdown();
    const lines = (await readFile(file, 'utf8')).split('\n');
    expect(lines[0]).toBe('{"trace":"to');
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ name: 'whole' });
  });

  it('loses what cannot be written, and goes on when it can', async () => {
    const folder = join(directory, 'folder');
    await writeFile(folder, 'a file where the folder should be');
    const nowhere = join(folder, 'traces.jsonl');
    const failing = createSpanFile({ file: nowhere });
    expect((await write(failing, makeSpan('lost'))).code).toBe(ExportResultCode.FAILED);
    await rm(folder);
    expect((await write(failing, makeSpan('kept'))).code).toBe(ExportResultCode.SUCCESS);
    await failing.shutdown();
    expect(readSpanFile(await readFile(nowhere, 'utf8')).map((span) => span.name)).toEqual(['kept']);
  });
});
