import { readFile } from 'node:fs/promises';
import type { Logger } from '../telemetry/index.ts';

const POLL_MS = 5_000;

/** Files that belong together, looked at for as long as they are followed. */
export interface FollowedFiles {
  /** Looks now; resolves when what was found has been taken, or refused. */
  look(): Promise<void>;
  close(): void;
}

/**
 * Reads files, and again whenever the text of one is another. What cannot be read or taken later is logged with
 * `complaint`, once, and what was taken before stays. By looking rather than by notices of the file system, which do not
 * come from mounted volumes.
 *
 * @param options.pollMs how often it is looked; every 5 s unless given.
 * @param take gets the texts, in the order of the files; it throws for those that are to be refused.
 */
export async function followFiles(
  {
    files,
    logger,
    complaint,
    pollMs = POLL_MS,
  }: { files: readonly string[]; logger: Logger; complaint: string; pollMs?: number | undefined },
  take: (texts: string[]) => Promise<void> | void,
): Promise<FollowedFiles> {
  let seen: string[] = [];
  let complained: string | undefined;
  async function read(): Promise<void> {
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    if (seen.length > 0 && texts.every((text, index) => text === seen[index])) return;
    await take(texts);
    seen = texts;
  }
  async function readOrComplain(): Promise<void> {
    try {
      await read();
      complained = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (message !== complained) logger.error({ reason: message }, complaint);
      complained = message;
    }
  }
  await read();
  // One after the other, so that an older text does not come after a newer one.
  let reading = Promise.resolve();
  const look = (): Promise<void> => {
    reading = reading.then(readOrComplain);
    return reading;
  };
  const timer = setInterval(() => void look(), pollMs);
  timer.unref();
  return { look, close: () => clearInterval(timer) };
}
