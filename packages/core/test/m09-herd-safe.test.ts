import { type Clock, CompactedError, StoreError } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PREFIX, thing, world, type World } from './support/world.js';

describe('M9 herd-safe', () => {
  let w: World;
  beforeEach(async () => {
    w = world();
    await w.data.put(`${PREFIX}a`, thing(1));
  });
  afterEach(() => w.close());

  test('trap 12: a watch that fails at once, again and again, is retried ever more slowly, and never leaks', async () => {
    const mirror = await w.open({ backoff: { initialMs: 100, maxMs: 4_000 } });
    await w.until(() => w.script.opened.length === 1);
    w.script.onWatch = () => new StoreError('permission-denied', 'watching is forbidden');
    w.script.failWatches(new StoreError('permission-denied', 'watching is forbidden'));
    await w.until(() => mirror.state.status === 'stale');
    expect(mirror.state).toMatchObject({ reason: 'watch-failed', cause: { code: 'permission-denied' } });
    await w.clock.advance(60_000);
    // With 0.5 for a random number: 55, 110, 220, … 2,200 ms.
    expect(w.script.opened.length).toBeGreaterThan(20);
    expect(w.script.opened.length).toBeLessThan(40);
    expect(w.script.watches.size).toBe(0);
    expect(w.data.watcherCount).toBe(0);
    // A role that is granted again heals.
    w.script.onWatch = () => undefined;
    await w.data.put(`${PREFIX}b`, thing(2));
    await w.until(() => mirror.has('b') && mirror.state.status === 'live');
  });

  test('a watch that fails right after it was established does not spin either', async () => {
    await w.open({ backoff: { initialMs: 100, maxMs: 4_000 } });
    const opened = w.script.opened.length;
    const until = w.clock.now() + 60_000;
    while (w.clock.now() < until) {
      await w.clock.advance(10);
      w.script.failWatches(new StoreError('unavailable', 'gone again'));
    }
    expect(w.script.opened.length - opened).toBeLessThan(40);
  });

  test('a resync storm is slowed down', async () => {
    const mirror = await w.open({ backoff: { initialMs: 100, maxMs: 4_000 } });
    const before = w.script.reads.length + w.script.opened.length;
    let resyncs = 0;
    mirror.on('resync', () => (resyncs += 1));
    w.script.onWatch = () => new CompactedError('compacted', { compactRevision: mirror.revision });
    w.script.failWatches(new CompactedError('compacted', { compactRevision: mirror.revision }));
    await w.clock.advance(60_000);
    // Some of them behind a watch that is opened first, which fails as well here; what scans bring is shown all the time.
    expect(resyncs).toBeGreaterThan(10);
    expect(resyncs).toBeLessThan(40);
    expect(w.script.reads.length + w.script.opened.length - before).toBeLessThan(120);
  });

  test('failing reads of a resync are retried with back-off', async () => {
    const mirror = await w.open({ backoff: { initialMs: 100, maxMs: 4_000 } });
    await w.clock.advance(100);
    w.script.reads.length = 0;
    w.script.beforeRead = () => {
      throw new StoreError('unavailable', 'overloaded');
    };
    w.script.failWatches(new CompactedError('compacted', { compactRevision: mirror.revision }));
    await w.clock.advance(60_000);
    expect(mirror.state).toMatchObject({ status: 'resyncing', cause: { message: 'overloaded' } });
    expect(w.script.reads.length).toBeLessThan(40);
    w.script.beforeRead = () => undefined;
    await w.until(() => mirror.state.status === 'live');
  });

  test('a fleet that is compacted away at the same moment does not read again at the same moment', async () => {
    let seed = 0;
    const random = () => (seed = (seed + 0.137) % 1);
    const mirrors = [];
    for (let n = 0; n < 20; n++) mirrors.push(await w.open({ random }));
    await w.clock.advance(100);
    const times = new Set<number>();
    w.script.beforeRead = ({ kind }) => {
      if (kind === 'scan') times.add(w.clock.now());
    };
    w.script.failWatches(new CompactedError('compacted', { compactRevision: mirrors[0]!.revision }));
    const resynced = new Set<object>();
    for (const mirror of mirrors) mirror.on('resync', () => resynced.add(mirror));
    await w.until(() => resynced.size === 20);
    expect(times.size).toBeGreaterThan(10);
  });

  test('nor do their proofs of completeness fall together', async () => {
    let seed = 0;
    const random = () => (seed = (seed + 0.137) % 1);
    // With clocks of their own they share no reads, as if they were in processes of their own.
    const clockOf = (): Clock => ({
      now: () => w.clock.now(),
      setTimeout: (callback, ms) => w.clock.setTimeout(callback, ms),
      clearTimeout: (handle) => {
        w.clock.clearTimeout(handle);
      },
    });
    await Promise.all(Array.from({ length: 20 }, () => w.open({ random, clock: clockOf() })));
    await w.clock.advance(1_000);
    const times = new Set<number>();
    w.script.beforeRead = () => {
      times.add(w.clock.now());
    };
    await w.clock.advance(30_000);
    expect(times.size).toBeGreaterThan(20);
  });

  test('several mirrors on one store share nothing but the store', async () => {
    const one = await w.open();
    const other = await w.open();
    expect(one.get('a')).not.toBe(other.get('a'));
    await one.close();
    await w.data.put(`${PREFIX}b`, thing(2));
    await w.until(() => other.has('b'));
    expect(one.has('b')).toBe(false);
    expect(one.get('a')?.value.n).toBe(1);
  });
});
