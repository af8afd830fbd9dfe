import { isUuid } from '@starling/contracts/schema';

/** Pages have addresses of two forms: `/`, the list alone, and `/c/<id>`, one conversation. */
export type Route = { page: 'list' } | { page: 'conversation'; conversation: string } | { page: 'unknown' };

export function routeOf(path: string): Route {
  if (path === '/') return { page: 'list' };
  const id = /^\/c\/([^/]+)$/.exec(path)?.[1];
  return id !== undefined && isUuid(id) ? { page: 'conversation', conversation: id } : { page: 'unknown' };
}

export function conversationPath(id: string): string {
  return `/c/${id}`;
}
