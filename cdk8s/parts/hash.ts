import { createHash } from 'node:crypto';

/** As in the names of Jobs: a change of anything within gives another name. */
const NAME_DIGITS = 10;

/** Of a value as JSON; the order of fields counts, and is fixed wherever manifests are rendered. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

export function shortHashOf(value: unknown): string {
  return hashOf(value).slice(0, NAME_DIGITS);
}
