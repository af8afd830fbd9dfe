/**
 * Where a record stands. A position is `epoch · 2^43 + offset`: with an epoch below 1024 it is always a safe integer
 * in JavaScript, a plain number in JSON and an `int8` in PostgreSQL. A message's public identity is
 * (conversation, position).
 */
export type Position = number;

const OFFSETS_PER_EPOCH = 2 ** 43;
const EPOCHS = 1024;

/** The position of `offset` in `epoch`. Throws a RangeError outside of 0 ≤ epoch < 1024 and 0 ≤ offset < 2^43. */
export function positionOf(epoch: number, offset: number): Position {
  if (!Number.isInteger(epoch) || epoch < 0 || epoch >= EPOCHS) throw new RangeError(`epoch ${epoch} is not in [0, ${EPOCHS})`);
  if (!Number.isInteger(offset) || offset < 0 || offset >= OFFSETS_PER_EPOCH) throw new RangeError(`offset ${offset} is not in [0, 2^43)`);
  return epoch * OFFSETS_PER_EPOCH + offset;
}

/** The epoch of a position. */
export function epochOf(position: Position): number {
  return Math.floor(position / OFFSETS_PER_EPOCH);
}

/** The offset of a position within its epoch. */
export function offsetOf(position: Position): number {
  return position % OFFSETS_PER_EPOCH;
}

/** Reads a position from text or from an `int8` that arrived as text. Throws a RangeError if it is none. */
export function parsePosition(value: string | number): Position {
  const position = typeof value === 'number' ? value : /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(position) || position < 0) throw new RangeError('not a position');
  return position;
}
