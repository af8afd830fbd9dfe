import { hasDead, type LivePods, livePods } from './live-pods.ts';

/** So much above the mean a pod may hold. */
const MARGIN = 1.1;
/** The fullest may hold so much more than the emptiest. */
const SPREAD = 1.25;
/** Differences below that are not worth anybody's reconnecting. */
const FEW = 10;
/** So new a pod is not reached by everybody yet, ms. */
const YOUNG_MS = 5_000;
/** Sockets a second that leave: a part of the excess, at least one, and at most so many or so large a part of all. */
const PART = 0.25;
const MOST = 15;
const MOST_PART = 0.02;

/**
 * How many sockets a pod should ask to connect anew within the next second, so that the pods come to hold about the same.
 * The fullest give away until they are near the mean, slower the nearer they are; where a socket goes is the load
 * balancer's random choice, which may be this pod again. Nothing is asked for while pods come, go or drain, and where the
 * difference is small.
 *
 * @param own `leaving`: sockets that were asked to leave and have not yet; they are among the `connections`.
 */
export function countToShed(pods: LivePods, own: { pod: string; connections: number; leaving: number }): number {
  const live = livePods(pods);
  const others = live.filter(({ pod }) => pod !== own.pod);
  if (others.length === 0 || others.length === live.length) return 0;
  if (hasDead(pods) || live.some(({ load, age }) => load.draining || age < YOUNG_MS)) return 0;
  const counts = others.map(({ load }) => load.connections);
  const mean = (own.connections + counts.reduce((sum, count) => sum + count, 0)) / live.length;
  // Those that are leaving arrive evenly everywhere.
  const arriving = own.leaving / live.length;
  const held = own.connections - own.leaving + arriving;
  const least = Math.min(...counts) + arriving;
  if (held - least < FEW) return 0;
  const isFullest = held >= Math.max(...counts) + arriving;
  const excess = Math.max(held - mean * MARGIN, isFullest ? held - least * SPREAD : 0);
  if (excess <= 0) return 0;
  const most = Math.max(MOST, Math.ceil(own.connections * MOST_PART));
  return Math.min(most, Math.ceil(excess * PART));
}
