import type { Readable } from 'node:stream';

/** The lines of a stream, without their ends. Throws on a line of more bytes than that. */
export async function* readLines(body: Readable, maxLineBytes: number): AsyncGenerator<string> {
  // A character may be cut by the end of a chunk; a line end is never part of one.
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end));
      const line = Buffer.concat(parts).toString('utf8');
      parts = [];
      size = 0;
      from = end + 1;
      if (line !== '') yield line;
    }
    if (from === chunk.length) continue;
    size += chunk.length - from;
    if (size > maxLineBytes) throw new Error(`a line is longer than ${maxLineBytes} bytes`);
    parts.push(chunk.subarray(from));
  }
}
