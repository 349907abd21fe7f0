import type { Capabilities, ConfigStore } from '@holdfast/store';
import { createStore, DelegatingDriver } from '@holdfast/store/adapter';

/** The store with the capabilities of another one: what that lacks is refused here too. */
export function restricted(store: ConfigStore, capabilities: Capabilities): ConfigStore {
  const declared = new Proxy(store, {
    get: (target, name) => {
      if (name === 'capabilities') return capabilities;
      const own: unknown = Reflect.get(target, name, target);
      return typeof own === 'function' ? (own.bind(target) as unknown) : own;
    },
  });
  return createStore(new DelegatingDriver(declared));
}
