import { fenced, openStore, type ConfigStore } from '@holdfast/store';
import { memory, memoryStore } from '@holdfast/memory';
import { simulateLink, virtualClock } from '@holdfast/testkit';
import { describeSampledConformance } from '../../../.ci/test/support/sampled-conformance.js';

// With the fence down, a fenced view is a store like any other.
describeSampledConformance('memory-fenced', () => {
  const clock = virtualClock(Date.now());
  const data = memoryStore({ clock });
  const view = (store: ConfigStore) => fenced(store, { key: 'the-fence', owned: true });
  return {
    scanKeys: 1_100,
    backlogRevisions: 100,
    open: (options) => view(data.connect(options)),
    hooks: {
      putRaw: async (key, value) => void data.injectRaw(key, value),
      deleteRaw: async (key) => void (await data.delete({ start: key, end: Uint8Array.from([...key, 0]) })),
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
      openByUrl: () => openStore('memory:', { adapters: [memory] }),
    },
    close: () => data.close(),
  };
});
