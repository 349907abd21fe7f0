import type { Clock, ConfigStore } from '@holdfast/store';

/** What all mirrors of a store share that go by one clock. */
export type PerStore<T> = (store: ConfigStore, clock: Clock) => T;

/** Made for the first of them. */
export function perStore<T>(make: (clock: Clock) => T): PerStore<T> {
  const shared = new WeakMap<ConfigStore, WeakMap<Clock, T>>();
  return (store, clock) => {
    const byClock = shared.get(store) ?? new WeakMap<Clock, T>();
    const one = byClock.get(clock) ?? make(clock);
    shared.set(store, byClock.set(clock, one));
    return one;
  };
}
