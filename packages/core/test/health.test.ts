import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PREFIX, thing, world, type World } from './support/world.js';

const LIVENESS_MS = 30_000;

describe.each(['like-v3', 'like-v2'] as const)('health(), on a store %s', (kind) => {
  let w: World;
  beforeEach(async () => {
    w = world(kind);
    await w.data.put(`${PREFIX}a`, thing(1));
    await w.data.put(`${PREFIX}bad`, 'no JSON');
  });
  afterEach(() => w.close());

  const opened = async () => {
    const mirror = await w.open({ livenessMs: LIVENESS_MS });
    await w.until(() => w.script.opened.length === 1);
    await w.clock.advance(1_000);
    return mirror;
  };

  test('is plain data about a mirror that is well', async () => {
    const mirror = await opened();
    const health = mirror.health();
    expect(health).toEqual({
      ready: true,
      status: 'live',
      connection: 'connected',
      asOf: mirror.asOf,
      staleMs: 0,
      revision: mirror.revision,
      problems: 1,
    });
    expect(JSON.parse(JSON.stringify(health))).toEqual(health);
  });

  test('says in an outage what is wrong, and stays ready for as long as it takes', async () => {
    const mirror = await opened();
    w.script.cut();
    await w.clock.advance(1_500);
    expect(mirror.health()).toMatchObject({ ready: true, status: 'live', connection: 'interrupted', staleMs: 1_500 });
    await w.clock.advance(LIVENESS_MS);
    const later = mirror.health();
    expect(later).toMatchObject({ ready: true, status: 'stale', reason: 'no-evidence', connection: 'interrupted' });
    await w.clock.advance(30 * 60_000);
    const { ready, staleMs } = mirror.health();
    expect(ready).toBe(true);
    expect(staleMs - later.staleMs).toBe(30 * 60_000);
    w.script.heal();
    await w.until(() => mirror.health().staleMs === 0);
    expect(mirror.health()).toMatchObject({ status: 'live', connection: 'connected' });
    expect(mirror.health()).not.toHaveProperty('reason');
  });

  test('is not ready past maxStaleMs without the store, and never sooner', async () => {
    const mirror = await opened();
    // However old the last proof of a healthy mirror is.
    for (let second = 0; second < 20; second++) {
      expect(mirror.health({ maxStaleMs: 0 })).toMatchObject({ ready: true, staleMs: 0 });
      await w.clock.advance(1_000);
    }
    w.script.cut();
    await w.clock.advance(5_000);
    expect(mirror.health({ maxStaleMs: 5_000 }).ready).toBe(true);
    expect(mirror.health({ maxStaleMs: 4_999 }).ready).toBe(false);
    await w.clock.advance(60_000);
    expect(mirror.health({ maxStaleMs: 60_000 }).ready).toBe(false);
    expect(mirror.health({ maxStaleMs: Infinity }).ready).toBe(true);
    w.script.heal();
    await w.until(() => mirror.health({ maxStaleMs: 1 }).ready);
  });

  test('counts silence from the last proof, since that is how late it is noticed', async () => {
    const mirror = await opened();
    w.script.hold();
    w.script.beforeRead = () => new Promise(() => undefined);
    const { asOf } = mirror;
    await w.until(() => mirror.state.status === 'stale', 2 * LIVENESS_MS);
    const { staleMs } = mirror.health();
    expect(staleMs).toBeLessThanOrEqual(w.clock.now() - asOf);
    expect(staleMs).toBeGreaterThan(0);
    expect(mirror.health({ maxStaleMs: 2 * LIVENESS_MS }).ready).toBe(true);
    w.script.beforeRead = () => undefined;
    w.script.release();
  });

  test('is not ready once the mirror is closed', async () => {
    const mirror = await opened();
    const { revision } = mirror;
    await mirror.close();
    expect(mirror.health()).toMatchObject({ ready: false, status: 'closed', connection: 'interrupted', revision });
  });

  test.each([
    [{ maxStaleMs: -1 }, /maxStaleMs must be a number/],
    [{ maxStaleMs: Number.NaN }, /maxStaleMs must be a number/],
    [{ maxStaleMs: '5' }, /maxStaleMs must be a number/],
    [{ maxStale: 5 }, /no option "maxStale"; it takes maxStaleMs/],
    [5_000, /takes an object with maxStaleMs/],
    [null, /takes an object with maxStaleMs/],
  ])('refuses %j', async (options, message) => {
    const mirror = await opened();
    expect(() => mirror.health(options as never)).toThrow(
      expect.objectContaining({
        code: 'invalid-argument',
        message: expect.stringMatching(message) as unknown as string,
      }),
    );
  });
});
