import { memoryStore } from '@holdfast/memory';
import { type ConfigStore, StoreError } from '@holdfast/store';
import { createStore, DelegatingDriver } from '@holdfast/store/adapter';

class UnavailableDriver extends DelegatingDriver {
  override scan(): never {
    throw new StoreError('unavailable', 'nothing answers');
  }

  override list(): never {
    throw new StoreError('unavailable', 'nothing answers');
  }
}

/** A store whose server is away. */
export function unavailableStore(): ConfigStore {
  return createStore(new UnavailableDriver(memoryStore()));
}
