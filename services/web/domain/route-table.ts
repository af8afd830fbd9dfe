/** The services whose routes web shows to the outside. */
export type UpstreamService = 'user' | 'conversation' | 'delivery';

/**
 * Plain segments only. Nothing that one hop could read as another path than the next hop does (dots, escapes, double
 * slashes) is forwarded.
 */
const PATH = /^\/v1(?:\/[A-Za-z0-9_-]+)+$/;
const POSTS = /^\/v1\/conversations\/[^/]+\/messages$/;

/** Which service answers a request; undefined: nobody. `path` is without the query. */
export function serviceOf(method: string, path: string): UpstreamService | undefined {
  if (!PATH.test(path)) return undefined;
  const [, , collection] = path.split('/');
  if (collection === 'users') return 'user';
  if (collection === 'snapshot') return 'conversation';
  if (collection !== 'conversations') return undefined;
  return method === 'POST' && POSTS.test(path) ? 'delivery' : 'conversation';
}
