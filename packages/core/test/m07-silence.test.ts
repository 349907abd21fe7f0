import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { held, PREFIX, shown, thing, world, type World } from './support/world.js';

const LIVENESS_MS = 6_000;

describe.each(['like-v3', 'like-v2'] as const)('M7 silence is noticed, on a store %s', (kind) => {
  let w: World;
  beforeEach(async () => {
    w = world(kind);
    await w.data.put(`${PREFIX}a`, thing(1));
  });
  afterEach(() => w.close());

  test('a watch that has died without saying so is found out, passed over and replaced within livenessMs', async () => {
    const mirror = await w.open({ livenessMs: LIVENESS_MS });
    await w.until(() => w.script.opened.length === 1);
    const states: object[] = [];
    mirror.on('state', (state) => states.push(state));
    w.script.hold();
    await w.data.put(`${PREFIX}a`, thing(2));
    await w.data.put(`${PREFIX}b`, thing(3));
    const since = w.clock.now();
    await w.until(() => mirror.has('b'));
    expect(w.clock.now() - since).toBeLessThan(LIVENESS_MS);
    expect(shown(mirror)).toEqual(await held(w.data));
    expect(states[0]).toMatchObject({ status: 'stale', reason: 'watch-silent' });
    await w.until(() => mirror.state.status === 'live');
    expect(w.script.opened).toHaveLength(2);
    expect(w.script.watches.size).toBe(1);
    await w.data.put(`${PREFIX}c`, thing(4));
    await w.until(() => mirror.has('c'));
  });

  test('silence alone is no reason to worry: an idle prefix stays live, with one watch, whatever others write', async () => {
    const mirror = await w.open({ livenessMs: LIVENESS_MS });
    const states: string[] = [];
    mirror.on('state', ({ status }) => states.push(status));
    w.script.hold();
    for (let minute = 0; minute < 10; minute++) {
      await w.data.put('/elsewhere', String(minute));
      await w.clock.advance(60_000);
      expect(w.clock.now() - mirror.asOf).toBeLessThanOrEqual(LIVENESS_MS);
    }
    expect(states).toEqual([]);
    expect(w.script.opened).toHaveLength(1);
  });

  test('what is only late is waited for: no resync, the watch stays', async () => {
    const mirror = await w.open({ livenessMs: LIVENESS_MS });
    await w.until(() => w.script.opened.length === 1);
    let resyncs = 0;
    mirror.on('resync', () => (resyncs += 1));
    const scans = w.script.reads.filter(({ kind: read }) => read === 'scan').length;
    w.script.hold();
    await w.data.put(`${PREFIX}a`, thing(2));
    await w.until(() => w.script.reads.filter(({ kind: read }) => read === 'list').length > 1);
    w.script.release();
    await w.clock.advance(LIVENESS_MS);
    expect(mirror.get('a')?.value.n).toBe(2);
    expect(resyncs).toBe(0);
    expect(w.script.opened).toHaveLength(1);
    expect(w.script.reads.filter(({ kind: read }) => read === 'scan')).toHaveLength(scans);
  });

  test('reads that hang do not hang the mirror: the state says stale in time', async () => {
    const mirror = await w.open({ livenessMs: LIVENESS_MS });
    await w.clock.advance(100);
    w.script.hold();
    w.script.beforeRead = () => new Promise(() => undefined);
    await w.data.put(`${PREFIX}a`, thing(2));
    const since = w.clock.now();
    await w.until(() => mirror.state.status === 'stale');
    expect(w.clock.now() - since).toBeLessThanOrEqual(LIVENESS_MS);
    expect(mirror.state).toMatchObject({ reason: 'no-evidence', cause: { code: 'timeout' } });
    w.script.beforeRead = () => undefined;
    await w.until(() => mirror.state.status === 'live' && mirror.get('a')?.value.n === 2);
  });
});
