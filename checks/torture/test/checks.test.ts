// Every check of the campaign finds what it is for.
import { describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { StoreError, type ConfigStore, type Watch, type WatchBatch } from '@holdfast/store';
import { eventually, type Violation } from '@holdfast/testkit';
import { checkCounter } from '../src/checks/counter.js';
import { contentDifferences } from '../src/checks/content.js';
import { RawWatch, type JudgeOptions } from '../src/checks/raw-watch.js';
import { CallFailures, OUTAGE } from '../src/call-failures.js';
import { ReadProbe } from '../src/checks/reads.js';
import { checkSteps } from '../src/checks/steps.js';
import type { Epoch } from '../src/epoch.js';
import { BEACON, COUNTER, txnKeys } from '../src/keys.js';
import { MirrorProbe, type TakenStep } from '../src/mirror-probe.js';
import { openView, type MirrorView, type Shown } from '../src/mirror-view.js';
import { settingsOf } from '../src/settings.js';
import { goodText } from '../src/values.js';
import type { Acknowledged } from '../src/writers.js';
import { entry, epochOf, put, removal, step } from './broken.js';

const [A, B] = ['/t/a/1', '/t/b/1'];

const names = (violations: readonly Violation[]): string[] => violations.map(({ guarantee }) => guarantee);

describe('the steps of a mirror', () => {
  const history = epochOf(0, put(2, A), put(3, B), removal(4, A), put(5, A), put(5, B, undefined, 3));
  const check = (steps: readonly TakenStep[], epochs: readonly Epoch[] = [history]) =>
    checkSteps({ name: 'm', claims: () => true, steps, shown: new Map<string, Shown>(), epochs, possible: epochs });
  const second = step(2, { [A]: entry(2) });
  const third = step(3, { [B]: entry(3) });
  const fourth = step(4, { [A]: undefined });

  test('are what happened', () => {
    expect(check([second, third, fourth, step(5, { [A]: entry(5), [B]: entry(5, 3) })])).toEqual([]);
    // Some of them at once, as after a reconnection.
    expect(check([step(3, { [A]: entry(2), [B]: entry(3) }), step(5, { [A]: entry(5), [B]: entry(5, 3) })])).toEqual(
      [],
    );
  });

  test.each([
    ['a write that is missing', [second, step(3, {})]],
    ['a delete that is missing', [second, third, step(4, {})]],
    ['a write that comes too early', [step(2, { [A]: entry(2), [B]: entry(3) })]],
    ['a transaction that is seen in part', [second, third, fourth, step(5, { [A]: entry(5) })]],
    ['another value', [step(2, { [A]: { ...entry(2), value: { n: 7, epoch: 0 } } })]],
    ['another creation', [step(2, { [A]: entry(2, 1) })]],
    ['a key that never was', [step(2, { [A]: entry(2), '/t/a/none': entry(2) })]],
  ])('%s is found', (_what, steps) => {
    expect(names(check(steps))).toContain('equal');
  });

  test('in a part of the history that was forgotten are held against nothing, those after it are', () => {
    const bridged = epochOf(0, put(2, A));
    const held = { value: goodText({ n: 1, epoch: 0 }), modRevision: 6, createRevision: 6 };
    bridged.bridge({ revision: 6, readBy: 8, entries: new Map([[A, held]]) });
    bridged.add([removal(9, A)]);
    const unknown = [step(3, { [B]: entry(3) }), step(8, { [A]: undefined, [B]: undefined })];
    expect(check([second, ...unknown, step(9, {})], [bridged])).toEqual([]);
    expect(names(check([second, step(9, {})], [bridged]))).toEqual(['equal']);
  });

  test('show a last good value of the part that was forgotten, which nobody knows', () => {
    const bridged = epochOf(0, put(2, A));
    const bad = { value: '{unreadable', modRevision: 6, createRevision: 2 };
    bridged.bridge({ revision: 6, entries: new Map([[A, bad]]) });
    bridged.add([put(7, B)]);
    const shown = (revision: number) => ({ ...entry(revision, 2), value: { n: 9, epoch: 0 } });
    expect(check([second, step(5, { [A]: shown(5) }), step(7, { [B]: entry(7) })], [bridged])).toEqual([]);
    expect(names(check([second, step(7, { [A]: shown(2), [B]: entry(7) })], [bridged]))).toEqual(['equal']);
  });

  test('of an older history after those of a newer one are found', () => {
    const newer = epochOf(1, put(2, A, JSON.stringify({ n: 2, epoch: 1 })));
    const shown = { ...entry(2), value: { n: 2, epoch: 1 } };
    expect(check([second, step(2, { [A]: shown })], [history, newer])).toEqual([]);
    expect(names(check([step(2, { [A]: shown }), second], [history, newer]))).toEqual(['equal']);
  });

  test('a last good value that is dropped, and one that never was, are found', () => {
    const bad = epochOf(0, put(2, A), put(3, A, '{unreadable', 2));
    expect(check([second, step(3, {})], [bad])).toEqual([]);
    expect(names(check([second, step(3, { [A]: undefined })], [bad]))).toEqual(['equal']);
    expect(names(check([second, step(3, { [A]: { ...entry(2), value: { n: 9, epoch: 0 } } })], [bad]))).toEqual([
      'equal',
    ]);
  });
});

test('a write that was applied twice, is lost, or was said not to be applied, is found', () => {
  const acknowledged = new Map([
    [2, 0],
    [3, 0],
  ]);
  const check = (epoch: Epoch) => checkCounter(epoch, 0, { acknowledged, unknown: new Set([4]) });
  const [two, three] = [put(2, COUNTER), put(3, COUNTER)];
  expect(check(epochOf(0, two, three))).toEqual([]);
  expect(check(epochOf(0, two, three, put(4, COUNTER)))).toEqual([]);
  expect(check(epochOf(0, two, three, put(5, COUNTER, goodText({ n: 3, epoch: 0 }))))).toHaveLength(1);
  expect(check(epochOf(0, two))).toHaveLength(1);
  expect(check(epochOf(0, two, three, put(7, COUNTER)))).toHaveLength(1);
});

describe('a mirror that', () => {
  /** A mirror on a store that holds something of everything, seen through `distort`. */
  async function probed(
    distort: (view: MirrorView) => Partial<MirrorView>,
    act: (world: { store: ConfigStore; probe: MirrorProbe; beacon: Acknowledged[] }) => Promise<unknown>,
  ): Promise<readonly Violation[]> {
    await using store = memoryStore();
    const value = goodText({ n: 1, epoch: 0 });
    await store.txn({ then: txnKeys.map((key) => ({ type: 'put', key, value })) });
    await store.put(BEACON, value);
    const view = await openView('collections', store, settingsOf('v3'));
    const beacon: Acknowledged[] = [];
    const probe = new MirrorProbe({ ...view, ...distort(view) }, { livenessMs: 2_000, beacon });
    probe.look();
    await act({ store, probe, beacon });
    const violations = probe.takeViolations();
    await view.mirror.close();
    return violations;
  }

  const write = async ({
    store,
    probe,
    beacon,
  }: {
    store: ConfigStore;
    probe: MirrorProbe;
    beacon: Acknowledged[];
  }) => {
    const { revision } = await store.put(BEACON, goodText({ n: 2, epoch: 0 }));
    beacon.push({ epoch: 0, revision, at: Date.now() - 1 });
    await probe.mirror.sync();
    probe.look();
  };

  test('does as it should gives no cause for complaint', async () => {
    expect(await probed(() => ({}), write)).toEqual([]);
  });

  test('shows a transaction in part is found', async () => {
    const distort = (view: MirrorView): Partial<MirrorView> => ({
      get: (key) => (key === txnKeys[100] ? undefined : view.get(key)),
    });
    expect(names(await probed(distort, write))).toContain('untorn');
  });

  test('says live, and does not show what was acknowledged before, is found', async () => {
    const distort = (view: MirrorView): Partial<MirrorView> => {
      const old = view.get(BEACON);
      return { get: (key) => (key === BEACON ? old : view.get(key)) };
    };
    expect(names(await probed(distort, write))).toContain('truthful');
  });

  test('says live without recent evidence is found', async () => {
    const distort = (view: MirrorView): Partial<MirrorView> => ({
      mirror: new Proxy(view.mirror, {
        get: (target, name) => {
          if (name === 'asOf') return Date.now() - 60_000;
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === 'function' ? (member.bind(target) as unknown) : member;
        },
      }),
    });
    expect(names(await probed(distort, write))).toContain('truthful');
  });

  test('does not tell its listener of a change is found', async () => {
    const distort = (view: MirrorView): Partial<MirrorView> => ({
      whole: (change) => view.whole(change).replace(BEACON, `${BEACON}-of-somebody-else`),
    });
    expect(names(await probed(distort, write))).toContain('listener');
  });

  test('shows something else than there is, or a key too many or too few, is found', async () => {
    await using store = memoryStore();
    await store.put(A, goodText({ n: 1, epoch: 0 }));
    await store.put(B, '{unreadable');
    const view = await openView('plain', store, settingsOf('v3'));
    const { revision } = await store.list({ prefix: '/t/' }).then(({ bookmark }) => bookmark);
    const good = { value: goodText({ n: 1, epoch: 0 }), modRevision: 1, createRevision: 1 };
    const there = [...view.entries()].map(
      ([key, each]) => [key, { ...good, modRevision: each.modRevision, createRevision: each.createRevision }] as const,
    );
    const bad = { value: '{unreadable', modRevision: revision, createRevision: revision };
    const differences = (entries: Iterable<readonly [string, typeof good]>) =>
      contentDifferences(view, { revision, entries: new Map(entries) });
    expect(differences([...there, [B, bad]])).toEqual([]);
    expect(differences([[B, bad]])).toHaveLength(1);
    expect(differences([...there, [B, bad], ['/t/a/2', good]])).toHaveLength(1);
    expect(
      differences([...there.map(([key, each]) => [key, { ...each, modRevision: 9 }] as const), [B, bad]]),
    ).toHaveLength(1);
    expect(differences(there)).toHaveLength(1);
    expect(differences([...there, [B, { ...bad, modRevision: 9 }]])).toHaveLength(1);
    await view.mirror.close();
  });
});

describe('a read that', () => {
  /** Reads a beacon of epoch 0 that was acknowledged, through a store whose `get` is another one. */
  async function probed(get: (store: ConfigStore) => ConfigStore['get']): Promise<readonly Violation[]> {
    await using store = memoryStore();
    const { revision } = await store.put(BEACON, goodText({ n: 1, epoch: 0 }));
    let reads = 0;
    const distorted = new Proxy(store, {
      get: (target, name) => {
        if (name !== 'get') return Reflect.get(target, name, target) as unknown;
        return (...call: Parameters<ConfigStore['get']>) => {
          reads += 1;
          return get(target)(...call);
        };
      },
    });
    const probe = new ReadProbe(distorted, [{ epoch: 0, revision, at: Date.now() }]);
    await eventually(() => reads > 1);
    await probe.close();
    return probe.takeViolations(OUTAGE);
  }

  const failing = (error: Error) => () => () => Promise.reject(error);

  test('gives what is there, or says that there is an outage, gives no cause for complaint', async () => {
    expect(await probed((store) => store.get.bind(store))).toEqual([]);
    expect(await probed(failing(new StoreError('unavailable', 'the connection was lost')))).toEqual([]);
  });

  test.each([
    ['says that nothing is there', () => () => Promise.resolve(undefined)],
    [
      'gives what another cluster holds',
      (store: ConfigStore) => async (key: string) => {
        const entry = await store.get(key);
        return { ...entry!, value: Buffer.from(goodText({ n: 1, epoch: -1 })) };
      },
    ],
    ['fails as if it were an answer', failing(new StoreError('not-found', '404 page not found'))],
    ['fails with what is no error of a store', failing(new TypeError('undefined is not a function'))],
  ] as const)('%s is found', async (_what, get) => {
    expect(names(await probed(get))).toContain('reads');
  });
});

test('a write that fails as if it were the caller’s mistake is found', () => {
  const failures = new CallFailures();
  failures.add(new StoreError('timeout', 'no answer'));
  failures.add(new StoreError('unsupported', '404 page not found'));
  expect(names(failures.take('writes', 'write', OUTAGE))).toEqual(['writes']);
  expect(failures.take('writes', 'write', OUTAGE)).toEqual([]);
});

describe('a raw watch that', () => {
  /** What happens when the truth has caught up, and how it does so again. */
  type Afterwards = (store: ConfigStore, epoch: Epoch, watch: RawWatch) => Promise<Partial<JudgeOptions>>;

  /** Three writes to a store whose watches deliver what `distort` makes of their batches. */
  async function judged(
    distort: (batches: AsyncIterable<WatchBatch>) => AsyncIterator<WatchBatch>,
    afterwards: Afterwards = async () => ({}),
  ): Promise<readonly Violation[]> {
    await using store = memoryStore();
    const distorted = new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (name !== 'watch') return typeof member === 'function' ? (member.bind(target) as unknown) : member;
        return (...call: Parameters<ConfigStore['watch']>): Watch => {
          const watch = target.watch(...call);
          return new Proxy(watch, {
            get: (real, property) => {
              if (property === Symbol.asyncIterator) return () => distort(real);
              const value: unknown = Reflect.get(real, property, real);
              return typeof value === 'function' ? (value.bind(real) as unknown) : value;
            },
          });
        };
      },
    });
    const watch = new RawWatch(distorted, 'a raw watch', undefined, { arrivalMs: 500 });
    await watch.ready();
    const epoch = epochOf(0);
    for (const key of [A, B, A]) {
      const { revision } = await store.put(key, goodText({ n: 1, epoch: 0 }));
      const current = await store.get(key);
      if (current === undefined) throw new Error(`${key} was written, and is not there`);
      epoch.add([{ type: 'put', revision, current, isCreate: current.createRevision === revision }]);
    }
    const more = await afterwards(store, epoch, watch);
    const catchUp = (): Promise<void> => Promise.resolve();
    // Before the store is closed.
    const violations = await watch.judge({ epochs: [epoch], allowedEnds: [], catchUp, ...more });
    return violations;
  }

  const eachBatch = (take: (batch: WatchBatch) => readonly WatchBatch[]) =>
    async function* (batches: AsyncIterable<WatchBatch>): AsyncGenerator<WatchBatch> {
      for await (const batch of batches) yield* take(batch);
    };

  test('tells everything once and in order gives no cause for complaint', async () => {
    expect(await judged(eachBatch((batch) => [batch]))).toEqual([]);
  });

  // As where a key expires after the last write. Where there was another history too, each event is looked for in both.
  test.each([
    ['was told of more than the truth, which learns of it, gives no cause for complaint', true, 1, []],
    ['was told of more than happened is found', false, 1, ['reliable']],
    ['was told of more than happened in two histories is found', false, 2, ['reliable']],
  ])('%s', async (_what, isLearnt, histories, expected) => {
    const afterwards: Afterwards = async (store, epoch, watch) => {
      const { revision } = await store.delete(A);
      await eventually(() => watch.bookmark?.revision === revision);
      return {
        epochs: histories === 1 ? [epoch] : [epochOf(0, put(2, A), put(3, B), put(4, A)), epoch],
        catchUp: async () => {
          if (isLearnt) epoch.add([{ type: 'delete', revision, key: A }]);
        },
      };
    };
    const unchanged = eachBatch((batch) => [batch]);
    expect(names(await judged(unchanged, afterwards))).toEqual(expected);
  });

  test.each([
    [
      'leaves something out',
      'reliable',
      (batch: WatchBatch) => [
        { ...batch, events: batch.events.filter((event) => event.type !== 'put' || event.current.key !== B) },
      ],
    ],
    ['stops telling', 'reliable', () => []],
    ['tells something twice', 'unique', (batch: WatchBatch) => [batch, batch]],
  ])('%s is found', async (_what, guarantee, take) => {
    expect(names(await judged(eachBatch(take)))).toContain(guarantee);
  });

  test('ends with an error that nothing called for is found', async () => {
    const fails = eachBatch(() => {
      throw new Error('for no reason');
    });
    expect(names(await judged(fails))).toContain('ends');
  });
});
