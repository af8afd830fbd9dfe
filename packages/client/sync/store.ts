import { INITIAL_STATE, type State } from './state.ts';

/**
 * Holds the state. Listeners are told after the present task's changes are complete, once however many there were,
 * so that nobody sees a message both as sent and as pending.
 */
export class Store {
  #state: State = INITIAL_STATE;
  #listeners = new Set<() => void>();
  #scheduled = false;

  readonly getState = (): State => this.#state;

  /** Returns the function that ends the subscription. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  update(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}

/** A copy of `map` with the value of one key replaced; `undefined` removes it. */
export function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V | undefined): ReadonlyMap<K, V> {
  const copy = new Map(map);
  if (value === undefined) copy.delete(key);
  else copy.set(key, value);
  return copy;
}
