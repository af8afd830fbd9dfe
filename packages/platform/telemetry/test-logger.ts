import { Writable } from 'node:stream';
import { createLogger, type Logger } from './logger.ts';

/** A logger and the lines that it wrote, as text and parsed. */
export function createTestLogger(level = 'info'): { logger: Logger; text(): string; entries(): Record<string, unknown>[] } {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return {
    logger: createLogger({ service: 'test', level, destination }),
    text: () => lines.join(''),
    entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
