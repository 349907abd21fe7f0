import { CompactedError, type ConfigStore, StoreError } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ChangeEvent } from '../src/events/change.js';
import { held, PREFIX, shown, thing, type Thing, world, type World } from './support/world.js';
import type { Change } from '../src/index.js';

type Event = ChangeEvent<Change<Thing>>;

/** Disconnects, lets things happen and be compacted away, and reconnects. */
async function missAndCompact(w: World, happen: (data: ConfigStore) => Promise<unknown>): Promise<void> {
  w.script.cut();
  await happen(w.data);
  const { bookmark } = await w.data.list({ prefix: PREFIX });
  await w.data.compact(bookmark.revision);
  w.script.heal();
}

describe('M3 a resync is a diff', () => {
  let w: World;
  beforeEach(async () => {
    w = world();
    for (const [index, key] of ['a', 'b', 'c', 'd'].entries()) await w.data.put(`${PREFIX}${key}`, thing(index));
  });
  afterEach(() => w.close());

  test('after a compaction: the net changes only, in one batch; unchanged entries stay the same objects', async () => {
    const mirror = await w.open();
    const before = new Map(mirror);
    const events: Event[] = [];
    const resyncs: unknown[] = [];
    mirror.on('change', (event) => events.push(event));
    mirror.on('resync', (event) => resyncs.push(event));
    const from = mirror.bookmark;
    await missAndCompact(w, async (data) => {
      await data.put(`${PREFIX}a`, thing(100));
      await data.put(`${PREFIX}a`, thing(101));
      await data.delete(`${PREFIX}b`);
      await data.put(`${PREFIX}e`, thing(102));
      await data.put(`${PREFIX}f`, thing(103));
      await data.delete(`${PREFIX}f`);
    });
    await w.until(() => mirror.has('e'));
    expect(shown(mirror)).toEqual(await held(w.data));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ cause: 'resync', bookmark: mirror.bookmark });
    const changes = new Map(events[0]!.changes.map((change) => [change.key, change]));
    expect([...changes.keys()].sort()).toEqual(['a', 'b', 'e']);
    expect(changes.get('a')).toMatchObject({ type: 'put', current: { value: { n: 101 } } });
    expect(changes.get('a')!.previous).toBe(before.get('a'));
    expect(changes.get('b')).toEqual({ type: 'delete', key: 'b', previous: before.get('b') });
    expect(changes.get('e')).toMatchObject({ type: 'put', current: { value: { n: 102 } } });
    expect(changes.get('e')).not.toHaveProperty('previous');
    expect(mirror.get('c')).toBe(before.get('c'));
    expect(mirror.get('d')).toBe(before.get('d'));
    expect(resyncs).toEqual([{ reason: 'compacted', from, bookmark: mirror.bookmark, changed: 3 }]);
  });

  test('the resync event comes in the same turn as its changes, right after them', async () => {
    const mirror = await w.open();
    const heard: string[] = [];
    mirror.on('change', ({ cause }) => {
      heard.push(cause);
      queueMicrotask(() => heard.push('a microtask later'));
    });
    mirror.on('resync', ({ reason }) => heard.push(reason));
    await missAndCompact(w, (data) => data.put(`${PREFIX}a`, thing(100)));
    await w.until(() => mirror.state.status === 'live' && heard.length === 3);
    expect(heard).toEqual(['resync', 'compacted', 'a microtask later']);
  });

  test('readers are served throughout, and the state says resyncing until it is done', async () => {
    const mirror = await w.open();
    const seen: string[] = [];
    mirror.on('state', ({ status }, previous) => {
      if (status !== previous.status) seen.push(status);
    });
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    w.script.cut();
    await w.data.put(`${PREFIX}a`, thing(9));
    await w.data.compact((await w.data.list({ prefix: PREFIX })).bookmark.revision);
    w.script.heal();
    w.script.beforeRead = ({ kind }) => (kind === 'scan' ? gate : undefined);
    await w.until(() => mirror.state.status === 'resyncing');
    await w.clock.advance(2_000);
    expect(mirror.state).toMatchObject({ status: 'resyncing', reason: 'compacted' });
    expect(mirror.get('a')?.value).toEqual({ n: 0 });
    expect(mirror.size).toBe(4);
    release();
    await w.until(() => mirror.state.status === 'live');
    expect(mirror.get('a')?.value).toEqual({ n: 9 });
    expect(seen).toEqual(['resyncing', 'live']);
  });

  test('trap 11: a resync that finds nothing different emits nothing and leaves the version alone', async () => {
    const mirror = await w.open();
    const before = new Map(mirror);
    const { version } = mirror;
    let changes = 0;
    mirror.on('change', () => (changes += 1));
    let resyncs = 0;
    mirror.on('resync', () => (resyncs += 1));
    await missAndCompact(w, async (data) => {
      await data.put('/elsewhere', 'x');
      await data.put(`${PREFIX}new`, thing(1));
      await data.delete(`${PREFIX}new`);
    });
    await w.until(() => resyncs === 1 && mirror.state.status === 'live');
    expect(changes).toBe(0);
    expect(mirror.version).toBe(version);
    expect(new Map(mirror)).toEqual(before);
    for (const [key, entry] of before) expect(mirror.get(key)).toBe(entry);
  });

  test.each(['new', 'same'] as const)(
    'after a restore with %s identity: unchanged keys keep their entry, the others change, in one batch',
    async (identity) => {
      const snapshot = w.data.snapshot();
      await w.data.put(`${PREFIX}a`, thing(50));
      await w.data.put(`${PREFIX}e`, thing(51));
      const mirror = await w.open();
      const before = new Map(mirror);
      const events: Event[] = [];
      mirror.on('change', (event) => events.push(event));
      w.data.restore(snapshot, { identity });
      await w.until(() => !mirror.has('e') && mirror.state.status === 'live');
      expect(shown(mirror)).toEqual(await held(w.data));
      expect(events).toHaveLength(1);
      expect(events[0]!.changes.map(({ key, type }) => `${type} ${key}`).sort()).toEqual(['delete e', 'put a']);
      for (const key of ['b', 'c', 'd']) expect(mirror.get(key)).toBe(before.get(key));
      expect(mirror.bookmark).toEqual((await w.data.list({ prefix: PREFIX })).bookmark);
      // And it follows on.
      await w.data.put(`${PREFIX}z`, thing(1));
      await w.until(() => mirror.has('z'));
    },
  );

  test('a wiped store empties the mirror', async () => {
    const mirror = await w.open();
    w.data.wipe();
    await w.until(() => mirror.size === 0 && mirror.state.status === 'live');
  });

  test('several compactions in a row end in the equal state', async () => {
    const mirror = await w.open();
    for (let round = 0; round < 5; round++) {
      await missAndCompact(w, (data) => data.put(`${PREFIX}a`, thing(round)));
      await w.clock.advance(round * 10);
      w.script.failWatches(new CompactedError('compacted', { compactRevision: mirror.revision }));
    }
    await w.until(async () => mirror.get('a')?.value.n === 4 && mirror.state.status === 'live');
    expect(shown(mirror)).toEqual(await held(w.data));
  });

  test('a listener that comes in the middle of a resync gets all of it', async () => {
    const mirror = await w.open();
    const events: Event[] = [];
    let isLate = false;
    w.script.cut();
    await w.data.put(`${PREFIX}a`, thing(9));
    await w.data.compact((await w.data.list({ prefix: PREFIX })).bookmark.revision);
    w.script.heal();
    w.script.afterRead = ({ kind }) => {
      if (kind !== 'scan' || isLate) return;
      isLate = true;
      mirror.on('change', (event) => events.push(event));
    };
    await w.until(() => mirror.get('a')?.value.n === 9);
    expect(events).toHaveLength(1);
    expect(events[0]!.changes).toHaveLength(1);
  });

  test('future-revision from a watch is a reason to read again', async () => {
    const mirror = await w.open();
    w.script.failWatches(new StoreError('future-revision', 'that revision is in the future'));
    await w.data.put(`${PREFIX}a`, thing(7));
    await w.until(() => mirror.get('a')?.value.n === 7 && mirror.state.status === 'live');
  });
});
