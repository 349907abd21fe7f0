import { openStore } from '@holdfast/store';
import { simulateLink, virtualClock } from '@holdfast/testkit';
import { describeConformance } from '@holdfast/testkit/jest';
import { memory, memoryStore } from '@holdfast/memory';

describeConformance('memory', () => {
  const clock = virtualClock(Date.now());
  let mend: () => void = () => undefined;
  const data = memoryStore({ clock });
  return {
    open: (options) => data.connect(options),
    hooks: {
      putRaw: async (key, value) => void data.injectRaw(key, value),
      deleteRaw: async (key) => void (await data.delete({ start: key, end: Uint8Array.from([...key, 0]) })),
      writeOutside: async (key, value) => void (await (value === undefined ? data.delete(key) : data.put(key, value))),
      // In process there is no link to disturb, so one is simulated over a handle.
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
});
