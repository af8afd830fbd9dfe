import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';

/** The log begins anew at this size, and the one before is kept beside it. */
const MAX_BYTES = 10 * 1024 * 1024;

/**
 * A log file that never grows beyond bounds and never stops the process: a line that cannot be written, on a full disk
 * for one, is dropped.
 */
export function openLogFile(path: string, maxBytes = MAX_BYTES): Writable {
  let file: number | undefined;
  let bytes = 0;

  function write(chunk: Buffer): void {
    try {
      if (file !== undefined && bytes + chunk.length > maxBytes) {
        closeSync(file);
        file = undefined;
        renameSync(path, `${path}.1`);
      }
      if (file === undefined) {
        file = openSync(path, 'a', 0o600);
        bytes = fstatSync(file).size;
      }
      writeSync(file, chunk);
      bytes += chunk.length;
    } catch {
      // There is nowhere else to say it.
    }
  }

  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      write(chunk);
      done();
    },
    final(done) {
      if (file !== undefined) closeSync(file);
      done();
    },
  });
}
