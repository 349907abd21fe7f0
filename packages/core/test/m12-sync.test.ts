import { StoreError } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { held, PREFIX, shown, thing, world, type World } from './support/world.js';

describe.each(['like-v3', 'like-v2'] as const)('M12 sync(), on a store %s', (kind) => {
  let w: World;
  beforeEach(async () => {
    w = world(kind);
    await w.data.put(`${PREFIX}a`, thing(1));
    await w.data.put(`${PREFIX}b`, thing(1));
  });
  afterEach(() => w.close());

  async function settle(pending: Promise<unknown>, withinMs = 60_000): Promise<unknown> {
    let outcome: { readonly error?: unknown } | undefined;
    void pending.then(
      () => (outcome = {}),
      (error: unknown) => (outcome = { error }),
    );
    await w.until(() => outcome !== undefined, withinMs);
    return outcome?.error;
  }

  test('everything committed before the call is visible after it', async () => {
    const mirror = await w.open();
    for (let n = 0; n < 20; n++) {
      await w.data.put(`${PREFIX}a`, thing(n));
      await settle(mirror.sync());
      expect(mirror.get('a')?.value.n).toBe(n);
    }
  });

  test('a proof does not do whose read began before the call', async () => {
    const mirror = await w.open();
    await w.until(() => w.script.opened.length === 1);
    await w.clock.advance(1_000);
    w.script.hold();
    let late: Promise<number | undefined> | undefined;
    // The answer is on its way already when another key is written, and another sync() asks for it.
    w.script.afterRead = async () => {
      if (late !== undefined) return;
      late = Promise.resolve(undefined);
      await w.data.put(`${PREFIX}a`, thing(7));
      late = mirror.sync().then(() => mirror.get('a')?.value.n);
    };
    expect(await settle(mirror.sync())).toBeUndefined();
    expect(late).toBeDefined();
    expect(await settle(late ?? Promise.resolve())).toBeUndefined();
    expect(await late).toBe(7);
  });

  test('where the watch does not bring it in time, it is read; what the watch brings later of it is dropped', async () => {
    const mirror = await w.open();
    await w.until(() => w.script.opened.length === 1);
    await w.clock.advance(1_000);
    const before = mirror.get('b');
    w.script.hold();
    await w.data.put(`${PREFIX}a`, thing(2));
    await w.data.put(`${PREFIX}c`, thing(3));
    await w.data.delete(`${PREFIX}c`);
    await w.data.put(`${PREFIX}d`, thing(4));
    await settle(mirror.sync());
    expect(shown(mirror)).toEqual(await held(w.data));
    const after = new Map(mirror);
    const heard: unknown[] = [];
    mirror.on('change', (event) => heard.push(event));
    w.script.release();
    await w.clock.advance(100);
    expect(heard).toEqual([]);
    expect(mirror.get('b')).toBe(before);
    for (const [key, entry] of after) expect(mirror.get(key)).toBe(entry);
    await w.data.put(`${PREFIX}e`, thing(5));
    await w.until(() => mirror.has('e'));
    expect(w.script.opened).toHaveLength(1);
  });

  test('deletions that the watch did not bring are found too', async () => {
    const mirror = await w.open();
    await w.until(() => w.script.opened.length === 1);
    await w.clock.advance(1_000);
    w.script.hold();
    await w.data.delete(`${PREFIX}a`);
    await w.data.put(`${PREFIX}z`, thing(26));
    await settle(mirror.sync());
    expect(shown(mirror)).toEqual(await held(w.data));
    w.script.release();
    await w.data.put(`${PREFIX}a`, thing(3));
    await w.until(() => mirror.has('a'));
  });

  test('an idle prefix is in step as soon as that is proved, although no event comes', async () => {
    const mirror = await w.open();
    await w.until(() => w.script.opened.length === 1);
    w.script.hold();
    const { revision } = await w.data.put('/elsewhere', 'x');
    const before = w.clock.now();
    // Sooner than the proof that is made anyhow.
    expect(await settle(mirror.sync(), 1_000)).toBeUndefined();
    expect(mirror.revision).toBe(revision);
    expect(mirror.asOf).toBeGreaterThanOrEqual(before);
  });

  test('waitFor a revision of another prefix', async () => {
    const mirror = await w.open();
    await w.until(() => w.script.opened.length === 1);
    w.script.hold();
    const { revision } = await w.data.put('/elsewhere', 'x');
    expect(await settle(mirror.waitFor(revision))).toBeUndefined();
    expect(mirror.revision).toBeGreaterThanOrEqual(revision);
  });

  test('waitFor asks the store at once where the watch has no connection', async () => {
    const mirror = await w.open();
    await w.until(() => w.script.opened.length === 1);
    await w.clock.advance(1_000);
    w.script.cut();
    const { revision } = await w.data.put(`${PREFIX}a`, thing(9));
    await w.until(() => mirror.state.connection === 'interrupted');
    const reads = w.script.reads.length;
    const pending = mirror.waitFor(revision);
    pending.catch(() => undefined);
    await w.clock.advance(0);
    expect(w.script.reads.length).toBeGreaterThan(reads);
    w.script.heal();
    expect(await settle(pending)).toBeUndefined();
    expect(mirror.get('a')?.value.n).toBe(9);
  });

  test('rejects on time-out, with the last failure as its cause', async () => {
    const mirror = await w.open();
    await w.clock.advance(100);
    w.script.cut(new StoreError('unavailable', 'nobody answers', { endpoint: '127.0.0.1:1' }));
    const error = await settle(mirror.sync({ timeoutMs: 1_000 }));
    expect(error).toMatchObject({
      code: 'timeout',
      endpoint: '127.0.0.1:1',
      cause: { code: 'unavailable' },
    });
    expect((error as Error).message).toMatch(/sync\(\).*prefix "\/things\/".*within 1000 ms.*nobody answers/);
    expect(await settle(mirror.waitFor(1_000, { timeoutMs: 1_000 }))).toMatchObject({ code: 'timeout' });
  });

  test('rejects when aborted, before and after', async () => {
    const mirror = await w.open();
    w.script.cut();
    const controller = new AbortController();
    const pending = mirror.sync({ signal: controller.signal });
    controller.abort();
    await expect(pending).rejects.toMatchObject({ code: 'aborted' });
    await expect(mirror.waitFor(1_000, { signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
  });

  test('a sync that began during an outage is done when the mirror is back', async () => {
    const mirror = await w.open({ syncTimeoutMs: 60_000 });
    await w.clock.advance(100);
    w.script.cut();
    await w.data.put(`${PREFIX}a`, thing(2));
    const pending = mirror.sync();
    await w.clock.advance(20_000);
    w.script.heal();
    expect(await settle(pending)).toBeUndefined();
    expect(mirror.get('a')?.value.n).toBe(2);
  });

  test('what it reads, and a batch that is being decoded, do not get into each other', async () => {
    const mirror = await w.open({ graceMs: 1 });
    await w.until(() => w.script.opened.length === 1);
    const told: string[] = [];
    const revisions: number[] = [];
    mirror.on('change', ({ changes, bookmark }) => {
      told.push(...changes.map(({ key }) => key));
      revisions.push(bookmark.revision);
    });
    // Time passes with every look at it, so that decoding pauses after a few values.
    const now = w.clock.now.bind(w.clock);
    let looks = 0;
    w.clock.now = () => now() + 10 * looks++;
    const keys = Array.from({ length: 128 }, (_, n) => `k${n}`);
    await w.data.txn({ then: keys.map((key, n) => ({ type: 'put', key: `${PREFIX}${key}`, value: thing(n) })) });
    const pending = mirror.sync();
    await w.data.put(`${PREFIX}z`, thing(26));
    await settle(pending);
    await w.until(() => mirror.has('z'));
    w.clock.now = now;
    expect(told.sort()).toEqual([...keys, 'z'].sort());
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    expect(shown(mirror)).toEqual(await held(w.data));
  });

  test('it needs no watch: while that keeps failing, what is asked for is read', async () => {
    const mirror = await w.open();
    await w.clock.advance(100);
    const error = new StoreError('permission-denied', 'watching is forbidden');
    w.script.onWatch = () => error;
    w.script.failWatches(error);
    await w.clock.advance(5_000);
    await w.data.put(`${PREFIX}a`, thing(2));
    await w.data.delete(`${PREFIX}b`);
    expect(await settle(mirror.sync())).toBeUndefined();
    expect(shown(mirror)).toEqual(await held(w.data));
    expect(mirror.state).toMatchObject({ status: 'stale', reason: 'watch-failed' });
  });

  test('a sync during a resync waits for it', async () => {
    const mirror = await w.open({ syncTimeoutMs: 60_000 });
    await w.clock.advance(100);
    w.data.wipe();
    await w.data.put(`${PREFIX}x`, thing(24));
    expect(await settle(mirror.sync())).toBeUndefined();
    expect([...mirror.keys()]).toEqual(['x']);
  });

  test('waitFor a revision that was reached already, and one that is none', async () => {
    const mirror = await w.open();
    await mirror.waitFor(mirror.revision);
    await expect(mirror.waitFor(0)).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(mirror.waitFor(Number.NaN)).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});
