import type { AdapterOpenOptions, ConfigurableAdapter } from '@holdfast/store';
import { invalidArgument, urlParams } from '@holdfast/store/adapter';
import { memoryStore, type MemoryStoreOptions } from './memory-store.js';

/** Opens `memory:` URLs with `openStore`: a new, empty store each time. `memory.with({ … })` takes the options of {@link memoryStore}. */
export const memory: ConfigurableAdapter<MemoryStoreOptions> = memoryAdapter({});

function memoryAdapter(own: MemoryStoreOptions): ConfigurableAdapter<MemoryStoreOptions> {
  return {
    scheme: 'memory',
    open: (url, { logger, timeoutMs }: AdapterOpenOptions) => {
      if (url.endpoints.length > 0) {
        throw invalidArgument(
          `a memory: URL names no host; write memory: instead of memory://${url.endpoints.join(',')}`,
        );
      }
      urlParams(url, [], 'memory.with() takes all options');
      return memoryStore({
        ...(logger !== undefined && { logger }),
        ...(timeoutMs !== undefined && { timeoutMs }),
        ...own,
      });
    },
    with: (options) => {
      // Checks them now, where a mistake is made, and not when a URL is opened.
      memoryStore(options);
      return memoryAdapter({ ...own, ...options });
    },
  };
}
