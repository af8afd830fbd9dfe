import type { ClientStorage } from '@starling/client';

/** The browser's storage for this site, shared by its tabs; undefined where the browser allows none. */
export function openPageStorage(): ClientStorage | undefined {
  try {
    // Even to name it throws where storage is blocked.
    const storage = window.localStorage;
    return {
      get: (key) => storage.getItem(key),
      set: (key, value) => storage.setItem(key, value),
      remove: (key) => storage.removeItem(key),
      keys: () => Object.keys(storage),
      onChange: (listener) => addEventListener('storage', listener),
    };
  } catch {
    return undefined;
  }
}
