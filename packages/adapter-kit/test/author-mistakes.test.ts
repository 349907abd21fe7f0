import { afterAll, expect, test } from '@jest/globals';
import { createStore, strictDriver, type StoreDriver, type WatchSink } from '@holdfast/adapter-kit';
import { StoreError, toRevision, type WatchEvent } from '@holdfast/store';
import { conformanceCases, runConformance, virtualClock, type ConformanceBackend } from '@holdfast/testkit';
import { Notebook, NotebookDriver } from './support/notebook-driver.js';

// Mistakes that authors make, each planted in an adapter that is built on the kit. The suite names each, and says what to do.

type Plant = (driver: StoreDriver, notebook: Notebook) => Partial<StoreDriver>;

/** A watch whose driver tells other things than it should. */
const telling =
  (change: (sink: WatchSink) => WatchSink): Plant =>
  (driver) => ({ watch: (range, options, sink) => driver.watch(range, options, change(sink)) });

const MISTAKES: readonly (readonly [mistake: string, caseId: string, plant: Plant, message: RegExp])[] = [
  [
    'acknowledges a write before it is visible',
    'C4.reads-see-acknowledged-writes',
    (driver, { history }) => ({
      put: async (...args) => {
        setTimeout(() => void driver.put(...args), 5);
        return { revision: history.next };
      },
    }),
    /What to do: answer a write only when it is committed/,
  ],
  [
    'gives no previous entry',
    'C6.put-previous',
    (driver) => ({ put: (key, value, options, call) => driver.put(key, value, { ...options, previous: false }, call) }),
    /What to do: with options.previous, give the entry/,
  ],
  [
    'counts revisions for each key',
    'C3.writes-move-the-revision',
    (driver) => ({
      put: async (key, value, options, call) => {
        const result = await driver.put(key, value, options, call);
        return { ...result, revision: toRevision((await driver.get?.(key, NOW, call))?.version ?? 1) };
      },
    }),
    /What to do: draw each revision from one counter of the whole store/,
  ],
  [
    'tells an event before watch() has returned',
    'C10.ready-tells-from-where',
    (driver, { history }) => ({
      watch: (range, options, sink) => {
        sink.established(history.head());
        return driver.watch(range, options, sink);
      },
    }),
    /called before watch\(\) returned \(established\): begin in a later turn/,
  ],
  [
    'pushes on after full',
    'C11.late-reader-gets-all',
    telling((sink) => ({ ...sink, push: (batch, bytes) => (sink.push(batch, bytes), 'ok') })),
    /pushed after full: after push\(\) returns 'full', push nothing until resume\(\)/,
  ],
  [
    'makes an event of the delete of an absent key',
    'C6.delete-counts',
    (driver, notebook) => ({
      delete: async (range, options, call) => {
        const result = await driver.delete(range, options, call);
        if (result.deleted !== 0 || range.key === undefined) return result;
        const revision = notebook.history.next;
        const event: WatchEvent = { type: 'delete', revision, key: range.key };
        notebook.history.append([event]);
        return { ...result, revision, deleted: 1 };
      },
    }),
    /What to do: a delete of an absent key changes nothing/,
  ],
  [
    'splits a revision over two batches',
    'C10.wide-revision-in-one-batch',
    telling((sink) => ({
      ...sink,
      push: (batch, bytes) =>
        batch.events
          .map((event) => sink.push({ ...batch, events: [event] }, bytes / batch.events.length))
          .concat(batch.events.length === 0 ? sink.push(batch, bytes) : [])
          .at(-1) ?? 'ok',
    })),
    /push all events of a revision in one batch/,
  ],
  [
    'ignores only',
    'C10.only-puts',
    (driver) => ({ watch: (range, options, sink) => driver.watch(range, { ...options, only: undefined }, sink) }),
    /What to do: hand options.only of watch\(\) on, or use followChanges/,
  ],
  [
    'keeps the bytes of a caller',
    'C1.values-are-copied-in',
    (driver, notebook) => ({
      put: async (key, value, options, call) => {
        const result = await driver.put(key, value, options, call);
        const entry = notebook.entries.get(key);
        if (entry !== undefined) notebook.entries.set(key, { ...entry, value });
        return result;
      },
    }),
    /What to do: copy the bytes of a value when you keep it/,
  ],
  [
    'takes a value compare of an absent key for true',
    'C9.value-compare-of-absent-is-false',
    (driver) => ({
      txn: (txn, call) =>
        driver.txn?.({ ...txn, if: txn.if.filter(({ target }) => target !== 'value') }, call) ??
        Promise.reject(new Error()),
    }),
    /What to do: compare by comparePasses or compareHolds of the kit/,
  ],
  [
    'tells a closed watch more',
    'C12.closed-watches-are-gone',
    (driver) => ({
      watch: (range, options, sink) => {
        const watch = driver.watch(range, options, sink);
        return {
          resume: () => {
            watch.resume();
          },
          close: async () => {
            await watch.close();
            sink.interrupted(new StoreError('unavailable', 'the notebook is shut'));
          },
        };
      },
    }),
    /told after close \(interrupted\): after close\(\) was called, tell nothing more/,
  ],
  [
    'leaves open whether a write was sent that nobody received',
    'C7.unsent-writes-are-not-applied',
    () => ({ put: () => Promise.reject(new StoreError('unavailable', 'nobody listens; start the notebook')) }),
    /What to do: say outcome: 'not-applied' in the error of a write for which there was no connection/,
  ],
  [
    'forgets changes, and says nothing of it',
    'C12.overrun-history',
    (_, { history }) => {
      const changesSince = history.changesSince.bind(history);
      history.changesSince = (after) => ({ ...changesSince(after), compacted: undefined });
      return {};
    },
    /What to do: let changesSince tell as compacted/,
  ],
];

const refuse = () =>
  Promise.reject(new StoreError('unavailable', 'nobody listens; start the notebook', { outcome: 'not-applied' }));
const UNREACHABLE: Partial<StoreDriver> = { put: refuse, delete: refuse };

const NOW = { revision: undefined, consistency: 'linearizable' } as const;
const backends: ConformanceBackend[] = [];
afterAll(async () => {
  for (const backend of backends) await backend.close?.();
});

function backendWith(plant: Plant): ConformanceBackend {
  const clock = virtualClock(Date.now());
  const notebook = new Notebook(clock);
  const open = (options = {}, changed: Partial<StoreDriver> = {}) => {
    const driver: StoreDriver = Object.assign(new NotebookDriver(notebook, clock), changed);
    const planted = plant(driver, notebook);
    const broken = new Proxy(driver, {
      get(target, name) {
        const value: unknown = Reflect.get(name in planted ? planted : target, name, target);
        return typeof value === 'function' && !(name in planted) ? (value.bind(target) as unknown) : value;
      },
    });
    const strict = strictDriver(broken, { onMistake: (error) => mistakes.push(error) });
    return createStore(counting(strict), { clock, ...options });
  };
  // Nobody else is told of what comes after the end of a watch.
  const mistakes: StoreError[] = [];
  let watches = 0;
  const counting = (driver: StoreDriver): StoreDriver => {
    const watch: StoreDriver['watch'] = (...args) => {
      const inner = driver.watch(...args);
      watches += 1;
      let isOpen = true;
      const close = async () => {
        await inner.close();
        if (isOpen) watches -= 1;
        isOpen = false;
      };
      return { resume: inner.resume.bind(inner), close };
    };
    return new Proxy(driver, {
      get: (target, name) => (name === 'watch' ? watch : (Reflect.get(target, name, target) as unknown)),
    });
  };
  const backend: ConformanceBackend = {
    patienceMs: 2_000,
    open,
    hooks: {
      passTime: (ms) => clock.advance(ms),
      openWatches: () => {
        for (const mistake of mistakes) throw mistake;
        return watches;
      },
      // Of which an author can say for certain that nothing was done.
      unreachable: () => Promise.resolve({ store: open({}, UNREACHABLE), endpoint: 'notebook' }),
    },
    close: () => Promise.resolve(notebook.close()),
  };
  backends.push(backend);
  return backend;
}

test.each(MISTAKES)(
  'an adapter that %s fails a case (%s) whose message says what to do',
  async (_, id, plant, message) => {
    const found = conformanceCases.filter((each) => each.id === id);
    expect(found).toHaveLength(1);
    const [right] = await runConformance(
      backendWith(() => ({})),
      found,
    );
    expect(right?.outcome).toMatchObject({ status: 'passed' });
    const [report] = await runConformance(backendWith(plant), found);
    expect(report?.outcome).toMatchObject({ status: 'failed', error: { message: expect.stringMatching(message) } });
  },
);
