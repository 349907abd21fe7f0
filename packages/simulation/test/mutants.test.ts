import { Backoff, type ConfigStore, isStoreError, StoreError, type WatchBatch } from '@holdfast/store';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ChangeFeed } from '../../core/src/change-feed.js';
import { CollectionTable } from '../../core/src/collection-table.js';
import { Evidence } from '../../core/src/evidence.js';
import { Restoration } from '../../core/src/restoration.js';
import { StateMachine } from '../../core/src/state.js';
import { Table } from '../../core/src/table.js';
import { Verifier } from '../../core/src/verify.js';
import { runCampaign } from '../src/campaign.js';
import { RemoteWatch } from '../src/remote-watch.js';

// As many worlds as a mutant may take to be caught; most are caught by the first few.
const MOST_WORLDS = 150;

type Wrap = (store: ConfigStore) => ConfigStore;

interface Mutant {
  readonly name: string;
  /** Which checker is to find it. */
  readonly guarantees: readonly string[];
  /** What the finding says, where the checker finds other things too. */
  readonly says?: RegExp;
  /** Breaks the code; or gives a store that breaks the contract. */
  readonly install: () => Wrap | undefined;
}

const undo: (() => void)[] = [];

/** Puts another method in the place of one, until the test is over. */
function replace<T extends object, K extends keyof T>(target: T, name: K, make: (original: T[K]) => T[K]): undefined {
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  if (descriptor === undefined) throw new Error(`${String(name)} is not there to be replaced`);
  Object.defineProperty(target, name, { ...descriptor, value: make(descriptor.value as T[K]) });
  undo.push(() => {
    Object.defineProperty(target, name, descriptor);
  });
}

/** Another getter in the place of one, until the test is over. */
function replaceGetter<T extends object>(
  target: T,
  name: keyof T,
  make: (get: () => unknown, self: T) => unknown,
): undefined {
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  if (descriptor === undefined) throw new Error(`${String(name)} is not there to be replaced`);
  Object.defineProperty(target, name, {
    ...descriptor,
    get(this: T) {
      return make(() => descriptor.get?.call(this) as unknown, this);
    },
  });
  undo.push(() => {
    Object.defineProperty(target, name, descriptor);
  });
}

/** A store whose watches deliver something else. */
function rewatched(alter: (batch: WatchBatch) => WatchBatch[]): Wrap {
  return (store) =>
    override(store, {
      watch: (...args: Parameters<ConfigStore['watch']>) => {
        const watch = store.watch(...args);
        return override(watch, {
          [Symbol.asyncIterator]: async function* () {
            for await (const batch of watch) yield* alter(batch);
          },
        });
      },
    });
}

function override<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      if (name in changes) return changes[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

const mutants: readonly Mutant[] = [
  {
    name: 'a mirror that overlooks an event now and then',
    guarantees: ['equal', 'listener'],
    install: () => {
      let count = 0;
      return replace(
        Table.prototype,
        'apply',
        (original) =>
          function (this: Table, batch) {
            count += 1;
            return original.call(this, count % 5 === 0 ? { ...batch, events: batch.events.slice(1) } : batch);
          },
      );
    },
  },
  {
    name: 'a mirror that shows the parts of a transaction one after the other',
    guarantees: ['equal', 'listener'],
    says: /listener/,
    install: () =>
      replace(
        CollectionTable.prototype,
        'set',
        (original) =>
          function (this: CollectionTable, key, state) {
            if (this.name !== 'upstreams') original.call(this, key, state);
            else
              queueMicrotask(() => {
                original.call(this, key, state);
              });
          },
      ),
  },
  {
    name: 'a mirror that tells its listeners of all changes but the last',
    guarantees: ['listener'],
    install: () =>
      replace(
        ChangeFeed.prototype,
        'publish',
        (original) =>
          function (this: never, event) {
            const changes = event.changes.length > 1 ? event.changes.slice(0, -1) : event.changes;
            original.call(this, { ...event, changes });
          },
      ),
  },
  {
    name: 'a mirror that drops the last good value for a bad one',
    guarantees: ['equal', 'listener'],
    says: /the last good one, of \d+, was dropped/,
    install: () =>
      replace(
        CollectionTable.prototype,
        'settle',
        (original) =>
          function (this: CollectionTable, prepared, before) {
            return original.call(this, prepared, before, false);
          },
      ),
  },
  {
    name: 'a mirror that lists no problems',
    guarantees: ['problems'],
    install: () =>
      replace(
        Table.prototype,
        'problems',
        () =>
          function* () {
            // Nothing is ever wrong.
          },
      ),
  },
  {
    name: 'a mirror that makes new entries of unchanged keys in a resync',
    guarantees: ['identity'],
    install: () => {
      let isResync = false;
      replace(
        Restoration.prototype,
        'add',
        (original) =>
          async function (this: Restoration, page, slicer) {
            isResync = true;
            const added = original.call(this, page, slicer);
            isResync = false;
            await added;
          },
      );
      return replace(
        CollectionTable.prototype,
        'holds',
        (original) =>
          function (this: CollectionTable, ...args) {
            return !isResync && original.apply(this, args);
          },
      );
    },
  },
  {
    name: 'a mirror whose version moves with every step',
    guarantees: ['version'],
    install: () => {
      const steps = new WeakMap<Table, number>();
      replace(
        Table.prototype,
        'advance',
        (original) =>
          function (this: Table, bookmark) {
            steps.set(this, (steps.get(this) ?? 0) + 1);
            return original.call(this, bookmark);
          },
      );
      return replaceGetter(Table.prototype, 'version', (get, self) => Number(get()) + (steps.get(self) ?? 0));
    },
  },
  {
    name: 'a mirror that stays live without evidence',
    guarantees: ['truthful'],
    says: /although its state is live|is live as of/,
    install: () =>
      replace(
        StateMachine.prototype,
        'handle',
        (original) =>
          function (this: StateMachine, event) {
            if (event.type !== 'stale') original.call(this, event);
          },
      ),
  },
  {
    name: 'a mirror that takes every history for its own after a lost connection',
    guarantees: ['equal', 'listener', 'truthful', 'convergence'],
    install: () => {
      replaceGetter(Verifier.prototype, 'isVerified', () => true);
      replace(Verifier.prototype, 'verified', () => async () => undefined);
      return replace(Verifier.prototype, 'admit', () => async () => undefined);
    },
  },
  {
    name: 'a sync() that looks at nothing',
    guarantees: ['sync'],
    install: () => replace(Evidence.prototype, 'until', () => async () => undefined),
  },
  {
    name: 'a mirror that gives up after a failure',
    guarantees: ['convergence', 'start', 'sync'],
    install: () => replace(Backoff.prototype, 'next', () => () => 3_600_000),
  },
  {
    name: 'a mirror that leaves a timer behind',
    guarantees: ['resources'],
    says: /timers/,
    install: () => replace(Evidence.prototype, 'stop', () => () => undefined),
  },
  {
    name: 'a mirror that leaves a listener on the signal it was given',
    guarantees: ['resources'],
    says: /listens/,
    install: () => replace(EventTarget.prototype, 'removeEventListener', () => () => undefined),
  },
  {
    name: 'an adapter that leaves its watches at the server',
    guarantees: ['resources'],
    says: /watches are left|requests or streams/,
    install: () => replace(RemoteWatch.prototype, 'close', () => async () => undefined),
  },
  {
    name: 'an adapter that splits a revision over two batches',
    guarantees: ['atomic', 'equal', 'listener'],
    install: () =>
      rewatched((batch) =>
        batch.events.length < 2
          ? [batch]
          : [
              { ...batch, events: batch.events.slice(0, 1) },
              { ...batch, events: batch.events.slice(1) },
            ],
      ),
  },
  {
    name: 'an adapter that loses a batch',
    guarantees: ['reliable', 'equal', 'listener'],
    install: () => {
      let count = 0;
      return rewatched((batch) => (batch.kind === 'events' && (count += 1) % 7 === 0 ? [] : [batch]));
    },
  },
  {
    name: 'an adapter that tells a batch twice',
    guarantees: ['unique', 'ordered'],
    install: () => rewatched((batch) => (batch.kind === 'events' ? [batch, batch] : [batch])),
  },
  {
    name: 'an adapter that tells progress too early',
    guarantees: ['bookmarkable', 'reliable', 'equal', 'listener'],
    install: () =>
      rewatched((batch) => [
        { kind: 'progress', bookmark: batch.bookmark, events: [], undecodable: [] },
        ...(batch.kind === 'events' ? [batch] : []),
      ]),
  },
  {
    name: 'an adapter that says of a lost write that it was not applied',
    guarantees: ['writes', 'write', 'outcome', 'ambiguous', 'applied', 'atomic', 'linearizable'],
    install: () => (store) =>
      override(store, {
        put: (async (...args: Parameters<ConfigStore['put']>) => {
          try {
            return await store.put(...args);
          } catch (error) {
            if (!isStoreError(error)) throw error;
            throw new StoreError(error.code, error.message, { outcome: 'not-applied' });
          }
        }) as ConfigStore['put'],
      }),
  },
];

describe('every checker finds what it is for', () => {
  afterEach(() => {
    for (const restore of undo.splice(0).reverse()) restore();
  });

  test.each(mutants.map((mutant) => [mutant.name, mutant] as const))('%s', async (_, mutant) => {
    const wrapStore = mutant.install();
    const found: string[] = [];
    const isFound = ({ guarantee, message }: { readonly guarantee: string; readonly message: string }) =>
      mutant.guarantees.includes(guarantee) && mutant.says?.test(message) !== false;
    let isCaught = false;
    await runCampaign({
      first: 1,
      seeds: MOST_WORLDS,
      wrapStore,
      onSeed: (seed, failure) => {
        for (const violation of failure?.violations ?? [])
          found.push(`${seed} ${violation.guarantee}: ${violation.message}`);
        isCaught = failure?.violations.some(isFound) === true;
        return !isCaught;
      },
    });
    expect({ isCaught, found: isCaught ? [] : found.slice(0, 10) }).toEqual({ isCaught: true, found: [] });
  });
});
