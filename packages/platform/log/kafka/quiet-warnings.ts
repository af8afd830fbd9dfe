import type { Logger } from '../../telemetry/index.ts';

const REPEAT_AFTER_MS = 30_000;
const REMEMBERED = 200;

export type Warn = (fields: Record<string, unknown>, message: string) => void;

/**
 * Warns of what is tried again, perhaps many times a second while brokers or database are away: the same warning about
 * the same thing (`about`) at most once in 30 s, in between for debugging only.
 */
export function createWarn(logger: Logger): (about: string) => Warn {
  const told = new Map<string, number>();
  return (about) => (fields, message) => {
    const name = `${about} ${message}`;
    const now = performance.now();
    const last = told.get(name);
    if (last !== undefined && now - last < REPEAT_AFTER_MS) return logger.debug(fields, message);
    if (told.size >= REMEMBERED) told.clear();
    told.set(name, now);
    logger.warn(fields, message);
  };
}
