import { json, mirror, type Mirror } from '@holdfast/core';
import {
  CompactedError,
  type ConfigStore,
  type ListResult,
  type Revision,
  StoreError,
  toRevision,
} from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { Random } from '@holdfast/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { seeds } from '../../../.ci/test/support/sample.js';
import { held, PREFIX, shown, thing, type Thing, world, type World } from './support/world.js';

// A load that takes longer than the time between two compactions: a scan at one revision is overtaken again and again, or the watch
// that is to go on from it is.

type State = ReadonlyMap<string, number>;

/** What the store held at each revision, by a watch that nothing disturbs. */
class Truth {
  readonly #states = new Map<number, State>();
  #latest: State = new Map();
  #done: Promise<void> = Promise.resolve();
  #close: () => Promise<void> = () => Promise.resolve();

  async begin(store: ConfigStore): Promise<void> {
    const { items, bookmark } = await store.list({ prefix: PREFIX });
    this.#note(bookmark.revision, new Map(items.map(({ key, value }) => [key.slice(PREFIX.length), numberOf(value)])));
    const watch = store.watch({ prefix: PREFIX }, { after: bookmark });
    this.#close = () => watch.close();
    this.#done = (async () => {
      for await (const { events, bookmark: at } of watch) {
        let state = new Map(this.#latest);
        let revision = 0;
        for (const event of events) {
          if (revision !== 0 && event.revision !== revision) {
            this.#note(revision, state);
            state = new Map(state);
          }
          revision = event.revision;
          if (event.type === 'put') state.set(event.current.key.slice(PREFIX.length), numberOf(event.current.value));
          else if (event.type === 'delete') state.delete(event.key.slice(PREFIX.length));
        }
        this.#note(at.revision, state);
      }
    })();
  }

  /** The state at a revision: that of the last change up to it. */
  at(revision: number): State {
    let found = 0;
    for (const known of this.#states.keys()) if (known <= revision && known > found) found = known;
    return this.#states.get(found) ?? new Map();
  }

  async end(): Promise<void> {
    await this.#close();
    await this.#done;
  }

  #note(revision: number, state: State): void {
    this.#states.set(revision, state);
    this.#latest = state;
  }
}

function numberOf(value: Uint8Array): number {
  return (JSON.parse(decodeUtf8(value) ?? '') as Thing).n;
}

/** Writes and compacts at every read that the mirror makes, and at every step of the clock. */
class Storm {
  readonly #w: World;
  readonly #random: Random;
  readonly #keys: readonly string[];
  readonly #isBusy: boolean;
  #n = 1_000;
  isOn = true;

  constructor(w: World, keys: readonly string[], isBusy: boolean, seed: number) {
    this.#w = w;
    this.#keys = keys;
    this.#isBusy = isBusy;
    this.#random = new Random(seed);
    w.script.afterRead = () => this.rage();
  }

  async rage(): Promise<void> {
    if (!this.isOn) return;
    const { data } = this.#w;
    for (let writes = this.#isBusy ? this.#random.below(4) : 0; writes > 0; writes--) await this.#write();
    // Other prefixes' traffic moves the head as well.
    const { revision } = await data.put('/elsewhere', String((this.#n += 1)));
    await data.compact(revision);
  }

  async #write(): Promise<void> {
    const { data } = this.#w;
    const key = () => this.#keys[this.#random.below(this.#keys.length)] ?? '';
    const value = () => thing((this.#n += 1));
    const act = this.#random.below(5);
    if (act === 0) await data.delete(key());
    else if (act === 1) {
      const [one, other] = [key(), key()];
      if (one === other) return;
      await data.txn({
        then: [
          { type: 'put', key: one, value: value() },
          { type: 'delete', range: other },
        ],
      });
    } else await data.put(key(), value());
  }
}

async function fill(w: World, count: number): Promise<readonly string[]> {
  const keys = Array.from(
    { length: count },
    (_, n) => `${PREFIX}${n % 2 === 0 ? 'even' : 'odd'}/k${String(n).padStart(5, '0')}`,
  );
  for (let from = 0; from < count; from += 100) {
    const then = keys.slice(from, from + 100).map((key, n) => ({ type: 'put' as const, key, value: thing(from + n) }));
    await w.data.txn({ then });
  }
  return keys;
}

/** Holds what listeners are told against the truth: each step is the state at its bookmark, and there is no other. */
function follow(truth: Truth) {
  const copy = new Map<string, number>();
  const wrong: string[] = [];
  let steps = 0;
  return {
    wrong,
    get steps() {
      return steps;
    },
    onChange: ({
      changes,
      bookmark,
    }: {
      changes: readonly { type: string; key: string; current?: { value: Thing } }[];
      bookmark: { revision: number };
    }) => {
      steps += 1;
      for (const { key, current } of changes) {
        if (current === undefined) copy.delete(key);
        else copy.set(key, current.value.n);
      }
      const state = truth.at(bookmark.revision);
      const isEqual = copy.size === state.size && [...copy].every(([key, n]) => state.get(key) === n);
      if (!isEqual)
        wrong.push(`the step to ${bookmark.revision} is ${copy.size} keys, and the store had ${state.size}, or others`);
    },
  };
}

describe.each(['like-v3', 'like-v2'] as const)('a load that compactions overtake (%s)', (kind) => {
  // Of v2, a read of any range is one answer; here that is one page.
  const many = kind === 'like-v3' ? 2_500 : 900;
  let w: World;
  let truth: Truth;
  let storm: Storm;
  const opened: Mirror<Thing>[] = [];
  beforeEach(() => {
    w = world(kind);
    truth = new Truth();
  });
  afterEach(async () => {
    storm.isOn = false;
    for (const each of opened.splice(0)) await each.close();
    await truth.end();
    await w.close();
  });

  async function begin(count: number, isBusy: boolean, seed: number): Promise<readonly string[]> {
    const keys = await fill(w, count);
    await truth.begin(w.data);
    storm = new Storm(w, keys, isBusy, seed);
    return keys;
  }

  /** Moves the clock, with a compaction at each step, until the promise has settled. */
  async function through<T>(pending: Promise<T>): Promise<T> {
    let isDone = false;
    const settled = pending.finally(() => (isDone = true));
    settled.catch(() => undefined);
    for (let waited = 0; !isDone; waited += 20) {
      await storm.rage();
      await w.clock.advance(20);
      if (waited > 120_000) throw new Error('it never ends');
    }
    return settled;
  }

  async function stormUntil(condition: () => boolean): Promise<void> {
    for (let waited = 0; !condition(); waited += 20) {
      await storm.rage();
      await w.clock.advance(20);
      if (waited > 120_000) throw new Error('it never ends');
    }
  }

  test.each(['eager', 'lazy'] as const)(
    'ends, is whole, and the mirror is live while that goes on (%s)',
    async (decode) => {
      await begin(many, false, 1);
      const told = follow(truth);
      const mirrored = await through(open({ decode, onChange: told.onChange }));
      expect(mirrored.size).toBe(many);
      expect(told.steps).toBe(1);
      await stormUntil(() => mirrored.state.status === 'live');
      for (let steps = 0; steps < 50; steps++) {
        await storm.rage();
        await w.clock.advance(200);
      }
      expect(mirrored.state.status).toBe('live');
      expect(told.wrong).toEqual([]);
    },
  );

  test.each(seeds(1, 6))('ends also where the range itself is written all the time: seed %i', async (seed) => {
    await begin(many, true, seed);
    const told = follow(truth);
    const mirrored = await through(open({ decode: seed % 2 === 0 ? 'lazy' : 'eager', onChange: told.onChange }));
    await stormUntil(() => mirrored.state.status === 'live');
    storm.isOn = false;
    await w.until(async () => isSame(shown(mirrored), await held(w.data)));
    await Promise.all([mirrored.sync(), w.clock.advance(5_000)]);
    expect(told.wrong).toEqual([]);
  });

  test('is one request at a time, and none of them is for everything', async () => {
    await begin(many, false, 1);
    const before = w.script.reads.length;
    await through(open());
    const lists = w.script.reads
      .slice(before)
      .filter((read) => read.kind === 'list' && read.options.sort === undefined && read.options.countOnly !== true);
    if (kind === 'like-v3') {
      expect(lists.length).toBeGreaterThan(2);
      expect(lists.every(({ options }) => options.limit !== undefined && options.revision === undefined)).toBe(true);
    } else {
      expect(lists).toEqual([]);
    }
  });

  test('in a resync is a diff: unchanged entries stay the same objects, and readers are served', async () => {
    const keys = await begin(many, false, 1);
    storm.isOn = false;
    const told = follow(truth);
    const mirrored = await open({ onChange: told.onChange, fullResyncKeys: Infinity });
    await w.until(() => mirrored.state.status === 'live');
    const before = new Map(mirrored);
    w.script.cut();
    await w.data.put(keys[7] ?? '', thing(70_000));
    await w.data.delete(keys[8] ?? '');
    storm.isOn = true;
    await storm.rage();
    const steps = told.steps;
    w.script.heal();
    await stormUntil(() => mirrored.size === many - 1 && mirrored.state.status === 'live');
    expect(told.steps).toBe(steps + 1);
    expect(told.wrong).toEqual([]);
    const changed = [...before].filter(([key, entry]) => mirrored.get(key) !== entry).map(([key]) => PREFIX + key);
    expect(changed.sort()).toEqual([keys[7], keys[8]].sort());
  });

  test('of several collections, or of one key, ends too', async () => {
    await begin(many, true, 9);
    const options = { codec: json<Thing>(), clock: w.clock, random: () => 0.5 };
    const both = await through(mirror(w.store, { ...options, prefix: PREFIX, collections: { even: {}, odd: {} } }));
    const one = await through(mirror(w.store, { ...options, key: `${PREFIX}even/k00000` }));
    await stormUntil(() => both.state.status === 'live' && one.state.status === 'live');
    storm.isOn = false;
    await Promise.all([both.sync(), one.sync(), w.clock.advance(5_000)]);
    const all = await held(w.data);
    const shownByBoth = { ...prefixed('even/', shown(both.even)), ...prefixed('odd/', shown(both.odd)) };
    expect(isSame(shownByBoth, all)).toBe(true);
    expect(one.value).toEqual(all['even/k00000']?.value);
    await both.close();
    await one.close();
  });

  test('shows nothing of another history that takes the place of the store meanwhile', async () => {
    await begin(many, true, 4);
    const old = w.data.snapshot();
    for (let n = 0; n < 50; n++) await w.data.put(`${PREFIX}even/k00000`, thing(90_000 + n));
    let reads = 0;
    const rage = w.script.afterRead;
    w.script.afterRead = async (read) => {
      reads += 1;
      if (read.kind === 'list' && reads > 4) {
        w.script.afterRead = rage;
        await truth.end();
        w.data.restore(old, { identity: 'same' });
        await w.data.delete({ prefix: `${PREFIX}odd/` });
        await truth.begin(w.data);
      }
      await rage(read);
    };
    const mirrored = await through(open());
    await stormUntil(() => mirrored.state.status === 'live');
    storm.isOn = false;
    await Promise.all([mirrored.sync(), w.clock.advance(5_000)]);
    expect(isSame(shown(mirrored), await held(w.data))).toBe(true);
  });

  test('goes on through a lost connection, and is whole', async () => {
    await begin(many, true, 6);
    const rage = w.script.afterRead;
    let isCut = false;
    w.script.afterRead = async (read) => {
      await rage(read);
      // The first of the pieces was read; of v2, everything behind an open watch.
      if (isCut || (kind === 'like-v3' ? read.options.limit !== 100 : w.script.opened.at(-1) !== undefined)) return;
      isCut = true;
      w.script.cut();
      void w.clock.advance(1_000).then(() => {
        w.script.heal();
      });
    };
    const told = follow(truth);
    const mirrored = await through(open({ onChange: told.onChange }));
    await stormUntil(() => isCut && mirrored.state.status === 'live');
    storm.isOn = false;
    await Promise.all([mirrored.sync(), w.clock.advance(5_000)]);
    expect(told.wrong).toEqual([]);
    expect(isSame(shown(mirrored), await held(w.data))).toBe(true);
  });

  test.each(seeds(1, 3))(
    'shows nothing before the watch has told everything up to the last piece: seed %i',
    async (seed) => {
      await begin(many, true, seed);
      const rage = w.script.afterRead;
      let isHeld = false;
      w.script.afterRead = async (read) => {
        await rage(read);
        if (isHeld || w.script.opened.length === 0 || w.script.opened.at(-1) !== undefined) return;
        // Behind an open watch, from now on what it tells comes late.
        isHeld = true;
        w.script.hold();
        void w.clock.advance(2_000).then(() => {
          w.script.release();
        });
      };
      const told = follow(truth);
      const mirrored = await through(open({ onChange: told.onChange }));
      await stormUntil(() => isHeld && mirrored.state.status === 'live');
      storm.isOn = false;
      await Promise.all([mirrored.sync(), w.clock.advance(5_000)]);
      expect(told.wrong).toEqual([]);
      expect(isSame(shown(mirrored), await held(w.data))).toBe(true);
    },
  );

  test('goes on with the watch that was open, where every other one would begin too late', async () => {
    const keys = await begin(many, false, 1);
    w.script.onWatch = () =>
      w.script.opened.at(-1) === undefined
        ? undefined
        : new CompactedError('compacted meanwhile', { compactRevision: toRevision(1_000_000) });
    const mirrored = await through(open());
    await stormUntil(() => mirrored.state.status === 'live' && w.script.watches.size === 1);
    const { n } = { n: 77_777 };
    await w.data.put(keys[1] ?? '', thing(n));
    await stormUntil(() => mirrored.get((keys[1] ?? '').slice(PREFIX.length))?.value.n === n);
    expect(mirrored.state.status).toBe('live');
  });

  test('is compared in the background while that goes on, and a difference is found', async () => {
    const keys = await begin(many, false, 1);
    const mirrored = await through(open({ auditEveryMs: 1_000 }));
    await stormUntil(() => mirrored.state.status === 'live');
    const resyncs: string[] = [];
    mirrored.on('resync', ({ reason }) => resyncs.push(reason));
    const reads = w.script.reads.length;
    for (let steps = 0; steps < 100; steps++) {
      await storm.rage();
      await w.clock.advance(100);
    }
    expect(w.script.reads.slice(reads).filter(({ kind: read }) => read === 'scan').length).toBeGreaterThan(3);
    expect(resyncs).toEqual([]);
    // A delete that the watch does not tell.
    const { onBatch } = w.script;
    w.script.onBatch = (batch) => onBatch({ ...batch, events: batch.events.filter(({ type }) => type !== 'delete') });
    await w.data.delete(keys[3] ?? '');
    await stormUntil(() => resyncs.length > 0);
    expect(mirrored.size).toBe(many - 1);
  });

  test('leaves nothing behind when it is given up in the middle', async () => {
    await begin(many, true, 5);
    const controller = new AbortController();
    const rage = w.script.afterRead;
    let scans = 0;
    w.script.afterRead = async (read) => {
      if (read.kind === 'scan') scans += 1;
      // Behind an open watch: the first of the pieces, or the third read of everything.
      if (scans === 3 || (read.kind === 'list' && read.options.limit === 100)) controller.abort();
      await rage(read);
    };
    const opening = open({ signal: controller.signal });
    opening.catch(() => undefined);
    await stormUntil(() => controller.signal.aborted);
    await w.until(() => w.script.watches.size === 0 && w.clock.pending === 0);
    if (kind === 'like-v3') await expect(opening).rejects.toMatchObject({ code: 'aborted' });
    else expect((await opening).state).toMatchObject({ status: 'closed', error: { code: 'aborted' } });
  });

  function open(options: object = {}): Promise<Mirror<Thing>> {
    const opening = mirror(w.store, {
      prefix: PREFIX,
      codec: json<Thing>(),
      clock: w.clock,
      random: () => 0.5,
      startTimeoutMs: 100_000,
      ...options,
    });
    opening.then(
      (mirrored) => opened.push(mirrored),
      () => undefined,
    );
    return opening;
  }
});

/** Jest would take minutes to say how thousands of entries differ. */
function isSame(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): boolean {
  const sorted = (entries: object) => JSON.stringify(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)));
  return sorted(one) === sorted(other);
}

function prefixed<T>(prefix: string, entries: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).map(([key, value]) => [prefix + key, value]));
}

test('the pages of one answer are of one revision, whatever the watch tells while they come (like-v2)', async () => {
  const w = world('like-v2');
  // Three pages.
  const [key = ''] = await fill(w, 2_500);
  let scans = 0;
  w.script.beforeRead = ({ kind }) => {
    if (kind === 'scan' && (scans += 1) <= 2) throw new CompactedError('overtaken', { compactRevision: toRevision(2) });
  };
  let n = 10_000;
  w.script.afterRead = async ({ kind }) => {
    if (kind !== 'scan') return;
    await w.data.put(key, thing((n += 1)));
    await new Promise((resolve) => setImmediate(resolve));
  };
  const mirrored = await w.open();
  expect(scans).toBe(3);
  expect(isSame(shown(mirrored), await held(w.data))).toBe(true);
  await w.close();
});

test('an event that comes while an idle range is looked at is not waited for once more', async () => {
  const w = world('like-v2');
  await w.data.put(`${PREFIX}a`, thing(1));
  // No watch can go on from a bookmark, so that everything is read behind one that begins at the head.
  w.script.onWatch = () =>
    w.script.opened.at(-1) === undefined
      ? undefined
      : new CompactedError('compacted meanwhile', { compactRevision: toRevision(1_000_000) });
  let isWritten = false;
  w.script.beforeRead = async ({ kind, options }) => {
    if (kind === 'scan') await w.data.put('/elsewhere', '1');
    if (isWritten || options.sort === undefined || w.script.opened.length === 0 || w.script.opened.at(-1) !== undefined)
      return;
    isWritten = true;
    await w.data.put(`${PREFIX}a`, thing(2));
  };
  const mirrored = await w.open();
  await w.until(() => isWritten && mirrored.state.status === 'live' && w.script.watches.size === 1, 5_000);
  expect(mirrored.get('a')?.value.n).toBe(2);
  await w.close();
});

test('a compaction behind the mirror, ahead of the watch that was open during its load, forces no resync (M6)', async () => {
  const w = world();
  await w.data.put(`${PREFIX}a`, thing(1));
  // Progress that would take the watch along gets lost, and the range is idle.
  w.script.onBatch = (batch) => (batch.kind === 'progress' ? undefined : batch);
  let overtaken = 2;
  w.script.beforeRead = async ({ kind }) => {
    await w.data.put('/elsewhere', String(overtaken));
    if (kind === 'scan' && overtaken-- > 0) throw new CompactedError('overtaken', { compactRevision: toRevision(2) });
  };
  const mirrored = await w.open();
  await w.until(() => mirrored.state.status === 'live');
  expect(w.script.opened).toEqual([undefined]);
  const resyncs: string[] = [];
  mirrored.on('resync', ({ reason }) => resyncs.push(reason));
  w.script.failWatches(new CompactedError('compacted', { compactRevision: mirrored.revision }));
  await w.until(() => mirrored.state.status === 'live' && w.script.opened.length === 2);
  await w.clock.advance(2_000);
  expect(resyncs).toEqual([]);
  await w.close();
});

describe('the pieces of a load', () => {
  let w: World;
  beforeEach(() => {
    w = world();
  });
  afterEach(() => w.close());

  /** Opens a mirror whose first scans are overtaken, and gives how its pieces were asked for. */
  async function open(scans = 2): Promise<{ readonly mirrored: Mirror<Thing>; readonly limits: readonly number[] }> {
    let overtaken = scans;
    const { beforeRead } = w.script;
    w.script.beforeRead = async (read) => {
      await beforeRead(read);
      if (read.kind === 'scan' && overtaken-- > 0)
        throw new CompactedError('overtaken', { compactRevision: toRevision(2) });
    };
    const mirrored = await w.open();
    const limits = w.script.reads.flatMap(({ options: { limit, sort } }) =>
      limit === undefined || sort !== undefined ? [] : [limit],
    );
    return { mirrored, limits };
  }

  test('get larger while values are small', async () => {
    await fill(w, 3_000);
    const { mirrored, limits } = await open();
    expect(limits).toEqual([100, 400, 1_600, 2_000]);
    expect(mirrored.size).toBe(3_000);
  });

  test('get smaller where values are large', async () => {
    const pad = 'x'.repeat(40_000);
    for (let n = 0; n < 150; n++) await w.data.put(`${PREFIX}k${n}`, JSON.stringify({ n, pad }));
    const { mirrored, limits } = await open();
    expect(limits.slice(0, 2)).toEqual([100, 26]);
    expect(mirrored.size).toBe(150);
  });

  test('that fail or come too late are asked for again, smaller, and those before them are not', async () => {
    await fill(w, 600);
    let failures = 3;
    w.script.beforeRead = ({ kind, options }) => {
      if (kind !== 'list' || options.limit === undefined || options.limit === 100 || failures-- <= 0) return undefined;
      if (failures > 0) throw new StoreError('unavailable', 'not now');
      return new Promise(() => undefined);
    };
    const { mirrored, limits } = await open();
    expect(limits).toEqual([100, 400, 400, 400, 200, 800]);
    expect(mirrored.size).toBe(600);
  });

  test('that never come are given up with the rest', async () => {
    await fill(w, 200);
    let isBroken = true;
    w.script.beforeRead = ({ kind, options }) => {
      if (isBroken && kind === 'list' && options.limit !== undefined) throw new StoreError('unavailable', 'not now');
    };
    void w.clock.advance(8_000).then(() => (isBroken = false));
    const { mirrored } = await open();
    expect(mirrored.size).toBe(200);
    expect(w.script.watches.size).toBe(1);
  });

  test('that are not what was asked for are read again', async () => {
    await fill(w, 600);
    const lies: ((list: ListResult) => ListResult)[] = [
      (list) => ({ ...list, more: false }),
      (list) => ({ ...list, items: list.items.toReversed() }),
      (list) => ({ ...list, items: [], more: true }),
      (list) => ({ ...list, count: Number.NaN }),
      (list) => ({ ...list, items: list.items.map((item) => ({ ...item, key: `/other${item.key}` })) }),
      (list) => ({ ...list, bookmark: { ...list.bookmark, revision: 0 as Revision } }),
    ];
    w.script.onList = (list, { options }) => ((options.limit ?? 1) > 1 ? (lies.shift()?.(list) ?? list) : list);
    const { mirrored } = await open(Infinity);
    expect(lies).toEqual([]);
    expect(isSame(shown(mirrored), await held(w.data))).toBe(true);
  });

  /** Opens a mirror whose first scans are overtaken, and tells whether what it shows first is what the store has. */
  async function showsTheTruth(): Promise<boolean> {
    let first: Record<string, Thing> | undefined;
    let scans = 0;
    const { beforeRead } = w.script;
    w.script.beforeRead = async (read) => {
      await beforeRead(read);
      if (read.kind === 'scan' && (scans += 1) <= 2)
        throw new CompactedError('overtaken', { compactRevision: toRevision(2) });
    };
    await w.open({
      onChange: ({ changes }) => {
        first ??= Object.fromEntries(
          changes.flatMap((change) => (change.type === 'put' ? [[change.key, change.current.value]] : [])),
        );
      },
    });
    const truth = Object.entries(await held(w.data)).map(([key, { value }]) => [key, value]);
    return isSame(first ?? {}, Object.fromEntries(truth) as Record<string, unknown>);
  }

  /** Changes a key a few times, and waits until the watch has told that. */
  async function tell(key: string): Promise<void> {
    for (let n = 0; n < 5; n++) await w.data.put(key, thing(5_000 + n));
    await new Promise((resolve) => setImmediate(resolve));
  }

  test('of two histories are not put together: the store was put back behind a lost connection, and has got further', async () => {
    const keys = await fill(w, 600);
    const old = w.data.snapshot();
    let isDone = false;
    w.script.beforeRead = async ({ kind, options }) => {
      if (isDone || kind !== 'list' || options.limit !== 400) return;
      isDone = true;
      await tell(keys[0] ?? '');
      const { beforeRead } = w.script;
      w.script.cut();
      w.data.restore(old, { identity: 'same' });
      // As many keys as before, and a head that is ahead of all that was read.
      for (let n = 0; n < 10; n++) await w.data.put(keys[2] ?? '', thing(6_000 + n));
      w.script.heal();
      w.script.beforeRead = beforeRead;
    };
    expect(await showsTheTruth()).toBe(true);
    expect(isDone).toBe(true);
  });

  test('of two histories are not put together: the connection was lost right after the watch was established', async () => {
    const keys = await fill(w, 600);
    const old = w.data.snapshot();
    await tell(keys[0] ?? '');
    const loseAndPutBack = () => {
      const { beforeRead } = w.script;
      w.script.cut();
      w.script.beforeRead = async ({ options }) => {
        if (options.limit !== 400) return;
        w.data.restore(old, { identity: 'same' });
        for (let n = 0; n < 10; n++) await w.data.put(keys[2] ?? '', thing(6_000 + n));
        w.script.heal();
        w.script.beforeRead = beforeRead;
        await tell(keys[4] ?? '');
      };
    };
    w.script.onEstablished = (after) => {
      w.script.onEstablished = (each) => each;
      queueMicrotask(loseAndPutBack);
      return after;
    };
    expect(await showsTheTruth()).toBe(true);
  });

  test('of two histories are not put together: what is read is behind what the watch has told', async () => {
    const keys = await fill(w, 600);
    let head: Revision | undefined;
    let lies = 0;
    w.script.beforeRead = async ({ kind, options }) => {
      // Once the read is given up, the store that was put back is gone.
      if (kind === 'scan' && lies > 0) w.script.onList = (list) => list;
      if (head !== undefined || options.limit !== 400) return;
      head = (await w.data.list({ key: keys[0] ?? '' })).bookmark.revision;
      await tell(keys[0] ?? '');
    };
    w.script.onList = (list) => {
      if (head === undefined) return list;
      lies += 1;
      const items = list.items.map((item) => ({ ...item, value: Buffer.from(thing(-1)) }));
      return { ...list, items, bookmark: { ...list.bookmark, revision: head } };
    };
    expect(await showsTheTruth()).toBe(true);
    expect(lies).toBeGreaterThan(0);
  });
});
