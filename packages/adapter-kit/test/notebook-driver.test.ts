import { expect, test } from '@jest/globals';
import type { Clock, ConfigStore } from '@holdfast/store';
import { createStore } from '@holdfast/adapter-kit';
import { Notebook, NotebookDriver } from './support/notebook-driver.js';

// What authors copy: a transaction takes several turns, and a lease may end in each of them.

interface Ending {
  readonly store: ConfigStore;
  readonly lease: string;
  /** Lets the lease expire at once. */
  readonly expire: () => void;
}

/** Puts keys, with and without a lease, and ends the lease so many turns later. Gives what is left, and what a watch told. */
async function eventsWhile(turns: number, end: (ending: Ending) => unknown) {
  let now = 1_000;
  const clock: Clock = { now: () => now, setTimeout: () => 0, clearTimeout: () => undefined };
  const notebook = new Notebook(clock);
  const store = createStore(new NotebookDriver(notebook));
  const { id: lease } = await store.leases.grant(60);
  await store.put('/leased', '1', { lease });
  const { bookmark } = await store.list({ prefix: '' });
  const watch = store.watch({ prefix: '' }, { after: bookmark });
  const plain = store.put('/plain', '1');
  const late = store.put('/late', '1', { lease }).then(
    () => true,
    () => false,
  );
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  await end({
    store,
    lease,
    expire: () => {
      now += 61_000;
      notebook.leases.expire();
    },
  });
  await plain;
  const expected = (await late) ? 4 : 2;
  const { items } = await store.list({ prefix: '' });
  const told: string[] = [];
  for await (const { events } of watch) {
    for (const event of events) {
      if (event.type === 'put') {
        expect(event.current.modRevision).toBe(event.revision);
        told.push(`put ${event.current.key}`);
      } else if (event.type === 'delete') told.push(`delete ${event.key}`);
    }
    if (told.length >= expected) break;
  }
  await store.close();
  notebook.close();
  return { keys: items.map(({ key }) => key), told };
}

const endings: [string, (ending: Ending) => unknown][] = [
  ['is revoked', ({ store, lease }) => store.leases.revoke(lease)],
  ['expires', ({ expire }) => void expire()],
];

test.each(endings)(
  'a lease that %s while a transaction runs takes its keys, at a revision of its own',
  async (_, end) => {
    for (let turns = 0; turns < 40; turns++) {
      const { keys, told } = await eventsWhile(turns, end);
      expect(keys).toEqual(['/plain']);
      expect(told).toContain('delete /leased');
      expect(told.includes('delete /late')).toBe(told.includes('put /late'));
    }
  },
);
