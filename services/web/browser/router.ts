import { useSyncExternalStore } from 'react';

/** Pages have addresses of two forms: `/`, the list alone, and `/c/<id>`, one conversation. */
export interface Route {
  conversation: string | null;
}

const listeners = new Set<() => void>();
addEventListener('popstate', announce);

export function navigate(path: string, how: 'push' | 'replace' = 'push'): void {
  if (path === location.pathname) return;
  if (how === 'push') history.pushState(null, '', path);
  else history.replaceState(null, '', path);
  announce();
}

export function conversationPath(id: string): string {
  return `/c/${id}`;
}

export function useRoute(): Route {
  const path = useSyncExternalStore(subscribe, () => location.pathname);
  return { conversation: /^\/c\/([0-9a-f-]{36})$/.exec(path)?.[1] ?? null };
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function announce(): void {
  for (const listener of listeners) listener();
}
