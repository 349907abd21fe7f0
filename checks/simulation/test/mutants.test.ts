import {
  type ConfigStore,
  isStoreError,
  type KeyValue,
  StoreError,
  type StoreErrorOptions,
  type Watch,
  type WatchBatch,
  type WatchOptions,
} from '@holdfast/store';
import { Backoff, refusedLocally } from '@holdfast/store/adapter';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ChangeFeed } from '../../../packages/core/src/events/change-feed.js';
import { CollectionTable } from '../../../packages/core/src/table/collection-table.js';
import { Reachability } from '../../../packages/core/src/runtime/reachability.js';
import { Freshness } from '../../../packages/core/src/runtime/freshness.js';
import { LaterEvents } from '../../../packages/core/src/reads/later-events.js';
import { Loader } from '../../../packages/core/src/life/loader.js';
import { OpenWatch } from '../../../packages/core/src/reads/open-watch.js';
import { Restore } from '../../../packages/core/src/table/restore.js';
import { StateMachine } from '../../../packages/core/src/events/state.js';
import { Table } from '../../../packages/core/src/table/table.js';
import { Alarm } from '../../../packages/core/src/util/alarm.js';
import { Journal } from '../../../packages/core/src/snapshot/journal.js';
import { SavedCopy } from '../../../packages/core/src/runtime/saved-copy.js';
import { StepLog } from '../../../packages/core/src/snapshot/file/step-log.js';
import { HistoryCheck } from '../../../packages/core/src/proof/history-check.js';
import { Replay } from '../../../packages/core/src/proof/replay.js';
import { IdentityCensus, KnownIdentity } from '@holdfast/etcd-common';
import { override } from '../../../.ci/test/support/override.js';
import { sample } from '../../../.ci/test/support/sample.js';
import { runCampaign } from '../src/campaign/campaign.js';
import type { Generation } from '../src/plans/generate.js';
import { RemoteWatch } from '../src/links/remote-watch.js';
import { replace, replaceGetter, restoreAll } from './support/patches.js';
import { DiskFiles } from '../src/disks/disk-files.js';

// As many worlds as a mutant may take to be caught; most are caught by the first few.
const MOST_WORLDS = 150;

type Wrap = (store: ConfigStore) => ConfigStore;

interface Mutant {
  readonly name: string;
  /** Which checker is to find it, before any other does. */
  readonly guarantee: string;
  /** What the finding says, where the checker finds other things too. */
  readonly says?: RegExp;
  /** The first seed to try, where it takes something that few worlds have. */
  readonly from?: number;
  /** Of the worlds. */
  readonly generation?: Generation;
  /** Clients accept another identity after so long, in milliseconds. */
  readonly acceptAfterMs?: number;
  /** Breaks the code; or gives a store that breaks the contract. */
  readonly install: () => Wrap | undefined;
}

type Alter = (batch: WatchBatch) => WatchBatch[];

function altered(watch: Watch, alter: Alter): Watch {
  return override(watch, {
    [Symbol.asyncIterator]: async function* () {
      for await (const batch of watch) yield* alter(batch);
    },
  });
}

/** A store whose watches deliver something else. */
function rewatched(alter: Alter): Wrap {
  return (store) => override(store, { watch: (range, options) => altered(store.watch(range, options), alter) });
}

/** Only the applications' own watches, which name a budget: mirrors would notice first. */
function ofPlainWatches(alter: Alter): Wrap {
  return (store) =>
    override(store, {
      watch: (range, options) => {
        const watch = store.watch(range, options);
        return isPlain(options) ? altered(watch, alter) : watch;
      },
    });
}

function isPlain(options: WatchOptions | undefined): boolean {
  return options !== undefined && 'bufferBytes' in options;
}

/** A store that says something else of the puts that fail. */
function failedPuts(options: StoreErrorOptions): Wrap {
  return (store) =>
    override(store, {
      put: (async (...args: Parameters<ConfigStore['put']>) => {
        try {
          return await store.put(...args);
        } catch (error) {
          if (!isStoreError(error)) throw error;
          throw new StoreError(error.code, error.message, options);
        }
      }) as ConfigStore['put'],
    });
}

/** A store that takes what a proxy said of its reads for what this process refuses. */
function proxiedAs(say: (error: StoreError) => StoreError): Wrap {
  const marked = (error: unknown): unknown =>
    isStoreError(error) && error.message.includes('says a proxy') ? refusedLocally(say(error)) : error;
  return (store) =>
    override(store, {
      list: (range, options) =>
        store.list(range, options).catch((error: unknown) => {
          throw marked(error);
        }),
      scan: async function* (range, options) {
        try {
          yield* store.scan(range, options);
        } catch (error) {
          throw marked(error);
        }
      },
    });
}

const mutants: readonly Mutant[] = [
  {
    name: 'a mirror that overlooks an event now and then',
    guarantee: 'equal',
    from: 5,
    install: () => {
      let count = 0;
      return replace(
        OpenWatch.prototype,
        'next',
        (original) =>
          async function (this: OpenWatch) {
            const next = await original.call(this);
            if (next.done === true) return next;
            count += 1;
            if (count % 5 !== 0) return next;
            return { done: false, value: { ...next.value, events: next.value.events.slice(1) } };
          },
      );
    },
  },
  {
    name: 'a mirror that shows the parts of a transaction one after the other',
    guarantee: 'untorn',
    from: 4,
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
    guarantee: 'listener',
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
    guarantee: 'last-good',
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
    guarantee: 'problems',
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
    guarantee: 'identity',
    install: () => {
      let isResync = false;
      replace(
        Restore.prototype,
        'add',
        (original) =>
          async function (this: Restore, page, slicer) {
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
    guarantee: 'version',
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
    guarantee: 'truthful',
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
    name: 'a mirror that hears nothing of a lost connection',
    guarantee: 'connection',
    from: 2,
    install: () => {
      replace(Reachability.prototype, 'failed', () => () => undefined);
      return replace(Reachability.prototype, 'watchInterrupted', () => () => undefined);
    },
  },
  {
    name: 'a mirror that does not notice that its connection is back',
    guarantee: 'convergence',
    says: /interrupted/,
    install: () => replace(Reachability.prototype, 'watchEstablished', () => () => undefined),
  },
  {
    name: 'a mirror that takes every history for its own after a lost connection',
    guarantee: 'equal',
    from: 59,
    install: () => {
      replaceGetter(HistoryCheck.prototype, 'isVerified', () => true);
      replace(HistoryCheck.prototype, 'verified', () => async () => undefined);
      return replace(HistoryCheck.prototype, 'admit', () => async () => undefined);
    },
  },
  {
    name: 'a mirror that takes whatever its watch brings once more for what it knows',
    guarantee: 'equal',
    generation: 5,
    from: 31,
    install: () => replace(Replay.prototype, 'verdict', () => () => 'same' as const),
  },
  {
    name: 'a sync() that looks at nothing',
    guarantee: 'sync',
    install: () => replace(Freshness.prototype, 'until', () => async () => undefined),
  },
  {
    name: 'a mirror that gives up after a failure',
    guarantee: 'convergence',
    install: () => replace(Backoff.prototype, 'next', () => () => 3_600_000),
  },
  {
    name: 'a mirror that leaves a timer behind',
    guarantee: 'resources',
    says: /timers/,
    install: () => replace(Freshness.prototype, 'stop', () => () => undefined),
  },
  {
    name: 'a mirror that leaves a listener on the signal it was given',
    guarantee: 'resources',
    says: /listens/,
    install: () => replace(EventTarget.prototype, 'removeEventListener', () => () => undefined),
  },
  {
    name: 'an adapter that leaves its watches at the server',
    guarantee: 'resources',
    says: /watches are left|requests or streams/,
    install: () => replace(RemoteWatch.prototype, 'close', () => async () => undefined),
  },
  {
    name: 'an adapter that splits a revision over two batches',
    guarantee: 'atomic',
    from: 5,
    install: () =>
      ofPlainWatches((batch) =>
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
    guarantee: 'reliable',
    from: 5,
    install: () => {
      let count = 0;
      return ofPlainWatches((batch) => (batch.kind === 'events' && (count += 1) % 7 === 0 ? [] : [batch]));
    },
  },
  {
    name: 'an adapter that tells a batch twice',
    guarantee: 'unique',
    from: 5,
    install: () => ofPlainWatches((batch) => (batch.kind === 'events' ? [batch, batch] : [batch])),
  },
  {
    name: 'an adapter that tells progress too early',
    guarantee: 'bookmarkable',
    from: 21,
    install: () =>
      ofPlainWatches((batch) => [
        { kind: 'progress', bookmark: batch.bookmark, events: [], undecodable: [] },
        ...(batch.kind === 'events' ? [batch] : []),
      ]),
  },
  {
    name: 'an adapter that says of a lost write that it was not applied',
    guarantee: 'linearizable',
    from: 30,
    install: () => failedPuts({ outcome: 'not-applied' }),
  },
  {
    name: 'an adapter that takes trouble for another history',
    guarantee: 'alarm',
    install: () => {
      let count = 0;
      return rewatched((batch) => {
        if ((count += 1) % 9 === 0) throw new StoreError('history-changed', 'one member was behind');
        return [batch];
      });
    },
  },
  {
    name: 'an adapter whose buffer has no bound',
    guarantee: 'buffer',
    from: 134,
    install: () => (store) =>
      override(store, { watch: (range, options) => store.watch(range, { ...options, bufferBytes: 2 ** 30 }) }),
  },
  {
    name: 'an adapter that tells batches in another order',
    guarantee: 'ordered',
    from: 5,
    install: () => {
      let held: WatchBatch | undefined;
      return ofPlainWatches((batch) => {
        if (batch.kind === 'progress') return [];
        const before = held;
        held = before === undefined ? batch : undefined;
        return before === undefined ? [] : [batch, before];
      });
    },
  },
  {
    name: 'an adapter that begins one revision too late where it goes on from a bookmark',
    guarantee: 'resumable',
    from: 114,
    install: () => (store) =>
      override(store, {
        watch: (range, options) => {
          const watch = store.watch(range, options);
          if (!isPlain(options) || options?.after === undefined) return watch;
          let isFirst = true;
          return altered(watch, (batch) => {
            if (batch.kind === 'progress' || !isFirst) return [batch];
            isFirst = false;
            return [];
          });
        },
      }),
  },
  {
    name: 'an adapter that answers a linearizable read with what it has read before',
    guarantee: 'linearizable',
    from: 63,
    install: () => {
      const known = new Map<string, Promise<KeyValue | undefined>>();
      return (store) =>
        override(store, {
          get: (key, options) => {
            const read = known.get(key) ?? store.get(key, options);
            known.set(key, read);
            return read;
          },
        });
    },
  },
  {
    name: 'a mirror that a proxy’s answer ends',
    guarantee: 'ends',
    from: 31,
    install: () => proxiedAs((error) => new StoreError('closed', error.message, { cause: error })),
  },
  {
    name: 'a mirror that is given up before it is loaded, for a proxy’s answer',
    guarantee: 'start',
    from: 10,
    install: () => proxiedAs((error) => error),
  },
  {
    name: 'a mirror that reads everything at one revision, however often that is compacted meanwhile',
    guarantee: 'convergence',
    from: 13,
    install: () => replace(Loader.prototype, 'noteOvertaken', () => () => undefined),
  },
  {
    name: 'a mirror that puts pieces together without what was told since they were read',
    guarantee: 'equal',
    from: 65,
    install: () => replace(LaterEvents.prototype, 'add', () => () => undefined),
  },
  {
    name: 'an adapter that accepts another cluster after some time',
    guarantee: 'foreign',
    from: 7,
    acceptAfterMs: 1_000,
    install: () => undefined,
  },
  {
    name: 'an adapter that lets any connection serve, whichever cluster it leads to',
    guarantee: 'foreign',
    from: 6,
    install: () => {
      replace(
        IdentityCensus.prototype,
        'admit',
        (original) =>
          async function (this: IdentityCensus, ...args) {
            await original.apply(this, args).catch(() => undefined);
          },
      );
      return replace(IdentityCensus.prototype, 'check', () => () => undefined);
    },
  },
  {
    name: 'an adapter that counts the votes of two endpoints at which the same member answered one after the other',
    guarantee: 'foreign',
    from: 7,
    // Every round begins with the answers of all rounds before it.
    install: () => {
      const answers = new WeakMap<KnownIdentity, Map<string, string>>();
      replace(
        KnownIdentity.prototype,
        'answer',
        (original) =>
          function (this: KnownIdentity, endpoint, identity) {
            const told = answers.get(this) ?? new Map<string, string>();
            answers.set(this, told.set(endpoint, identity));
            original.call(this, endpoint, identity);
          },
      );
      return replace(
        KnownIdentity.prototype,
        'beginRound',
        (original) =>
          function (this: KnownIdentity) {
            original.call(this);
            for (const [endpoint, identity] of [...(answers.get(this) ?? [])]) this.answer(endpoint, identity);
            return 0;
          },
      );
    },
  },
  {
    name: 'a mirror that puts a new snapshot in the place of the last good one, and keeps nothing of that',
    guarantee: 'last-copy',
    from: 6,
    generation: 6,
    install: () => replace(DiskFiles.prototype, 'link', () => async () => undefined),
  },
  {
    name: 'a mirror that does not ask the past of its store before it replaces a snapshot',
    guarantee: 'last-copy',
    from: 121,
    generation: 6,
    install: () => {
      replace(
        SavedCopy.prototype,
        'begin',
        (original) =>
          function (this: SavedCopy) {
            this.continues = () => Promise.resolve(true);
            original.call(this);
          },
      );
    },
  },
  {
    name: 'a snapshot whose name is made to last before its bytes are',
    guarantee: 'snapshot',
    from: 6,
    says: /can't be used|in time/,
    generation: 6,
    install: () =>
      replace(
        DiskFiles.prototype,
        'create',
        (original) =>
          async function (this: DiskFiles, path, isNew) {
            return { ...(await original.call(this, path, isNew)), sync: () => Promise.resolve() };
          },
      ),
  },
  {
    name: 'a snapshot that forgets a key that a step has touched',
    guarantee: 'snapshot',
    from: 9,
    says: /is wrong/,
    generation: 6,
    install: () => {
      let touched = 0;
      return replace(
        Journal.prototype,
        'touch',
        (original) =>
          function (this: Journal, key) {
            if ((touched += 1) % 5 !== 0) original.call(this, key);
          },
      );
    },
  },
  {
    name: 'a snapshot that is written late',
    guarantee: 'snapshot',
    from: 33,
    says: /in time/,
    generation: 6,
    install: () =>
      replace(
        Alarm.prototype,
        'wait',
        (original) =>
          function (this: Alarm, ms) {
            return original.call(this, 10 * ms);
          },
      ),
  },
  {
    name: 'a snapshot whose last steps are not written when the mirror closes',
    guarantee: 'snapshot',
    from: 15,
    says: /after it was closed/,
    generation: 6,
    install: () =>
      replace(
        StepLog.prototype,
        'write',
        (original) =>
          async function (this: StepLog, copied, slicer) {
            if (!copied.signal.aborted) await original.call(this, copied, slicer);
          },
      ),
  },
  {
    name: 'a mirror that starts in time, and forgets the last good values of its snapshot',
    guarantee: 'snapshot',
    from: 111,
    says: /has .* of \d+, and the mirror of none/,
    generation: 6,
    install: () => replace(Restore.prototype, 'recall', () => () => undefined),
  },
  {
    name: 'a mirror that goes on from its snapshot in whatever history the store has',
    guarantee: 'equal',
    from: 15,
    generation: 6,
    install: () => {
      replaceGetter(HistoryCheck.prototype, 'isVerified', () => true);
      replace(HistoryCheck.prototype, 'verified', () => async () => undefined);
      return replace(HistoryCheck.prototype, 'admit', () => async () => undefined);
    },
  },
  {
    name: 'a mirror that waits for its store although it has a snapshot',
    guarantee: 'snapshot',
    from: 94,
    says: /took \d+ ms to show/,
    generation: 6,
    install: () =>
      replace(
        SavedCopy.prototype,
        'show',
        (original) =>
          async function (this: SavedCopy, ...args) {
            await original.apply(this, args);
            return undefined;
          },
      ),
  },
  {
    name: 'an adapter that does not say whether a failed write took effect',
    guarantee: 'outcome',
    install: () => failedPuts({}),
  },
];

describe('every checker finds what it is for', () => {
  afterEach(restoreAll);

  test.each(sample(mutants).map((mutant) => [mutant.name, mutant] as const))('%s', async (_, mutant) => {
    const wrapStore = mutant.install();
    const found: string[] = [];
    let isCaught = false;
    await runCampaign({
      first: mutant.from ?? 1,
      seeds: MOST_WORLDS,
      generation: mutant.generation ?? 4,
      wrapStore,
      acceptAfterMs: mutant.acceptAfterMs,
      onSeed: (seed, failure) => {
        for (const violation of failure?.violations ?? [])
          found.push(`${seed} ${violation.guarantee}: ${violation.message}`);
        const [first] = failure?.violations ?? [];
        isCaught = first?.guarantee === mutant.guarantee && mutant.says?.test(first.message) !== false;
        return !isCaught;
      },
    });
    expect({ isCaught, found: isCaught ? [] : found.slice(0, 10) }).toEqual({ isCaught: true, found: [] });
  });
});
