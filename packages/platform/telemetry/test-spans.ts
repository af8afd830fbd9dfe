import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpanLine } from './span-file.ts';
import { startTracing } from './tracing.ts';

/** Runs `work` while this process traces into a file, and gives the spans that it wrote. */
export async function recordSpans(work: () => Promise<void>): Promise<SpanLine[]> {
  const directory = await mkdtemp(join(tmpdir(), 'starling-spans-'));
  const file = join(directory, 'traces.jsonl');
  const stop = startTracing({ service: 'test', file });
  try {
    await work().finally(stop);
    return readSpanFile(await readFile(file, 'utf8').catch(() => ''));
  } finally {
    await rm(directory, { recursive: true });
  }
}

export function readSpanFile(text: string): SpanLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SpanLine);
}
