// After a compaction a large mirror reads keys and revisions, and only those values that changed: with what comes of it the same as
// of reading everything.
import { CompactedError, type ConfigStore, type Revision, StoreError } from '@holdfast/store';
import { encodeUtf8 } from '@holdfast/store/adapter';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ChangeEvent } from '../src/events/change.js';
import {
  json,
  mirror as openMirror,
  type Change,
  type CommonOptions,
  type Mirror,
  type Problem,
} from '../src/index.js';
import { held, PREFIX, shown, thing, type Thing, world, type World } from './support/world.js';

type Event = ChangeEvent<Change<Thing>>;

const KEYS = 400;
const key = (index: number) => `k${String(index).padStart(3, '0')}`;

/** A mirror with what it told since it was open. */
interface Seen {
  readonly mirror: Mirror<Thing>;
  readonly before: ReadonlyMap<string, unknown>;
  readonly events: Event[];
  readonly invalid: Problem[];
  readonly resyncs: { readonly reason: string; readonly changed: number }[];
}

async function open(w: World, options: CommonOptions<Change<Thing>> = {}): Promise<Seen> {
  const mirror = await w.open({ fullResyncKeys: 0, ...options });
  const seen: Seen = { mirror, before: new Map(mirror), events: [], invalid: [], resyncs: [] };
  mirror.on('change', (event) => seen.events.push(event));
  mirror.on('invalid', (problem) => seen.invalid.push(problem));
  mirror.on('resync', (event) => seen.resyncs.push(event));
  return seen;
}

/** Disconnects, lets things happen and be compacted away, reconnects, and waits for the resync. */
async function missAndCompact(w: World, seen: Seen, happen: (data: ConfigStore) => Promise<unknown>): Promise<void> {
  w.script.cut();
  await happen(w.data);
  await compact(w);
  await comeBack(w, seen);
}

async function compact(w: World): Promise<void> {
  await w.data.compact((await w.data.list({ prefix: PREFIX })).bookmark.revision);
}

async function comeBack(w: World, seen: Seen): Promise<void> {
  w.script.reads.length = 0;
  w.script.heal();
  await w.until(() => seen.resyncs.length > 0 && seen.mirror.state.status === 'live');
}

const scans = (w: World) => w.script.reads.filter(({ kind }) => kind === 'scan').map(({ options }) => options);
const txns = (w: World, keysOnly = false) =>
  w.script.reads.filter(({ kind, options }) => kind === 'txn' && options.keysOnly === keysOnly);

/** After a sample, all keys were read, and a few values: not everything. */
function expectSpared(w: World): void {
  expect(txns(w, true)).toHaveLength(1);
  expect(scans(w)).toEqual([expect.objectContaining({ keysOnly: true })]);
  expect(txns(w)).toHaveLength(1);
}

/** Everything was read. */
function expectWhole(w: World): void {
  expect(scans(w).at(-1)?.minModRevision).toBeUndefined();
  expect(scans(w).at(-1)?.keysOnly).toBe(false);
}

function expectSameObjects({ mirror, before }: Seen, except: readonly string[]): void {
  for (const [name, entry] of before) {
    if (!except.includes(name)) expect([name, mirror.get(name) === entry]).toEqual([name, true]);
  }
}

describe.each(['eager', 'lazy'] as const)('M3 a resync of a large mirror, %s', (decode) => {
  let w: World;
  beforeEach(async () => {
    w = world();
    for (let index = 0; index < KEYS; index++) await w.data.put(`${PREFIX}${key(index)}`, thing(index));
  });
  afterEach(() => w.close());

  test('brings the net changes only, in one batch; unchanged entries stay the same objects', async () => {
    const seen = await open(w, { decode });
    const from = seen.mirror.bookmark;
    await missAndCompact(w, seen, async (data) => {
      await data.put(`${PREFIX}${key(1)}`, thing(-1));
      await data.put(`${PREFIX}${key(1)}`, thing(-2));
      await data.delete(`${PREFIX}${key(2)}`);
      await data.put(`${PREFIX}${key(2)}`, thing(-3));
      await data.delete(`${PREFIX}${key(3)}`);
      await data.put(`${PREFIX}new`, thing(-4));
      await data.put(`${PREFIX}gone`, thing(-5));
      await data.delete(`${PREFIX}gone`);
      await data.put('/elsewhere', 'x');
    });
    expectSpared(w);
    expect(shown(seen.mirror)).toEqual(await held(w.data));
    expect(seen.mirror.bookmark).toEqual((await w.data.list({ prefix: PREFIX })).bookmark);
    const changed = [key(1), key(2), key(3), 'new'];
    expectSameObjects(seen, changed);
    expect(seen.events).toHaveLength(1);
    expect(seen.events[0]).toMatchObject({ cause: 'resync', bookmark: seen.mirror.bookmark });
    const changes = new Map(seen.events[0]!.changes.map((change) => [change.key, change]));
    expect([...changes.keys()].sort()).toEqual([...changed].sort());
    expect(changes.get(key(1))).toMatchObject({ type: 'put', current: { value: { n: -2 } } });
    expect(changes.get(key(1))?.previous).toBe(seen.before.get(key(1)));
    expect(changes.get(key(3))).toMatchObject({ type: 'delete', previous: seen.before.get(key(3)) });
    expect(seen.resyncs).toEqual([{ reason: 'compacted', from, bookmark: seen.mirror.bookmark, changed: 4 }]);
    // And it follows on.
    await w.data.put(`${PREFIX}after`, thing(1));
    await w.until(() => seen.mirror.has('after'));
    expect(seen.resyncs).toHaveLength(1);
  });

  test('that finds nothing different emits nothing and leaves the version alone', async () => {
    const seen = await open(w, { decode });
    const { version } = seen.mirror;
    await missAndCompact(w, seen, async (data) => {
      await data.put('/elsewhere', 'x');
      await data.put(`${PREFIX}new`, thing(1));
      await data.delete(`${PREFIX}new`);
    });
    expectSpared(w);
    expect(seen.events).toEqual([]);
    expect(seen.mirror.version).toBe(version);
    expectSameObjects(seen, []);
  });

  test('knows keys in whatever order they came', async () => {
    const seen = await open(w, { decode });
    for (const name of ['zz', 'aa', 'mm', `${key(3)}x`]) await w.data.put(`${PREFIX}${name}`, thing(1));
    await w.data.delete(`${PREFIX}${key(5)}`);
    await w.data.put(`${PREFIX}${key(5)}`, thing(5));
    await w.until(() => seen.mirror.revision === seen.mirror.get(key(5))?.modRevision);
    const before = new Map(seen.mirror);
    await missAndCompact(w, seen, (data) => data.put(`${PREFIX}aa`, thing(2)));
    expectSpared(w);
    expect(shown(seen.mirror)).toEqual(await held(w.data));
    expectSameObjects({ ...seen, before }, ['aa']);
  });

  test('M5: bad values keep the last good one within the life of a key, problems heal, and bad new keys are absent', async () => {
    const [toBad, recreated, healed, stillBad, deletedBad, changedBad] = [1, 2, 3, 4, 5, 6].map(key) as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    for (const name of [healed, stillBad, deletedBad, changedBad]) await w.data.put(`${PREFIX}${name}`, 'bad');
    const seen = await open(w, { decode });
    // Lazily, what is bad is found on the first read.
    for (const name of [healed, stillBad, deletedBad, changedBad]) seen.mirror.get(name);
    await w.until(() => seen.mirror.problems().length === 4);
    const since = seen.mirror.problems().find((problem) => problem.key === changedBad)?.since;
    seen.invalid.length = 0;
    await w.clock.advance(1_000);
    await missAndCompact(w, seen, async (data) => {
      await data.put(`${PREFIX}${toBad}`, 'bad now');
      await data.delete(`${PREFIX}${recreated}`);
      await data.put(`${PREFIX}${recreated}`, 'bad anew');
      await data.put(`${PREFIX}${healed}`, thing(33));
      await data.delete(`${PREFIX}${deletedBad}`);
      await data.put(`${PREFIX}${changedBad}`, 'worse');
      await data.put(`${PREFIX}new-bad`, 'bad');
    });
    expectSpared(w);
    expect(seen.mirror.get(toBad)?.value).toEqual({ n: 1 });
    for (const name of [recreated, deletedBad, changedBad, stillBad, 'new-bad']) {
      expect([name, seen.mirror.get(name)]).toEqual([name, undefined]);
    }
    expect(seen.mirror.get(healed)?.value).toEqual({ n: 33 });
    const items = new Map((await w.data.list({ prefix: PREFIX })).items.map((item) => [item.key, item.modRevision]));
    const bad = [toBad, recreated, stillBad, changedBad, 'new-bad'];
    const listed = new Map(seen.mirror.problems().map((problem) => [problem.key, problem]));
    expect([...listed.keys()].sort()).toEqual([...bad].sort());
    for (const name of bad) expect(listed.get(name)?.revision).toBe(items.get(`${PREFIX}${name}`));
    expect(seen.invalid.map((problem) => problem.key).sort()).toEqual(bad.filter((name) => name !== stillBad).sort());
    if (decode === 'eager') expect(listed.get(changedBad)?.since).toBe(since);
    expectSameObjects(seen, bad.concat(healed, deletedBad));
  });

  test('collections step together, unclaimed keys are counted, and a transform sees each change once', async () => {
    const transformed: number[] = [];
    const opening = openMirror(w.store, {
      prefix: '/',
      codec: json<Thing>(),
      clock: w.clock,
      random: () => 0.5,
      decode,
      fullResyncKeys: 0,
      collections: {
        things: {
          transform: ({ n }: Thing) => {
            transformed.push(n);
            return n;
          },
        },
        one: { key: 'one' },
      },
    });
    await w.data.put('/one', thing(1));
    await w.data.put('/unclaimed/1', 'x');
    await w.data.put('/unclaimed/2', 'x');
    let isOpen = false;
    void opening.then(() => (isOpen = true));
    while (!isOpen) await w.clock.advance(20);
    const mirror = await opening;
    for (const entry of mirror.collections.things.values()) void entry.value;
    transformed.length = 0;
    const events: unknown[] = [];
    let resyncs = 0;
    mirror.on('resync', () => (resyncs += 1));
    mirror.on('change', ({ changes }) =>
      events.push(changes.map(({ key: name, type }) => `${type} ${name ?? ''}`).sort()),
    );
    w.script.cut();
    await w.data.put(`${PREFIX}${key(7)}`, thing(77));
    await w.data.put('/one', thing(2));
    await w.data.put('/unclaimed/1', 'y');
    await w.data.delete('/unclaimed/2');
    await w.data.put('/unclaimed/3', 'z');
    await compact(w);
    w.script.reads.length = 0;
    w.script.heal();
    await w.until(() => resyncs === 1 && mirror.state.status === 'live');
    expectSpared(w);
    expect(events).toEqual([[`put ${key(7)}`, 'put one']]);
    expect(mirror.things.get(key(7))?.value).toBe(77);
    expect(mirror.one.value).toEqual({ n: 2 });
    expect(transformed).toEqual([77]);
    // The count is right: the next proof finds nothing different.
    const proved = mirror.sync();
    await w.until(() => mirror.revision >= 1);
    await proved;
    expect(resyncs).toBe(1);
    await mirror.close();
  });

  describe('reads everything', () => {
    test('where it is small', async () => {
      const seen = await open(w, { decode, fullResyncKeys: KEYS });
      await missAndCompact(w, seen, (data) => data.put(`${PREFIX}${key(1)}`, thing(-1)));
      expect(scans(w)).toHaveLength(1);
      expectWhole(w);
      expect(shown(seen.mirror)).toEqual(await held(w.data));
    });

    test('where much has changed', async () => {
      const seen = await open(w, { decode });
      await missAndCompact(w, seen, async (data) => {
        for (let index = 0; index < KEYS / 3; index++) await data.put(`${PREFIX}${key(index)}`, thing(-index));
      });
      expect(scans(w)).toHaveLength(1);
      expectWhole(w);
      expect(shown(seen.mirror)).toEqual(await held(w.data));
      expect(seen.resyncs).toMatchObject([{ changed: Math.ceil(KEYS / 3) }]);
    });

    test('where the store refuses a sample', async () => {
      const seen = await open(w, { decode });
      w.script.cut();
      await w.data.put(`${PREFIX}${key(1)}`, thing(-1));
      await compact(w);
      w.script.reads.length = 0;
      w.script.heal();
      w.script.beforeRead = ({ kind }) => {
        if (kind === 'txn') throw new StoreError('invalid-argument', 'too many operations in txn request');
      };
      await w.until(() => seen.resyncs.length > 0 && seen.mirror.state.status === 'live');
      expect(scans(w)).toHaveLength(1);
      expectWhole(w);
      expect(seen.resyncs).toMatchObject([{ changed: 1 }]);
    });

    test('M8: where a key that can not have changed has another revision', async () => {
      await otherHistory(w, decode, {
        before: (data) => data.put(`${PREFIX}${key(1)}`, thing(-1)),
        after: (data) => data.put(`${PREFIX}${key(2)}`, thing(-2)),
      });
    });

    // What comes after these is the same in both histories, and more than is compared by value.
    const same = async (data: ConfigStore) => {
      for (let index = 100; index < 160; index++) await data.put(`${PREFIX}${key(index)}`, thing(-index));
    };

    test('M8: where that is a key among many newer ones', async () => {
      await otherHistory(w, decode, {
        before: async (data) => {
          await data.put(`${PREFIX}${key(1)}`, thing(-1));
          await same(data);
        },
        after: async (data) => {
          await data.put(`${PREFIX}${key(2)}`, thing(-1));
          await same(data);
        },
      });
    });

    test('M8: where a key was written more often, up to the same revision', async () => {
      await otherHistory(w, decode, {
        before: async (data) => {
          await data.put(`${PREFIX}${key(1)}`, thing(-1));
          await data.put(`${PREFIX}${key(1)}`, thing(-2));
          await same(data);
        },
        after: async (data) => {
          await data.put('/elsewhere', 'x');
          await data.put(`${PREFIX}${key(1)}`, thing(-2));
          await same(data);
        },
      });
    });

    test('M8: where a key was made anew, at the same revision', async () => {
      await otherHistory(w, decode, {
        before: async (data) => {
          await data.delete(`${PREFIX}${key(1)}`);
          await data.put(`${PREFIX}${key(1)}`, thing(-1));
          await data.put(`${PREFIX}${key(1)}`, thing(-2));
          await same(data);
        },
        after: async (data) => {
          await data.put('/elsewhere', 'x');
          await data.put('/elsewhere', 'x');
          await data.put(`${PREFIX}${key(1)}`, thing(-2));
          await same(data);
        },
      });
    });

    test('M8: where other keys are not UTF-8', async () => {
      const raw = (last: number) => Uint8Array.of(...encodeUtf8(PREFIX), last);
      await otherHistory(w, decode, {
        before: async (data) => {
          w.data.injectRaw(raw(0xff), 'x');
          await same(data);
        },
        after: async (data) => {
          w.data.injectRaw(raw(0xfe), 'x');
          await same(data);
        },
      });
    });

    test('M8: where the store went back', async () => {
      const snapshot = w.data.snapshot();
      for (let n = 0; n < 5; n++) await w.data.put('/elsewhere', 'x');
      const seen = await open(w, { decode });
      w.data.restore(snapshot);
      // The last that the watch says is of the history before.
      w.script.failWatches(
        new CompactedError('compacted', { compactRevision: (seen.mirror.revision + 1) as Revision }),
      );
      await comeBack(w, seen);
      expectWhole(w);
      expect(seen.resyncs).toHaveLength(1);
      expect(seen.mirror.bookmark).toEqual((await w.data.list({ prefix: PREFIX })).bookmark);
      expectSameObjects(seen, []);
    });

    test('M8: where a key is gone at the very revision that the mirror is at', async () => {
      const snapshot = w.data.snapshot();
      await w.data.put(`${PREFIX}new`, thing(-1));
      const seen = await open(w, { decode });
      w.data.restore(snapshot);
      await w.data.put('/elsewhere', 'x');
      expect((await w.data.status()).revision).toBe(seen.mirror.revision);
      w.script.failWatches(
        new CompactedError('compacted', { compactRevision: (seen.mirror.revision + 1) as Revision }),
      );
      await comeBack(w, seen);
      expectWhole(w);
      expect(seen.resyncs).toMatchObject([{ reason: 'compacted', changed: 1 }]);
      expect(shown(seen.mirror)).toEqual(await held(w.data));
      expectSameObjects(seen, ['new']);
    });

    test('M8: where it is known to be another history', async () => {
      const snapshot = w.data.snapshot();
      await w.data.put(`${PREFIX}${key(1)}`, thing(-1));
      const seen = await open(w, { decode });
      w.script.cut();
      w.data.restore(snapshot);
      for (let n = 0; n < 5; n++) await w.data.put('/elsewhere', 'x');
      await comeBack(w, seen);
      expect(seen.resyncs).toMatchObject([{ reason: 'history-changed' }]);
      expect(scans(w).map(({ keysOnly }) => keysOnly)).toEqual([false]);
      expect(shown(seen.mirror)).toEqual(await held(w.data));
    });

    test('M8: where a key that was not there is older than the mirror', async () => {
      await otherHistory(w, decode, {
        before: (data) => data.put('/elsewhere', 'x'),
        after: (data) => data.put(`${PREFIX}new`, thing(-2)),
      });
    });

    test('M8: where a changed key has a life that began otherwise', async () => {
      await otherHistory(w, decode, {
        before: async (data) => {
          await data.put(`${PREFIX}new`, thing(-1));
          await data.put('/elsewhere', 'x');
        },
        after: async (data) => {
          await data.put('/elsewhere', 'x');
          await data.put(`${PREFIX}new`, thing(-2));
          await data.put('/elsewhere', 'x');
          await data.put(`${PREFIX}new`, thing(-3));
        },
      });
    });

    test('M8: where a changed key has no more versions than the mirror knew', async () => {
      await otherHistory(w, decode, {
        before: async (data) => {
          await data.put(`${PREFIX}${key(1)}`, thing(-1));
          await data.put(`${PREFIX}${key(1)}`, thing(-2));
        },
        after: async (data) => {
          for (let n = 0; n < 3; n++) await data.put('/elsewhere', 'x');
          await data.put(`${PREFIX}${key(1)}`, thing(-3));
        },
      });
    });

    test('M8: where the newest unchanged values are others at the same revisions', async () => {
      await otherHistory(w, decode, {
        before: async (data) => {
          for (let index = 0; index < 20; index++) await data.put(`${PREFIX}${key(index)}`, thing(-1));
        },
        after: async (data) => {
          for (let index = 0; index < 20; index++)
            await data.put(`${PREFIX}${key(index)}`, thing(index === 0 ? -2 : -1));
          await data.put(`${PREFIX}later`, thing(1));
        },
      });
    });

    test('M8: the same where all of the newest that the mirror knew has changed since', async () => {
      await otherHistory(w, decode, {
        before: async (data) => {
          for (let index = 0; index < 60; index++) await data.put(`${PREFIX}${key(index)}`, thing(-1));
        },
        after: async (data) => {
          for (let index = 0; index < 60; index++)
            await data.put(`${PREFIX}${key(index)}`, thing(index === 20 ? -2 : -1));
          for (let index = 30; index < 60; index++) await data.put(`${PREFIX}${key(index)}`, thing(-3));
        },
      });
    });

    test.each(['not there', 'of another revision'])(
      'where a value that was read is %s among the keys that were read',
      async (how) => {
        const seen = await open(w, { decode });
        w.script.cut();
        const snapshot = w.data.snapshot();
        await w.data.put(`${PREFIX}${key(1)}`, thing(-1));
        await w.data.put('/elsewhere', 'x');
        await compact(w);
        let isSwapped = false;
        w.script.afterRead = async ({ options }) => {
          if (options.keysOnly !== true || isSwapped) return;
          isSwapped = true;
          w.data.restore(snapshot);
          await w.data.put('/elsewhere', 'x');
          if (how === 'of another revision') await w.data.put(`${PREFIX}${key(1)}`, thing(-2));
          await w.data.put('/elsewhere', 'x');
        };
        await comeBack(w, seen);
        expect(isSwapped).toBe(true);
        expectWhole(w);
        expect(seen.resyncs).toHaveLength(1);
        expect(shown(seen.mirror)).toEqual(await held(w.data));
      },
    );

    test('where a compaction overtakes it too', async () => {
      const seen = await open(w, { decode });
      let isLate = false;
      w.script.afterRead = async ({ options }) => {
        if (options.keysOnly !== true || isLate) return;
        isLate = true;
        await w.data.put(`${PREFIX}${key(2)}`, thing(-2));
        await compact(w);
      };
      await missAndCompact(w, seen, (data) => data.put(`${PREFIX}${key(1)}`, thing(-1)));
      expect(isLate).toBe(true);
      expectWhole(w);
      expect(shown(seen.mirror)).toEqual(await held(w.data));
    });
  });

  test('reads many changed values by what they have in common', async () => {
    for (let index = 0; index < 2_600; index++) await w.data.put(`${PREFIX}more/${index}`, thing(index));
    const seen = await open(w, { decode });
    await missAndCompact(w, seen, async (data) => {
      for (let index = 0; index < 600; index++) await data.put(`${PREFIX}more/${index}`, thing(-index));
      await data.delete(`${PREFIX}more/2000`);
    });
    expect(scans(w).map(({ keysOnly, minModRevision = 0 }) => [keysOnly, minModRevision > 1])).toEqual([
      [true, false],
      [false, true],
    ]);
    expect(txns(w)).toEqual([]);
    expect(shown(seen.mirror)).toEqual(await held(w.data));
    expect(seen.resyncs).toMatchObject([{ changed: 601 }]);
  });

  test('tries the same again where the store is away', async () => {
    const seen = await open(w, { decode });
    w.script.cut();
    await w.data.put(`${PREFIX}${key(1)}`, thing(-1));
    await compact(w);
    w.script.heal();
    let failures = 0;
    w.script.reads.length = 0;
    w.script.beforeRead = ({ kind }) => {
      if (kind !== 'txn' || failures === 2) return;
      failures += 1;
      throw new StoreError('unavailable', 'not now');
    };
    await w.until(() => seen.resyncs.length > 0);
    expect(failures).toBe(2);
    expect(scans(w).every(({ keysOnly }) => keysOnly)).toBe(true);
    expect(shown(seen.mirror)).toEqual(await held(w.data));
  });
});

/** Two histories that part after the first load, of which the mirror knows one; the other has overtaken it and is compacted. */
async function otherHistory(
  w: World,
  decode: 'eager' | 'lazy',
  { before, after }: Record<'before' | 'after', (data: ConfigStore) => Promise<unknown>>,
): Promise<void> {
  const snapshot = w.data.snapshot();
  await before(w.data);
  const seen = await open(w, { decode });
  w.script.cut();
  w.data.restore(snapshot);
  await after(w.data);
  while ((await w.data.status()).revision <= seen.mirror.revision) await w.data.put('/elsewhere', 'x');
  await w.data.put(`${PREFIX}${key(9)}`, thing(-9));
  await compact(w);
  await comeBack(w, seen);
  expect(scans(w).filter(({ keysOnly }) => keysOnly)).toHaveLength(1);
  expectWhole(w);
  expect(seen.resyncs).toHaveLength(1);
  expect(shown(seen.mirror)).toEqual(await held(w.data));
}

describe('M3 keys that are not UTF-8', () => {
  test('appear, change and disappear with such a resync', async () => {
    const w = world();
    const raw = (last: number, directory = '') => Uint8Array.of(...encodeUtf8(PREFIX + directory), last);
    const listed = ({ mirror }: Seen) =>
      mirror.problems().map(({ rawKey, revision }) => [rawKey?.at(-1), revision] as const);
    for (let index = 0; index < 20; index++) await w.data.put(`${PREFIX}${key(index)}`, thing(index));
    const unchanged = w.data.injectRaw(raw(0xff), '1');
    w.data.injectRaw(raw(0xfe), '1');
    w.data.injectRaw(raw(0xfd, 'gone/'), '1');
    for (let index = 10; index < 20; index++) await w.data.put(`${PREFIX}${key(index)}`, thing(index));
    const seen = await open(w, {});
    expect(listed(seen)).toHaveLength(3);
    w.script.cut();
    await w.data.put(`${PREFIX}${key(1)}`, thing(-1));
    const changed = w.data.injectRaw(raw(0xfe), '2');
    const added = w.data.injectRaw(raw(0xfc), '2');
    await w.data.delete({ prefix: `${PREFIX}gone/` });
    await compact(w);
    await comeBack(w, seen);
    expectSpared(w);
    expect(new Map(listed(seen))).toEqual(
      new Map([
        [0xff, unchanged],
        [0xfe, changed],
        [0xfc, added],
      ]),
    );
    expect(seen.invalid.map(({ rawKey }) => rawKey?.at(-1)).sort()).toEqual([0xfc, 0xfe]);
    expect(seen.events[0]?.changes.map((change) => change.key)).toEqual([key(1)]);
    await w.close();
  });
});
