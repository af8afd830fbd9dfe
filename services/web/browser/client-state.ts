import type { Client, State } from '@starling/client';
import type { Profile } from '@starling/contracts/events';
import { createContext, useCallback, useContext, useSyncExternalStore } from 'react';

export const ClientContext = createContext<Client | null>(null);

export function useClient(): Client {
  const client = useContext(ClientContext);
  if (!client) throw new Error('A component that uses the client stands outside of ClientContext.');
  return client;
}

/** What `select` takes from the client's state; it must return the same object while nothing of it has changed. */
export function useClientState<T>(select: (state: State) => T): T {
  const client = useClient();
  const subscribe = useCallback((listener: () => void) => subscribeByFrame(client, listener), [client]);
  return useSyncExternalStore(subscribe, () => select(client.getState()));
}

/** A person's profile, as far as it has come. */
export function useProfile(user: string | undefined): Profile | undefined {
  return useClientState(({ profiles }) => (user === undefined ? undefined : profiles.get(user)));
}

/** Draws a burst of events once a frame instead of once an event. Hidden pages have no frames. */
function subscribeByFrame(client: Client, listener: () => void): () => void {
  let scheduled = false;
  const flush = () => {
    scheduled = false;
    listener();
  };
  return client.subscribe(() => {
    if (scheduled) return;
    scheduled = true;
    if (document.visibilityState === 'visible') requestAnimationFrame(flush);
    else setTimeout(flush);
  });
}
