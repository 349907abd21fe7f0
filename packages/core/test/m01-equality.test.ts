import { StoreError } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { held, PREFIX, shown, thing, world, type World } from './support/world.js';

describe.each(['like-v3', 'like-v2'] as const)('M1 equality, on a store %s', (kind) => {
  let w: World;
  beforeEach(() => {
    w = world(kind);
  });
  afterEach(() => w.close());

  test('puts and deletes arrive, and the mirror equals the prefix', async () => {
    await w.data.put(`${PREFIX}a`, thing(1));
    await w.data.put('/thing', 'a sibling, not in the prefix');
    const mirror = await w.open();
    await w.data.put(`${PREFIX}b`, thing(2));
    await w.data.put(`${PREFIX}a`, thing(3));
    await w.data.put(`${PREFIX}c`, thing(4));
    await w.data.delete(`${PREFIX}b`);
    await w.until(() => mirror.has('c') && !mirror.has('b'));
    expect(shown(mirror)).toEqual(await held(w.data));
    expect(mirror.size).toBe(2);
    expect([...mirror.keys()].sort()).toEqual(['a', 'c']);
    expect(mirror.get('nowhere')).toBeUndefined();
    expect(mirror.state.status).toBe('live');
    expect(mirror.staleSince).toBeUndefined();
  });

  test('live lasts only as long as there is evidence: reads that fail for livenessMs make it stale, with the reason', async () => {
    const mirror = await w.open({ livenessMs: 3_000 });
    await w.clock.advance(10_000);
    expect(mirror.state.status).toBe('live');
    expect(w.clock.now() - mirror.asOf).toBeLessThanOrEqual(3_000);
    const asOf = mirror.asOf;
    w.script.cut(new StoreError('unavailable', 'nobody answers'));
    await w.clock.advance(3_000);
    expect(mirror.state).toMatchObject({
      status: 'stale',
      reason: 'no-evidence',
      cause: { message: 'nobody answers' },
    });
    expect(mirror.staleSince).toBeLessThanOrEqual(asOf + 6_000);
    w.script.heal();
    await w.until(() => mirror.state.status === 'live');
    expect(w.clock.now() - mirror.asOf).toBeLessThanOrEqual(3_000);
  });

  test('an event proves nothing: where reads fail, events alone keep no mirror live', async () => {
    const mirror = await w.open({ livenessMs: 3_000 });
    await w.clock.advance(1_000);
    w.script.beforeRead = () => {
      throw new StoreError('unavailable', 'no reads just now');
    };
    for (let n = 0; n < 12; n++) {
      await w.data.put(`${PREFIX}a`, thing(n));
      await w.clock.advance(500);
    }
    expect(mirror.get('a')?.value.n).toBe(11);
    expect(mirror.state).toMatchObject({ status: 'stale', reason: 'no-evidence' });
    w.script.beforeRead = () => undefined;
    await w.until(() => mirror.state.status === 'live');
  });

  test('a state is told to listeners, with the one before', async () => {
    const states: string[] = [];
    const mirror = await w.open({
      livenessMs: 3_000,
      onState: (now, before) => states.push(`${before.status}>${now.status}`),
    });
    w.script.cut();
    await w.until(() => mirror.state.status === 'stale');
    w.script.heal();
    await w.until(() => mirror.state.status === 'live');
    await mirror.close();
    // Others are of the connection alone, or of another cause.
    expect(states.filter((state) => !/^(\w+)>\1$/.test(state))).toEqual([
      'loading>live',
      'live>stale',
      'stale>live',
      'live>closed',
    ]);
  });

  test('after a long outage it does not sleep over the connection that its watch has again', async () => {
    const mirror = await w.open({ livenessMs: 6_000 });
    await w.until(() => mirror.state.status === 'live');
    w.script.cut();
    const sync = expect(mirror.sync()).rejects.toMatchObject({ code: 'timeout' });
    // Long enough for the pauses between the reads that it asked for to grow to seconds.
    await w.clock.advance(120_000);
    await sync;
    expect(mirror.state.status).toBe('stale');
    await w.data.put(`${PREFIX}a`, thing(2));
    w.script.heal();
    await w.until(() => mirror.state.status === 'live', 200);
    expect(shown(mirror)).toEqual(await held(w.data));
  });

  test('after everything that was missed while the connection was down, the mirror is equal and live again', async () => {
    await w.data.put(`${PREFIX}a`, thing(1));
    await w.data.put(`${PREFIX}b`, thing(1));
    const mirror = await w.open();
    w.script.cut();
    for (let n = 0; n < 50; n++) await w.data.put(`${PREFIX}${n % 7}`, thing(n));
    await w.data.delete(`${PREFIX}a`);
    await w.clock.advance(60_000);
    expect(mirror.state.status).toBe('stale');
    w.script.heal();
    await w.until(() => mirror.state.status === 'live' && !mirror.has('a'));
    expect(shown(mirror)).toEqual(await held(w.data));
  });
});
