import type { WatchEvent } from '@holdfast/store';
import { change, changeBatches } from './change.js';
import type { Mutant } from './mutant.js';

export const watchEventMutants: readonly Mutant[] = [
  {
    id: 'C10.every-put-creates',
    title: 'every put event says that the key is new',
    caughtBy: ['C10.put-events'],
    apply: (store) =>
      changeBatches(store, () => (batch) => [
        {
          ...batch,
          events: batch.events.map((event): WatchEvent =>
            event.type === 'put' ? { ...event, isCreate: true } : event,
          ),
        },
      ]),
  },
  {
    id: 'C10.previous-missing',
    title: 'events carry no previous entry',
    caughtBy: ['C10.previous-values'],
    apply: (store) =>
      change(store, {
        watch: (range, options) =>
          store.watch(range, options?.previous === true ? { ...options, previous: false } : options),
      }),
  },
  {
    id: 'C10.only-ignored',
    title: '"only" is ignored',
    caughtBy: ['C10.only-deletes', 'C10.only-puts'],
    apply: (store) =>
      change(store, {
        watch: (range, options) =>
          store.watch(
            range,
            options?.only === 'put' || options?.only === 'delete' ? { ...options, only: undefined } : options,
          ),
      }),
  },
  {
    id: 'C10.events-without-leases',
    title: 'events do not tell the lease of an entry',
    caughtBy: ['C10.events-carry-leases'],
    apply: (store) =>
      changeBatches(store, () => (batch) => [
        {
          ...batch,
          events: batch.events.map((event): WatchEvent => {
            if (event.type !== 'put') return event;
            const { lease: _, ...current } = event.current;
            return { ...event, current };
          }),
        },
      ]),
  },
  {
    id: 'C10.large-events-lost',
    title: 'a watch keeps silent about values of more than half a megabyte',
    caughtBy: ['C10.large-events'],
    apply: (store) =>
      changeBatches(store, () => (batch) => [
        {
          ...batch,
          events: batch.events.filter((event) => event.type !== 'put' || event.current.value.length < 500_000),
        },
      ]),
  },
];
