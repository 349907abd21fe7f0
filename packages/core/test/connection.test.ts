import { StoreError } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { MirrorState } from '../src/index.js';
import { PREFIX, thing, world, type World } from './support/world.js';

const LIVENESS_MS = 30_000;

/** What a state event says, in short. */
const brief = (state: MirrorState) => `${state.status} ${state.connection}`;

describe.each(['like-v3', 'like-v2'] as const)('the connection that a state tells of, on a store %s', (kind) => {
  let w: World;
  beforeEach(async () => {
    w = world(kind);
    await w.data.put(`${PREFIX}a`, thing(1));
  });
  afterEach(() => w.close());

  test('is interrupted as soon as the watch is, long before livenessMs, and that alone is a state event', async () => {
    const mirror = await w.open({ livenessMs: LIVENESS_MS });
    await w.until(() => w.script.opened.length === 1);
    await w.clock.advance(1_000);
    expect(mirror.state).toMatchObject({ status: 'live', connection: 'connected' });
    const { since } = mirror.state;
    const told: MirrorState[] = [];
    const before: MirrorState[] = [];
    mirror.on('state', (state, previous) => {
      told.push(state);
      before.push(previous);
    });
    w.script.cut();
    expect(told).toHaveLength(1);
    // Complete as of the last proof, and cut off.
    expect(mirror.state).toMatchObject({
      status: 'live',
      since,
      connection: 'interrupted',
      cause: { code: 'unavailable', endpoint: '127.0.0.1:1' },
    });
    expect(before[0]).toMatchObject({ status: 'live', connection: 'connected' });
    // Its reads fail the same way, which is no news.
    await w.clock.advance(LIVENESS_MS / 2);
    expect(told.map(brief)).toEqual(['live interrupted']);
    await w.until(() => mirror.state.status === 'stale', LIVENESS_MS);
    expect(mirror.state).toMatchObject({ reason: 'no-evidence', connection: 'interrupted' });

    w.script.heal();
    await w.until(() => mirror.state.status === 'live');
    expect(mirror.state).toMatchObject({ connection: 'connected' });
    expect(mirror.state).not.toHaveProperty('cause');
    expect(told.map(brief)).toEqual(
      expect.arrayContaining(['live interrupted', 'stale interrupted', 'live connected']),
    );
  });

  test('is back as soon as the watch is: a blip is two events, and the status never changes', async () => {
    const mirror = await w.open({ livenessMs: LIVENESS_MS });
    await w.until(() => w.script.opened.length === 1);
    await w.clock.advance(1_000);
    const told: string[] = [];
    mirror.on('state', (state) => told.push(brief(state)));
    w.script.cut();
    await w.clock.advance(200);
    w.script.heal();
    await w.clock.advance(200);
    expect(told).toEqual(['live interrupted', 'live connected']);
  });

  test('is interrupted where reads are not answered, even if the watch seems well', async () => {
    const mirror = await w.open({ livenessMs: LIVENESS_MS });
    await w.until(() => w.script.opened.length === 1);
    await w.clock.advance(1_000);
    w.script.hold();
    w.script.beforeRead = () => new Promise(() => undefined);
    // A proof is due after ten seconds, and given up after ten more.
    await w.until(() => mirror.state.connection === 'interrupted', (LIVENESS_MS * 2) / 3);
    expect(mirror.state).toMatchObject({ status: 'live', cause: { code: 'timeout' } });
    w.script.beforeRead = () => undefined;
    await w.until(() => mirror.state.connection === 'connected');
    w.script.release();
  });

  test.each(['permission-denied', 'unauthenticated'] as const)(
    'holds where the store answers, and be it with %s',
    async (code) => {
      const mirror = await w.open({ livenessMs: LIVENESS_MS });
      await w.until(() => w.script.opened.length === 1);
      w.script.beforeRead = () => {
        throw new StoreError(code, 'no');
      };
      await w.until(() => mirror.state.status === 'stale', 2 * LIVENESS_MS);
      expect(mirror.state).toMatchObject({ connection: 'connected', cause: { code } });
    },
  );

  test('is interrupted until a load is answered, and the cause says why', async () => {
    w.script.cut();
    const told: MirrorState[] = [];
    const opening = w.open({ onState: (state) => told.push(state) });
    await w.until(() => told.length > 0);
    expect(told[0]).toMatchObject({ status: 'loading', connection: 'interrupted', cause: { code: 'unavailable' } });
    w.script.heal();
    const mirror = await opening;
    expect(mirror.state).toMatchObject({ status: 'live', connection: 'connected' });
    expect(told.map(brief)).toEqual(['loading interrupted', 'live connected']);
  });

  test('is interrupted for a closed mirror', async () => {
    const mirror = await w.open();
    await mirror.close();
    expect(mirror.state).toMatchObject({ status: 'closed', connection: 'interrupted' });
  });
});

describe('the connection during a load or a resync', () => {
  let w: World;
  beforeEach(() => {
    w = world();
  });
  afterEach(() => w.close());

  test('is there as soon as a part of a large load has come', async () => {
    for (let i = 0; i < 1_100; i++) await w.data.put(`${PREFIX}${i}`, thing(i));
    let answer: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (answer = resolve));
    let pages = 0;
    w.script.afterRead = async ({ kind }) => {
      if (kind === 'scan' && (pages += 1) === 2) await gate;
    };
    const told: string[] = [];
    const opening = w.open({ onState: (state) => told.push(brief(state)) });
    await w.until(() => told.length > 0);
    expect(told).toEqual(['loading connected']);
    answer();
    await opening;
    expect(told).toEqual(['loading connected', 'live connected']);
  });

  test('holds while everything is read again because of a compaction', async () => {
    await w.data.put(`${PREFIX}a`, thing(1));
    const mirror = await w.open({ backoff: { initialMs: 2_000 } });
    await w.until(() => w.script.opened.length === 1);
    const told: string[] = [];
    mirror.on('state', (state) => told.push(brief(state)));
    w.script.cut();
    await w.data.put(`${PREFIX}a`, thing(2));
    await w.data.compact((await w.data.list({ prefix: PREFIX })).bookmark.revision);
    w.script.heal();
    await w.until(() => mirror.get('a')?.value.n === 2);
    // The store has answered that its history is gone.
    expect(told).toEqual(['live interrupted', 'resyncing connected', 'live connected']);
  });
});
