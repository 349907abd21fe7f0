import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { StoreError, withPrefix } from '@holdfast/store';
import { createStore, DelegatingDriver, systemClock, type WatchSink } from '@holdfast/store/adapter';
import { eventually, Random, virtualClock } from '@holdfast/testkit';
import { describe, expect, test } from '@jest/globals';
import { json, mirror, type MirrorState, type SnapshotStore } from '../src/index.js';
import { snapshotIn } from '../src/snapshot/file/file-snapshot.js';
import { readSnapshotIn } from '../src/snapshot/file/read-snapshot.js';
import { readSaved } from '../src/snapshot/read-saved.js';
import { MemoryFiles } from './support/memory-files.js';
import { AT, moving, notes, stateIn, stateOf, switchable, until, wallClock, write } from './support/snapshots.js';

const A = { prefix: '/a/', codec: json<unknown>() } as const;
const kept = (files: MemoryFiles) => [...files.names.keys()].filter((name) => /\.kept-[^.]*$/.test(name));

/** A store with some keys, and a file with what a mirror made of them: what is shown, and the store behind it. */
async function saved(seed = 1, options: object = {}) {
  const random = new Random(seed);
  const files = new MemoryFiles();
  const data = memoryStore();
  for (let n = 0; n < 30; n++) await write(data, random, '/a/');
  const first = await mirror(data, { ...A, snapshot: snapshotIn(files, AT), ...options });
  for (let n = 0; n < 5; n++) await write(data, random, '/a/');
  await data.put('/a/bad', '"good"');
  await first.sync();
  await data.put('/a/bad', 'not json');
  await first.sync();
  first.get('bad');
  const [state, bookmark, { asOf }] = [stateOf(first), first.bookmark, first];
  await first.close();
  return { random, files, data, state, bookmark, asOf, snapshot: snapshotIn(files, AT) };
}

/** Where others than files keep a copy. */
function copies(): SnapshotStore & { bytes: Uint8Array | undefined; saves: number } {
  return {
    bytes: undefined,
    saves: 0,
    load() {
      return Promise.resolve(this.bytes);
    },
    save(bytes) {
      this.bytes = bytes.slice();
      this.saves += 1;
      return Promise.resolve();
    },
  };
}

describe.each(['eager', 'lazy'] as const)('a mirror (%s) starts without its store', (decode) => {
  test('it shows the snapshot as of then, as a load, and goes on from there when the store answers', async () => {
    const { files, data, state, bookmark, asOf, random, snapshot } = await saved(1, { decode });
    const link = switchable(data);
    const causes: string[] = [];
    const states: MirrorState[] = [];
    const second = await mirror(link.store, {
      ...A,
      decode,
      snapshot,
      onChange: ({ cause }) => causes.push(cause),
      onState: (each) => states.push(each),
    });
    expect(second.state).toMatchObject({ status: 'stale', reason: 'from-snapshot', since: expect.any(Number) });
    expect(second.bookmark).toEqual(bookmark);
    expect(second.asOf).toBeGreaterThanOrEqual(asOf);
    expect(second.asOf).toBeLessThanOrEqual(Date.now());
    expect(stateOf(second)).toBe(state);
    expect(second.health()).toMatchObject({ ready: true, status: 'stale', reason: 'from-snapshot' });
    const before = new Map(second);
    await write(data, random, '/a/');
    // Only a mirror that was there before has the last good value.
    await data.put('/a/bad', '"mended"');
    link.down = false;
    await eventually(() => second.state.status === 'live');
    await second.sync();
    const third = await mirror(data, { ...A, decode });
    expect(stateOf(second)).toBe(stateOf(third));
    expect(causes).toEqual(['load', ...causes.slice(1).map(() => 'watch')]);
    let same = 0;
    for (const [key, entry] of second) if (before.get(key) === entry) same += 1;
    expect(same).toBeGreaterThan(before.size / 2);
    expect(states.map(({ status }) => status)).not.toContain('resyncing');
    await write(data, random, '/a/');
    await second.sync();
    const last = stateOf(second);
    await second.close();
    expect(stateIn(await readSnapshotIn(files, AT), '/a/')).toBe(last);
    await third.close();
  });

  test('what was compacted meanwhile comes as a difference, and what is unchanged stays the same object', async () => {
    const { data, random, snapshot } = await saved(2, { decode });
    const link = switchable(data);
    const second = await mirror(link.store, { ...A, decode, snapshot });
    const before = new Map(second);
    for (let n = 0; n < 3; n++) await write(data, random, '/a/', 5);
    const { revision } = await data.put('/b', 'x');
    await data.compact(revision);
    link.down = false;
    const resyncs: string[] = [];
    second.on('resync', ({ reason }) => resyncs.push(reason));
    await eventually(() => second.state.status === 'live');
    await second.sync();
    const third = await mirror(data, { ...A, decode });
    expect([...second].map(([key, { value }]) => [key, value]).sort()).toEqual(
      expect.arrayContaining([...third].map(([key, { value }]) => [key, value])),
    );
    expect(resyncs).toEqual(['compacted']);
    const unchanged = [...second].filter(([key, entry]) => before.get(key)?.modRevision === entry.modRevision);
    expect(unchanged.length).toBeGreaterThan(0);
    for (const [key, entry] of unchanged) expect(before.get(key)).toBe(entry);
    await Promise.all([second.close(), third.close()]);
  });
});

test('collections, a single key, and a view of a store start from their snapshots; another prefix, key or name is refused', async () => {
  const data = memoryStore();
  await data.put('/app/routes/a', '1');
  await data.put('/app/limits', '2');
  await data.put('/app/other', '3');
  const files = new MemoryFiles();
  const view = withPrefix(data, '/app/');
  const shapes = {
    collections: { prefix: '', codec: json(), collections: { routes: {}, limits: { key: 'limits' } } },
    key: { key: 'limits', codec: json() },
    whole: { prefix: '', codec: json() },
  } as const;
  const snapshotAt = (name: string) => snapshotIn(files, `/etc/${name}`);
  for (const [name, shape] of Object.entries(shapes)) {
    const one = await mirror(view, { ...(shape as (typeof shapes)['whole']), snapshot: snapshotAt(name) });
    await one.close();
  }
  expect((await readSnapshotIn(files, '/etc/key')).header).toMatchObject({ store: 'memory', key: '/app/limits' });
  expect((await readSnapshotIn(files, '/etc/key')).entries.map(({ key }) => key)).toEqual(['/app/limits']);
  expect((await readSnapshotIn(files, '/etc/collections')).unclaimed).toEqual(['/app/other']);
  const { store } = switchable(data);
  const down = withPrefix(store, '/app/');
  const gateway = await mirror(down, { ...shapes.collections, snapshot: snapshotAt('collections') });
  expect([gateway.routes.get('a')?.value, gateway.limits.value]).toEqual([1, 2]);
  const limits = await mirror(down, { ...shapes.key, snapshot: snapshotAt('key') });
  expect(limits.value).toBe(2);
  await Promise.all([gateway.close(), limits.close()]);
  const refusals = [
    [store, { ...shapes.whole, snapshot: snapshotAt('whole') }, /of the prefix "\/app\/", not of the prefix ""/],
    [down, { ...shapes.key, snapshot: snapshotAt('whole') }, /of the prefix "\/app\/", not of the key "\/app\/limits"/],
    [
      down,
      { ...shapes.whole, snapshot: snapshotAt('whole'), snapshotName: 'other' },
      /of the store "memory", not of "other"/,
    ],
    [
      down,
      { prefix: '', codec: json(), collections: { all: { prefix: '' } }, snapshot: snapshotAt('collections') },
      /other collections/,
    ],
  ] as const;
  for (const [where, options, reason] of refusals) {
    const { lines, logger } = notes();
    const clock = virtualClock(Date.now());
    const opening = mirror(where, { ...(options as (typeof refusals)[0][1]), logger, clock, startTimeoutMs: 20_000 });
    await expect(moving(clock, opening)).rejects.toMatchObject({ code: 'timeout' });
    expect(lines.join('\n')).toMatch(reason);
  }
});

test('the store is used if it loads in time; not waited for where it refuses; and the snapshot is shown where it hangs', async () => {
  const { data, snapshot, random } = await saved(3);
  await write(data, random, '/a/');
  const causes: string[] = [];
  const inTime = await mirror(data, { ...A, snapshot, onState: ({ status }) => causes.push(status) });
  expect([inTime.state.status, causes]).toEqual(['live', ['live']]);
  await inTime.close();

  const link = switchable(data);
  const began = performance.now();
  await (await mirror(link.store, { ...A, snapshot, snapshotAfterMs: 20_000 })).close();
  expect(performance.now() - began).toBeLessThan(10_000);

  const server = { hangs: true };
  const hangs = switchable(data);
  Object.defineProperty(hangs, 'down', {
    get: () => {
      if (server.hangs) throw new StoreError('timeout', 'the server hangs');
      return false;
    },
  });
  const hung = await mirror(hangs.store, { ...A, snapshot, snapshotAfterMs: 50 });
  expect(hung.state).toMatchObject({ status: 'stale', reason: 'from-snapshot' });
  server.hangs = false;
  await eventually(() => hung.state.status === 'live');
  await hung.close();
});

test('snapshotMaxAgeMs refuses what is too old, and a quiet mirror does not look old', async () => {
  const { data, files } = await saved(4);
  const { lines, logger } = notes();
  const { store } = switchable(data);
  const clock = virtualClock(Date.now() + 5);
  const opening = mirror(store, {
    ...A,
    snapshot: snapshotIn(files, AT),
    snapshotMaxAgeMs: 1,
    startTimeoutMs: 20_000,
    logger,
    clock,
  });
  await expect(moving(clock, opening)).rejects.toMatchObject({ code: 'timeout' });
  expect(lines.join('\n')).toMatch(/more than snapshotMaxAgeMs/);
  const quiet = await mirror(data, {
    ...A,
    snapshot: snapshotIn(files, AT),
    snapshotMaxAgeMs: 80,
    saveAfterMs: 20,
    livenessMs: 60,
  });
  const before = (await readSnapshotIn(files, AT)).header?.asOf ?? 0;
  await eventually(async () => ((await readSnapshotIn(files, AT)).header?.asOf ?? 0) > before + 100);
  await quiet.close();
});

describe('a store of another history behind a snapshot', () => {
  test.each([
    ['of another identity', (data: ReturnType<typeof memoryStore>) => data.wipe()],
    ['of the same identity, wiped', (data: ReturnType<typeof memoryStore>) => data.wipe({ identity: 'same' })],
  ])('%s: the snapshot is shown until that is certain, and kept beside the new one', async (_name, disaster) => {
    const clock = virtualClock(Date.now());
    const { data, files, state, snapshot } = await saved(5);
    const size = (await readSnapshotIn(files, AT)).entries.length;
    disaster(data);
    await data.put('/a/only', '1');
    const { lines, logger } = notes();
    const shownThen: string[] = [];
    const second = await moving(clock, mirror(data, { ...A, snapshot, logger, clock }));
    expect(second.state).toMatchObject({ status: 'stale', reason: 'from-snapshot' });
    expect(stateOf(second)).toBe(state);
    second.on('change', ({ cause }) => shownThen.push(cause));
    await until(clock, () => second.has('only') && second.size === 1);
    expect(lines.join('\n')).toMatch(/the snapshot is shown until that is certain/);
    await moving(clock, second.close());
    expect((await readSnapshotIn(files, AT)).entries).toHaveLength(1);
    const [copy = '', ...others] = kept(files);
    expect(others).toEqual([]);
    expect(stateIn(await readSnapshotIn(files, copy), '/a/')).toBe(state);
    expect((await readSnapshotIn(files, copy)).entries).toHaveLength(size);
  });

  test('one that has overtaken the snapshot, and is wiped while that is looked at', async () => {
    const clock = virtualClock(Date.now());
    const { data, snapshot, bookmark } = await saved(7);
    data.wipe({ identity: 'same' });
    while ((await data.put('/a/new', '1')).revision < bookmark.revision + 5);
    let looks = 0;
    class Looked extends DelegatingDriver {
      override list(...call: Parameters<DelegatingDriver['list']>): ReturnType<DelegatingDriver['list']> {
        const [, { revision }] = call;
        // First the watch's history is checked, and then, as it is another one, that is made certain.
        if (revision !== undefined && (looks += 1) === 2) data.wipe({ identity: 'same' });
        return super.list(...call);
      }
    }
    const store = createStore(new Looked(data), { clock });
    const second = await moving(clock, mirror(store, { ...A, snapshot, snapshotAfterMs: 0, clock }));
    await until(clock, () => second.size === 0 && second.state.status === 'live', 30_000);
    expect(looks).toBeGreaterThanOrEqual(2);
    await moving(clock, second.close());
  });

  test.each([
    ['and its watch ends', (data: MemoryStore) => (data.wipe({ identity: 'same' }), data)],
    ['and its watch tells nothing of it', (_: MemoryStore, identity: string) => memoryStore({ identity })],
    [
      'and its watch ends, as nothing is there yet to follow from',
      (_: MemoryStore, identity: string, sink?: WatchSink) => {
        sink?.fail(new StoreError('future-revision', 'that revision is in the future'));
        return memoryStore({ identity });
      },
    ],
  ])('one that goes back to between the snapshot and what has come since, %s', async (_name, goneBackIn) => {
    const clock = virtualClock(Date.now());
    const { data, snapshot, bookmark } = await saved(7);
    const put = async (store: MemoryStore, upTo: number) => {
      while ((await store.put('/a/new', '1')).revision < upTo);
    };
    await put(data, bookmark.revision + 9);
    // Not the mirror's: what the watch brings does not show that it is all.
    await data.put('/b/other', '1');
    let driver = new DelegatingDriver(data);
    let isHeldUp = false;
    let sink: WatchSink | undefined;
    class GoesBack extends DelegatingDriver {
      override async list(...call: Parameters<DelegatingDriver['list']>): ReturnType<DelegatingDriver['list']> {
        // What has come is not proved to be all.
        if (isHeldUp && call[1].revision === undefined) throw new StoreError('unavailable', 'held up');
        return driver.list(...call);
      }
      override scan(...call: Parameters<DelegatingDriver['scan']>): ReturnType<DelegatingDriver['scan']> {
        return driver.scan(...call);
      }
      override watch(...call: Parameters<DelegatingDriver['watch']>): ReturnType<DelegatingDriver['watch']> {
        [, , sink] = call;
        return driver.watch(...call);
      }
    }
    const store = createStore(new GoesBack(data), { clock });
    const second = await moving(clock, mirror(store, { ...A, snapshot, snapshotAfterMs: 0, clock }));
    second.on('change', () => (isHeldUp = true));
    await until(clock, () => second.has('new'), 30_000);
    expect(second.state.status).toBe('stale');
    const behind = goneBackIn(data, bookmark.identity, sink);
    await put(behind, bookmark.revision + 4);
    [driver, isHeldUp] = [new DelegatingDriver(behind), false];
    await until(clock, () => second.size === 1 && second.state.status === 'live', 60_000);
    await moving(clock, second.close());
  });

  test('one that gets certain although the wall clock is set back meanwhile', async () => {
    const clock = virtualClock(Date.now());
    const wall = wallClock(clock);
    const { data, snapshot } = await saved(5);
    data.wipe();
    const second = await moving(clock, mirror(data, { ...A, snapshot, clock: wall }));
    await clock.advance(1_500);
    wall.offset -= 3_600_000;
    await until(clock, () => second.size === 0 && second.state.status === 'live', 10_000);
    await moving(clock, second.close());
  });

  test('one that only seemed so for a moment: the mirror goes on from the snapshot', async () => {
    const clock = virtualClock(Date.now());
    const { data, files, state, snapshot } = await saved(6);
    const before = data.snapshot();
    data.wipe({ identity: 'same' });
    const second = await moving(clock, mirror(data, { ...A, snapshot, clock }));
    await clock.advance(1_500);
    expect(stateOf(second)).toBe(state);
    data.restore(before);
    await until(clock, () => second.state.status === 'live');
    expect(stateOf(second)).toBe(state);
    await moving(clock, second.close());
    expect(kept(files)).toEqual([]);
  });

  test('one that has overtaken the snapshot: found by its content, as a difference, and the old copy is kept', async () => {
    for (const afterMs of [0, 20_000]) {
      const clock = virtualClock(Date.now());
      const { data, files, state, snapshot, bookmark } = await saved(7);
      data.wipe({ identity: 'same' });
      while ((await data.put('/a/new', '1')).revision < bookmark.revision + 5);
      const second = await moving(clock, mirror(data, { ...A, snapshot, snapshotAfterMs: afterMs, clock }));
      await until(clock, () => second.size === 1 && second.state.status === 'live');
      await moving(clock, second.close());
      const [copy = ''] = kept(files);
      expect(stateIn(await readSnapshotIn(files, copy), '/a/')).toBe(state);
    }
  });
});

test('any other store for snapshots gets whole copies, at most one in saveEveryMs, and the last good one survives a disaster', async () => {
  const data = memoryStore();
  const random = new Random(8);
  for (let n = 0; n < 10; n++) await write(data, random, '/a/');
  const place = copies();
  const first = await mirror(data, { ...A, snapshot: place, saveEveryMs: 50 });
  await eventually(() => place.saves === 1);
  const began = performance.now();
  for (let n = 0; n < 20; n++) {
    await write(data, random, '/a/');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(place.saves).toBeLessThanOrEqual(2 + (performance.now() - began) / 50);
  await first.sync();
  const state = stateOf(first);
  await eventually(() => {
    expect(place.saves).toBeGreaterThan(1);
  });
  const { saves } = place;
  await eventually(() => place.saves > saves || first.state.status === 'live');
  await new Promise((resolve) => setTimeout(resolve, 120));
  await first.close();
  const { store } = switchable(data);
  const second = await mirror(store, { ...A, snapshot: place });
  expect(stateOf(second)).toBe(state);
  await second.close();
  for (let disaster = 0; disaster < 2; disaster++) {
    data.wipe();
    const { saves: before } = place;
    const clock = virtualClock(Date.now());
    const wiped = await moving(clock, mirror(data, { ...A, snapshot: place, saveEveryMs: 50, clock }));
    await until(clock, () => wiped.size === 0 && place.saves > before);
    await moving(clock, wiped.close());
  }
  const { kept: behind } = await readSaved({ base: place.bytes ?? new Uint8Array() }, systemClock);
  const files = new MemoryFiles();
  await snapshotIn(files, AT).save(behind ?? new Uint8Array());
  expect(stateIn(await readSnapshotIn(files, AT), '/a/')).toBe(state);
});
