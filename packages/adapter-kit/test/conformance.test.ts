import { createStore, strictDriver } from '@holdfast/adapter-kit';
import { simulateLink, virtualClock } from '@holdfast/testkit';
import { describeSampledConformance } from '../../../.ci/test/support/sampled-conformance.js';
import { Notebook, NotebookDriver } from './support/notebook-driver.js';

// An adapter that is built on the kit, with nothing of its own but a map: what the suite shows of it, it shows of the kit.
describeSampledConformance('notebook', () => {
  const clock = virtualClock(Date.now());
  const notebook = new Notebook(clock);
  const open = (options = {}) => createStore(strictDriver(new NotebookDriver(notebook, clock)), { clock, ...options });
  const data = open();
  return {
    scanKeys: 1_100,
    open,
    hooks: {
      disturbed: async (options) => simulateLink(data, { clock, ...options }),
      unreachable: async () => {
        const { store, link } = simulateLink(data, { clock, endpoint: 'nowhere:1' });
        await link.cut();
        return { store, endpoint: 'nowhere:1' };
      },
      writeOutside: async (key, value) => {
        await notebook.write((draft) => {
          if (value === undefined) draft.deleteAll([key]);
          else draft.put(key, value, undefined);
        });
      },
      passTime: (ms) => clock.advance(ms),
    },
    close: async () => {
      await data.close();
      notebook.close();
    },
  };
});
