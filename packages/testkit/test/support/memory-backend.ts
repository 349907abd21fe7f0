import { memory, memoryStore } from '@holdfast/memory';
import { openStore } from '@holdfast/store';
import { simulateLink, virtualClock, type ConformanceBackend } from '@holdfast/testkit';

/** The memory store as the conformance suite takes it, impatient: what does not come at once does not come in process. */
export function memoryBackend({ patienceMs = 250 } = {}): ConformanceBackend & { close(): Promise<void> } {
  const clock = virtualClock(Date.now());
  let mend: () => void = () => undefined;
  const data = memoryStore({ clock, identity: 'under-test' });
  return {
    patienceMs,
    // Two pages of the memory store. Each broken store is given all cases, so this and the backlog are the smallest that show all of them.
    scanKeys: 1_100,
    backlogRevisions: 100,
    open: (options) => data.connect(options),
    hooks: {
      putRaw: async (key, value) => void data.injectRaw(key, value),
      deleteRaw: async (key) => void (await data.delete({ start: key, end: Uint8Array.from([...key, 0]) })),
      writeOutside: async (key, value) => void (await (value === undefined ? data.delete(key) : data.put(key, value))),
      disturbed: async (options) => simulateLink(data, { clock, ...options }),
      unreachable: async () => {
        const { store, link } = simulateLink(data, { clock, endpoint: 'nowhere:1' });
        await link.cut();
        return { store, endpoint: 'nowhere:1' };
      },
      disturb: {
        break: () => {
          mend = data.interrupt();
        },
        heal: () => {
          mend();
        },
      },
      openWatches: () => data.watcherCount,
      passTime: (ms) => clock.advance(ms),
      openByUrl: () => openStore('memory:', { adapters: [memory] }),
    },
    close: () => data.close(),
  };
}
