import { Buffer } from 'node:buffer';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { StoreError } from '@holdfast/store';
import { createStore, DelegatingDriver } from '@holdfast/store/adapter';
import { eventually, virtualClock } from '@holdfast/testkit';
import { describe, expect, jest, test } from '@jest/globals';
import { json, mirror } from '../src/index.js';
import { snapshotIn } from '../src/snapshot/file/file-snapshot.js';
import { readSnapshotIn } from '../src/snapshot/file/read-snapshot.js';
import { Framer, frameAt } from '../src/snapshot/frames.js';
import { MAGIC } from '../src/snapshot/header.js';
import { Journal } from '../src/snapshot/journal.js';
import { MemoryFiles } from './support/memory-files.js';
import { AT, moving, notes, stateIn, stateOf, switchable, until, wallClock } from './support/snapshots.js';

const A = { prefix: '/a/', codec: json<unknown>() } as const;
const kept = (files: MemoryFiles) => [...files.names.keys()].filter((name) => /\.kept-[^.]*$/.test(name));
const logs = (files: MemoryFiles) => [...files.names.keys()].filter((name) => name.endsWith('.log'));

/** Writes elsewhere until the store has got past a revision. */
async function overtake(data: MemoryStore, revision: number): Promise<void> {
  while ((await data.put('/elsewhere', 'x')).revision < revision + 5);
}

/** A store with ten keys, a backup of it, two more keys, and a file of all of them. */
async function backedUp() {
  const files = new MemoryFiles();
  const data = memoryStore();
  for (let n = 0; n < 10; n++) await data.put(`/a/k${n}`, `${n}`);
  const backup = data.snapshot();
  for (let n = 0; n < 2; n++) await data.put(`/a/late${n}`, `${n}`);
  const first = await mirror(data, { ...A, snapshot: snapshotIn(files, AT) });
  const [state, { revision }] = [stateOf(first), first.bookmark];
  await first.close();
  return { files, data, backup, state, revision, snapshot: snapshotIn(files, AT) };
}

describe('the last good copy is kept, although nothing in the store contradicts it', () => {
  test('a backup that has got further than the copy: the past of the store shows it', async () => {
    const clock = virtualClock(Date.now());
    const { files, data, backup, state, revision, snapshot } = await backedUp();
    data.restore(backup);
    await overtake(data, revision);
    const second = await moving(clock, mirror(data, { ...A, snapshot, snapshotAfterMs: 0, clock }));
    await until(clock, () => second.size === 10 && second.state.status === 'live');
    await moving(clock, second.close());
    expect((await readSnapshotIn(files, AT)).entries).toHaveLength(10);
    const [copy = '', ...more] = kept(files);
    expect(more).toEqual([]);
    expect(stateIn(await readSnapshotIn(files, copy), '/a/')).toBe(state);
  });

  const likeV2 = { historicalReads: false, deltaReads: false, versions: false } as const;
  test.each([
    ['its past can be read, and shows it', 'kept', {}, false],
    ['its past is compacted: in doubt', 'kept-in-doubt', {}, true],
    ['its past can never be read: in doubt', 'kept-in-doubt', likeV2, false],
  ] as const)(
    'a backup that lacks a few keys, is ahead, and answers in time (%s)',
    async (_name, how, can, compacts) => {
      const { files, data, backup, state, revision, snapshot } = await backedUp();
      data.restore(backup);
      await overtake(data, revision);
      if (compacts) await data.compact((await data.put('/elsewhere', 'x')).revision);
      class Limited extends DelegatingDriver {
        override readonly capabilities = { ...data.capabilities, ...can };
      }
      const { lines, logger } = notes();
      const second = await mirror(createStore(new Limited(data)), { ...A, snapshot, snapshotAfterMs: 20_000, logger });
      expect([second.state.status, second.size]).toEqual(['live', 10]);
      await eventually(() => kept(files).length > 0);
      await second.close();
      expect((await readSnapshotIn(files, AT)).entries).toHaveLength(10);
      const [copy = '', ...more] = kept(files);
      expect(more).toEqual([]);
      expect(copy.startsWith(`${AT}.${how}-`)).toBe(true);
      expect(copy.includes('in-doubt')).toBe(how === 'kept-in-doubt');
      expect(stateIn(await readSnapshotIn(files, copy), '/a/')).toBe(state);
      expect(lines.join('\n')).toMatch(
        how === 'kept' ? /another history/ : /2 of its 12 keys are gone .* can't be compared/,
      );
    },
  );

  test.each([
    ['a claimed key', A, '/a/k3'],
    [
      'a key of no collection',
      { prefix: '/a/', collections: { k: { prefix: 'k', codec: json<unknown>() } } },
      '/a/late1',
    ],
    ['a bad value, then a good one', A, '/a/bad'],
  ] as const)(
    'a store that was set up anew, key by key at the same revisions, with another value (%s), where its past can never be read',
    async (_name, what, changed) => {
      const data = memoryStore();
      const setUp = async (value: string): Promise<void> => {
        for (const key of ['/a/k3', '/a/late1', '/a/bad']) await data.put(key, key === changed ? value : '"same"');
      };
      await setUp(changed === '/a/bad' ? '{' : '"before"');
      class Limited extends DelegatingDriver {
        override readonly capabilities = { ...data.capabilities, ...likeV2 };
      }
      const store = createStore(new Limited(data));
      const files = new MemoryFiles();
      const options = { ...(what as typeof A), snapshot: snapshotIn(files, AT) };
      await (await mirror(store, options)).close();
      const before = await readSnapshotIn(files, AT);
      await (await mirror(store, options)).close();
      expect(kept(files)).toEqual([]);
      data.wipe({ identity: 'same' });
      await setUp('"after"');
      await overtake(data, before.header?.bookmark.revision ?? 0);
      const { lines, logger } = notes();
      await (await mirror(store, { ...options, snapshotAfterMs: 20_000, logger })).close();
      const [copy = '', ...more] = kept(files);
      expect(more).toEqual([]);
      expect(copy).not.toMatch(/in-doubt/);
      expect(lines.join('\n')).toMatch(/it is of another history than the store has now/);
      const { entries, problems, unclaimed } = await readSnapshotIn(files, copy);
      expect([entries, problems, unclaimed]).toEqual([before.entries, before.problems, before.unclaimed]);
    },
  );

  test('a store that was set up anew, whose keys have all changed since, and whose past is compacted: they were created at other revisions', async () => {
    const { files, data, state, revision, snapshot } = await backedUp();
    const { entries } = await readSnapshotIn(files, AT);
    data.wipe({ identity: 'same' });
    for (const { key } of entries.toReversed()) await data.put(key, '"after"');
    await overtake(data, revision);
    for (const { key } of entries) await data.put(key, '"later"');
    await data.compact((await data.put('/elsewhere', 'x')).revision);
    const second = await mirror(data, { ...A, snapshot, snapshotAfterMs: 20_000 });
    await eventually(async () => stateIn(await readSnapshotIn(files, AT), '/a/') === stateOf(second));
    await second.close();
    const [copy = '', ...more] = kept(files);
    expect(more).toEqual([]);
    expect(copy).not.toMatch(/in-doubt/);
    expect(stateIn(await readSnapshotIn(files, copy), '/a/')).toBe(state);
  });

  /** A wiped store that has got further, with the same keys: only its past shows that. Asked for it, it fails. */
  async function rebuilt(error: StoreError) {
    const clock = virtualClock(Date.now());
    const { files, data, state, revision, snapshot } = await backedUp();
    const { entries } = await readSnapshotIn(files, AT);
    data.wipe({ identity: 'same' });
    await overtake(data, revision);
    for (const { key } of entries) await data.put(key, '"rebuilt"');
    const past = { fails: true };
    class Past extends DelegatingDriver {
      override list(...call: Parameters<DelegatingDriver['list']>): ReturnType<DelegatingDriver['list']> {
        return past.fails && call[1].revision !== undefined ? Promise.reject(error) : super.list(...call);
      }
    }
    const store = createStore(new Past(data), { clock });
    const second = await moving(clock, mirror(store, { ...A, snapshot, snapshotAfterMs: 20_000, clock }));
    expect(second.get('k1')?.value).toBe('rebuilt');
    const stateAt = async (path: string) => stateIn(await readSnapshotIn(files, path), '/a/');
    return { clock, files, past, second, state, stateAt };
  }

  test.each(['unavailable', 'timeout', 'unauthenticated'] as const)(
    'and nothing takes its place while the store can not be asked for its past (%s)',
    async (code) => {
      const { clock, files, past, second, state, stateAt } = await rebuilt(new StoreError(code, 'not now'));
      await clock.advance(120_000);
      expect([kept(files), await stateAt(AT)]).toEqual([[], state]);
      past.fails = false;
      await until(clock, () => kept(files).length > 0);
      await until(clock, async () => (await stateAt(AT)) === stateOf(second));
      const [copy = ''] = kept(files);
      expect(copy).not.toMatch(/in-doubt/);
      expect(await stateAt(copy)).toBe(state);
      await moving(clock, second.close());
    },
  );

  test.each([
    ['never says', 'internal', false],
    ['can not be asked before the mirror closes', 'unavailable', true],
  ] as const)('in doubt, where the store %s whether it had that', async (_how, code, closes) => {
    const { clock, files, second, state, stateAt } = await rebuilt(new StoreError(code, 'no answer'));
    if (!closes) await until(clock, () => kept(files).length > 0);
    await moving(clock, second.close());
    const [copy = '', ...more] = kept(files);
    expect(more).toEqual([]);
    expect(copy).toMatch(/in-doubt/);
    expect(await stateAt(copy)).toBe(state);
    expect(await stateAt(AT)).toBe(stateOf(second));
  });

  test('keys that are deleted in the same history are no disaster; of many doubts the last ones are kept', async () => {
    const { files, data, snapshot } = await backedUp();
    const restart = async () => {
      const { header } = await readSnapshotIn(files, AT);
      const again = await mirror(data, { ...A, snapshot, snapshotAfterMs: 20_000 });
      await eventually(
        async () => (await readSnapshotIn(files, AT)).header?.bookmark.revision !== header?.bookmark.revision,
      );
      await again.close();
    };
    await data.delete('/a/k1');
    await restart();
    expect(kept(files)).toEqual([]);
    for (let n = 2; n < 6; n++) {
      await data.delete(`/a/k${n}`);
      await data.compact((await data.put('/elsewhere', 'x')).revision);
      await restart();
    }
    expect(kept(files)).toHaveLength(2);
    const sizes = await Promise.all(
      kept(files).map(async (path) => (await readSnapshotIn(files, path)).entries.length),
    );
    expect(sizes.sort()).toEqual([8, 9]);
    // Most keys at once: whoever deleted them, the copy may be needed.
    await data.delete({ prefix: '/a/k' });
    await restart();
    expect(kept(files).filter((path) => !path.includes('in-doubt'))).toHaveLength(1);
  });

  test.each([
    ['in time, of a prefix', 20_000, A],
    ['later, of a prefix', 0, A],
    ['in time, of one key', 20_000, { key: '/a/k1', codec: json<unknown>() }],
  ] as const)('a wiped store that has got further and has no keys (%s)', async (_name, snapshotAfterMs, what) => {
    const clock = virtualClock(Date.now());
    const { files, data, revision } = await backedUp();
    files.names.clear();
    const options = { ...(what as typeof A), snapshot: snapshotIn(files, AT), clock };
    await moving(clock, (await moving(clock, mirror(data, options))).close());
    const { entries } = await readSnapshotIn(files, AT);
    data.wipe({ identity: 'same' });
    await overtake(data, revision);
    const second = await moving(clock, mirror(data, { ...options, snapshotAfterMs }));
    await until(clock, () => second.state.status === 'live');
    await moving(clock, second.close());
    expect((await readSnapshotIn(files, AT)).entries).toEqual([]);
    const [copy = ''] = kept(files);
    expect((await readSnapshotIn(files, copy)).entries).toEqual(entries);
  });

  test('a wipe while the base of the state before it is taking its place', async () => {
    const { files, data, snapshot } = await backedUp();
    files.names.clear();
    let isWiped = false;
    files.waits = (what) => {
      if (what !== 'sync folder' || isWiped || !files.names.has(AT)) return undefined;
      isWiped = true;
      data.wipe({ identity: 'same' });
      return eventually(() => second.size === 0);
    };
    const second = await mirror(data, { ...A, snapshot });
    await eventually(async () => isWiped && (await readSnapshotIn(files, AT)).entries.length === 0);
    await second.close();
    const [copy = ''] = kept(files);
    expect((await readSnapshotIn(files, copy)).entries).toHaveLength(12);
  });

  /** A wipe while steps are about to be written. Returns what the copy has that is kept, and what it may have. */
  async function wipeBeforeSteps() {
    const { files, data, state: before, revision, snapshot } = await backedUp();
    const second = await mirror(data, { ...A, snapshot, saveAfterMs: 400 });
    await eventually(() => logs(files).length === 1 && second.state.status === 'live');
    let isWiped = false;
    let state = '';
    files.waits = (what, path) => {
      const isDue = second.get('k2')?.value === 'last';
      if (what !== 'stat' || path !== AT || !isDue || isWiped) return undefined;
      isWiped = true;
      state = stateOf(second);
      const { revision: last } = second;
      data.wipe({ identity: 'same' });
      return (async () => {
        await overtake(data, last);
        await data.put('/a/new', '1');
        await eventually(() => second.has('new') && second.size === 1);
      })();
    };
    const images: MemoryFiles[] = [];
    files.fails = () => void (isWiped && images.push(files.afterKill()));
    await data.put('/a/k1', '"later"');
    const { revision: changed } = await data.put('/a/k2', '"last"');
    await eventually(async () => (await readSnapshotIn(files, AT)).entries.length === 1);
    await second.close();
    expect(images.length).toBeGreaterThan(0);
    for (const image of images) {
      const content = await readSnapshotIn(image, AT);
      if (content.entries.length === 1) continue;
      // The content of the old history must not claim a revision of the new one.
      expect(content.header?.bookmark.revision).toBeLessThanOrEqual(changed);
      expect(stateIn(content, '/a/')).toBe(content.header?.bookmark.revision === revision ? before : state);
    }
    const [copy = ''] = kept(files);
    return { copy: stateIn(await readSnapshotIn(files, copy), '/a/'), before, state };
  }

  test('a wipe while steps are about to be written: they complete the old copy, and nothing later does', async () => {
    let isComplete = false;
    for (let round = 0; !isComplete && round < 5; round += 1) {
      const { copy, before, state } = await wipeBeforeSteps();
      isComplete = copy === state;
      // On a busy machine the file was due already before the steps came: then the copy is as old as it may be.
      if (!isComplete) expect(copy).toBe(before);
    }
    expect(isComplete).toBe(true);
  });

  test('many of them: the last ones, and the largest one, are kept', async () => {
    const { files, data, state, snapshot } = await backedUp();
    for (let n = 0; n < 12; n++) {
      await data.delete({ prefix: '/a/' });
      await data.put('/a/only', `${n}`);
      await (await mirror(data, { ...A, snapshot, snapshotName: `${n}` })).close();
    }
    expect(kept(files)).toHaveLength(6);
    const states = await Promise.all(
      kept(files).map(async (path) => stateIn(await readSnapshotIn(files, path), '/a/')),
    );
    expect(states).toContain(state);
    expect(states.filter((each) => /"only",\d+,(?:6|7|8|9|10)\]/.test(each))).toHaveLength(5);
    // Each with its log, and the last base with its own.
    expect(logs(files)).toHaveLength(7);
  });
});

/** The same snapshot as a later version of Holdfast would write it: checksums are right. */
function ofFormat(base: Uint8Array, format: number): Uint8Array {
  const framer = new Framer();
  const frames: Uint8Array[] = [Buffer.from(MAGIC.base)];
  for (let at = MAGIC.base.length, checksum = 0; at < base.length;) {
    const frame = frameAt(base, at, checksum);
    if (frame === undefined) throw new Error('there is no frame');
    const payload = Buffer.from(base.subarray(frame.start, frame.end));
    const isHeader = at === MAGIC.base.length;
    const text = payload.toString('latin1').replace('"format":1', `"format":${format}`);
    frames.push(framer.frame(isHeader ? Buffer.from(text, 'latin1') : payload));
    ({ end: at, checksum } = frame);
  }
  return Buffer.concat(frames);
}

test('a snapshot of a later format is refused, and kept with its log', async () => {
  const { files, data, snapshot } = await backedUp();
  const node = files.names.get(AT);
  if (node === undefined) throw new Error('there is no base');
  node.data = ofFormat(node.data, 99);
  const [log = ''] = logs(files);
  const bytes = files.names.get(log)?.data;
  const { lines, logger } = notes();
  const second = await mirror(data, { ...A, snapshot, snapshotAfterMs: 0, logger });
  expect(second.state.status).toBe('live');
  await second.close();
  expect(lines.join('\n')).toMatch(/format 99, which a later version of Holdfast wrote/);
  const [copy = ''] = kept(files);
  expect(files.names.get(copy)?.data).toEqual(node.data);
  expect(files.names.get(copy + log.slice(AT.length))?.data).toEqual(bytes);
});

test('the raft term is in the file, and known to the store before it is asked anything', async () => {
  const { data } = await backedUp();
  const files = new MemoryFiles();
  const known: unknown[] = [];
  let isAsked = false;
  class WithTerm extends DelegatingDriver {
    readonly raftTerm = 7;
    override get view(): never {
      return undefined as never;
    }
    override scan(...call: Parameters<DelegatingDriver['scan']>): ReturnType<DelegatingDriver['scan']> {
      isAsked = true;
      return super.scan(...call);
    }
    assumeHistory(history: unknown): void {
      known.push(history, isAsked);
    }
  }
  const open = async () =>
    (await mirror(createStore(new WithTerm(data)), { ...A, snapshot: snapshotIn(files, AT) })).close();
  await open();
  const { header } = await readSnapshotIn(files, AT);
  expect(header?.raftTerm).toBe(7);
  isAsked = false;
  await open();
  expect(known).toEqual([{ identity: header?.bookmark.identity, raftTerm: 7 }, false]);
});

test('a base whose folder can not be synced keeps its log; and no failed write leaves a queue behind', async () => {
  const follow = jest.spyOn(Journal.prototype, 'follow');
  const letGo = jest.spyOn(Journal.prototype, 'letGo');
  const { data } = await backedUp();
  const files = new MemoryFiles();
  const clock = virtualClock(Date.now());
  let step = 0;
  const broken = new Set(['sync folder']);
  files.fails = (what, path) => {
    if (what === 'write' && path.endsWith('.tmp')) void data.put('/a/k1', `${(step += 1)}`);
    return broken.has(what) ? new Error('EIO') : undefined;
  };
  let atWarning: readonly string[] | undefined;
  const warn = (text: string) => {
    if (text.includes('EIO')) atWarning ??= logs(files);
  };
  const logger = { debug: () => undefined, info: () => undefined, warn, error: warn };
  follow.mockClear();
  letGo.mockClear();
  const mirrored = await moving(clock, mirror(data, { ...A, clock, snapshot: snapshotIn(files, AT), logger }));
  await until(clock, () => atWarning !== undefined);
  expect(atWarning).toHaveLength(1);
  broken.clear();
  broken.add('close');
  await clock.advance(100_000);
  broken.clear();
  await clock.advance(100_000);
  expect(follow.mock.calls.length).toBeGreaterThan(4);
  expect(follow.mock.calls.length - letGo.mock.calls.length).toBe(1);
  await moving(clock, mirrored.close());
  follow.mockRestore();
  letGo.mockRestore();
});

describe('places that hang', () => {
  const never = new Promise<never>(() => undefined);

  test('a load that hangs does not keep the mirror from starting from its store', async () => {
    const { data } = await backedUp();
    const clock = virtualClock(Date.now());
    const { lines, logger } = notes();
    const snapshot = { load: () => never, save: () => Promise.resolve() };
    const mirrored = await moving(clock, mirror(data, { ...A, clock, logger, snapshot, startTimeoutMs: 3_000 }));
    expect(mirrored.size).toBe(12);
    expect(lines.join('\n')).toMatch(/was not read within 1000 ms/);
    await moving(clock, mirrored.close());
  });

  test('a save that hangs is told of, is never doubled, and close() waits for it no longer than ten seconds', async () => {
    const { data } = await backedUp();
    const clock = virtualClock(Date.now());
    const { lines, logger } = notes();
    let saves = 0;
    const save = () => {
      saves += 1;
      return never;
    };
    const snapshot = { load: () => Promise.resolve(undefined), save, saveEveryMs: 1_000 };
    const mirrored = await moving(clock, mirror(data, { ...A, clock, logger, snapshot }));
    await data.put('/a/k1', '2');
    await clock.advance(100_000);
    expect(saves).toBe(1);
    expect(lines.filter((line) => line.includes('save() has not settled'))).toHaveLength(1);
    const began = clock.now();
    await moving(clock, mirrored.close());
    expect(clock.now() - began).toBeLessThanOrEqual(11_000);
  });
});

test('while a snapshot is shown, waitFor() of what it has resolves, and sync() does once the store is there', async () => {
  const { data, revision, snapshot } = await backedUp();
  const link = switchable(data);
  const shown = await mirror(link.store, { ...A, snapshot });
  await shown.waitFor(revision);
  const { revision: later } = await data.put('/a/k1', '"later"');
  const waiting = Promise.all([shown.waitFor(later), shown.sync()]);
  link.down = false;
  await waiting;
  expect([shown.get('k1')?.value, shown.state.status]).toEqual(['later', 'live']);
  await shown.close();
});

test.each([
  ['its log is synced', '.log'],
  ['another base is written', '.tmp'],
])('while %s, a disk that fails leaves no rejection that nobody handles', async (_when, name) => {
  const unhandled: unknown[] = [];
  const onRejection = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', onRejection);
  const { data } = await backedUp();
  const files = new MemoryFiles();
  const clock = virtualClock(Date.now());
  const options = { ...A, clock, snapshot: snapshotIn(files, AT), saveAfterMs: 1_000 };
  const mirrored = await moving(clock, mirror(data, options));
  await until(clock, () => logs(files).length === 1);
  let goOn: (() => void) | undefined;
  files.waits = (what, path) =>
    what === 'sync' && path.endsWith(name) && goOn === undefined
      ? new Promise<void>((resolve) => (goOn = resolve))
      : undefined;
  // With more than a megabyte in the log, another base is due.
  await data.put('/a/k1', JSON.stringify('x'.repeat(name === '.tmp' ? 1_100_000 : 10)));
  await until(clock, () => goOn !== undefined);
  files.fails = (what) => (what === 'list' ? new Error('EIO') : undefined);
  await data.put('/a/k1', '"later"');
  await clock.advance(1_000);
  // Node tells of rejections at the end of a turn.
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toEqual([]);
  files.fails = () => undefined;
  goOn?.();
  const written = async () => (await readSnapshotIn(files, AT)).header?.bookmark.revision;
  await until(clock, async () => (await written()) === mirrored.revision);
  await moving(clock, mirrored.close());
  process.off('unhandledRejection', onRejection);
});

test('a wall clock that is set back, and stands in for a monotonic one, keeps nothing from being written', async () => {
  const { data } = await backedUp();
  const files = new MemoryFiles();
  const clock = virtualClock(Date.now());
  const wall = wallClock(clock);
  const options = { ...A, clock: wall, snapshot: snapshotIn(files, AT), saveAfterMs: 1_000 };
  const mirrored = await moving(clock, mirror(data, options));
  await until(clock, () => files.names.has(AT));
  for (const revisionOf of ['first', 'second']) {
    const { revision } = await data.put('/a/k1', JSON.stringify(revisionOf));
    await until(clock, () => mirrored.revision >= revision, 100);
    wall.offset -= 3_600_000;
    await clock.advance(1_000);
    expect((await readSnapshotIn(files, AT)).header?.bookmark.revision).toBe(revision);
  }
  await moving(clock, mirrored.close());
});
