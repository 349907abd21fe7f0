import { openStore, withPrefix, type ConfigStore } from '@holdfast/store';
import { memory, memoryStore } from '@holdfast/memory';
import { simulateLink, virtualClock } from '@holdfast/testkit';
import { describeSampledConformance } from '../../../.ci/test/support/sampled-conformance.js';

// A view is a store like any other: the whole suite holds for it, but what concerns the store as a whole.
describeSampledConformance('memory-prefixed', () => {
  const clock = virtualClock(Date.now());
  const data = memoryStore({ clock });
  const prefix = '/app';
  const view = (store: ConfigStore) => withPrefix(store, prefix, { owned: true });
  return {
    scanKeys: 1_100,
    backlogRevisions: 100,
    open: (options) => view(data.connect(options)),
    hooks: {
      putRaw: async (key, value) => void data.injectRaw(Buffer.concat([Buffer.from(prefix), key]), value),
      deleteRaw: async (key) => {
        const start = Buffer.concat([Buffer.from(prefix), key]);
        await data.delete({ start, end: Buffer.concat([start, Uint8Array.of(0)]) });
      },
      disturbed: async (options) => {
        const { store, link } = simulateLink(data, { clock, ...options });
        return { store: view(store), link };
      },
      unreachable: async () => {
        const { store, link } = simulateLink(data, { clock, endpoint: 'nowhere:1' });
        await link.cut();
        return { store: view(store), endpoint: 'nowhere:1' };
      },
      passTime: (ms) => clock.advance(ms),
      openByUrl: () => openStore('memory:///app', { adapters: [memory] }),
    },
    close: () => data.close(),
  };
});
