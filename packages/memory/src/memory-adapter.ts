import { type StoreAdapter, StoreError } from '@holdfast/store';
import { memoryStore } from './memory-store.js';

/** Opens `memory:` URLs with `openStore`: a new, empty store each time. */
export const memory: StoreAdapter = {
  scheme: 'memory',
  open: (url) => {
    if (url.endpoints.length > 0) {
      throw new StoreError(
        'invalid-argument',
        `a memory: URL names no host; write memory: instead of memory://${url.endpoints.join(',')}`,
      );
    }
    const [param] = url.params.keys();
    if (param !== undefined) {
      throw new StoreError(
        'invalid-argument',
        `a memory: URL has no parameters, and this one has "${param}"; use memoryStore() for options`,
      );
    }
    return memoryStore();
  },
};
