/** Sockets that are asked to leave together. Times are ms from the drain's beginning, or from the hint. */
export interface DrainBatch {
  at: number;
  /** How many of those that are left. */
  sockets: number;
  /** A client leaves at a random moment within that. */
  withinMs: number;
  /** A socket that is still there then is closed. */
  closeAfterMs: number;
}

/** No more are asked a second, unless there is too little time: the other pods must take them in. */
const PER_SECOND = 100;
const BATCH_MS = 250;
/** Parts of the whole time: until the last hint, for a client to leave, and for it to be slow. The rest is for answers under way. */
const HINTS = 0.5;
const LEAVE = 0.2;
const GRACE = 0.1;

/**
 * When to ask how many of a pod's sockets to go elsewhere, so that all are gone within the drain's time, and no sooner
 * together than needed. @param random in [0, 1).
 */
export function planDrain(sockets: number, milliseconds: number, random: () => number): DrainBatch[] {
  const spread = Math.min(milliseconds * HINTS, (sockets / PER_SECOND) * 1000);
  const batches = Math.min(sockets, Math.max(1, Math.ceil(spread / BATCH_MS)));
  const withinMs = Math.floor(milliseconds * LEAVE);
  return Array.from({ length: batches }, (_, index) => ({
    at: ((index + random()) / batches) * spread,
    sockets: share(sockets, batches, index + 1) - share(sockets, batches, index),
    withinMs,
    closeAfterMs: withinMs + Math.floor(milliseconds * GRACE),
  }));
}

/** How many of `total` the first `count` of `parts` equal parts have. */
function share(total: number, parts: number, count: number): number {
  return Math.floor((total * count) / parts);
}
