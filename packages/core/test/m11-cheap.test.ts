import { memoryStore } from '@holdfast/memory';
import { isStoreError, StoreError } from '@holdfast/store';
import { systemClock } from '@holdfast/store/adapter';
import { eventually } from '@holdfast/testkit';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { json, mirror } from '../src/index.js';
import { CollectionTable } from '../src/table/collection-table.js';
import { PREFIX, thing, world, type World } from './support/world.js';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('M11 cheap', () => {
  let w: World;
  beforeEach(async () => {
    w = world();
    await w.data.put(`${PREFIX}a`, thing(1));
  });
  afterEach(() => w.close());

  test('no timer and no watch after close, which may be called twice; what is there stays readable', async () => {
    const m = await w.open({ auditEveryMs: 1_000 });
    m.subscribe(() => undefined, { debounceMs: 500 });
    await w.data.put(`${PREFIX}b`, thing(2));
    await w.until(() => m.has('b'));
    expect(w.clock.pending).toBeGreaterThan(0);
    await Promise.all([m.close(), m.close()]);
    await m.close();
    expect(w.clock.pending).toBe(0);
    expect(w.script.watches.size).toBe(0);
    expect(m.state.status).toBe('closed');
    expect(m.get('a')?.value.n).toBe(1);
    expect(m.size).toBe(2);
  });

  test('a write that the watch brings is told in the next turn but one of the microtask queue', async () => {
    const m = await w.open();
    await w.data.put(`${PREFIX}b`, thing(2));
    await w.until(() => m.has('b') && m.state.status === 'live');
    let isTold = false;
    m.on('change', () => (isTold = true));
    w.script.hold();
    const { revision } = await w.data.put(`${PREFIX}b`, thing(3));
    await w.clock.advance(20);
    expect(isTold).toBe(false);
    w.script.release();
    let turns = 0;
    for (; !isTold && turns < 50; turns += 1) await Promise.resolve();
    expect(m.revision).toBe(revision);
    // Each further turn costs every event of every mirror.
    expect(turns).toBeLessThanOrEqual(2);
  });

  test('a mirror that one of its listeners closes leaves no timer, and the others still hear of that step', async () => {
    const heard: string[] = [];
    const m = await mirror(w.store, { prefix: '/', codec: json(), collections: { things: {} }, clock: w.clock });
    m.on('change', () => void m.close());
    m.on('change', () => heard.push('listener'));
    m.subscribe(() => heard.push('debounced'), { debounceMs: 500 });
    m.things.subscribe(() => heard.push('collection'), { debounceMs: 500 });
    const iterated = m.changes().next();
    await w.data.put(`${PREFIX}b`, thing(2));
    await w.until(() => m.state.status === 'closed');
    await m.close();
    expect(w.clock.pending).toBe(0);
    expect(heard).toEqual(['listener', 'debounced', 'collection']);
    expect(await iterated).toMatchObject({ value: { changes: [{ collection: 'things', key: 'b' }] } });
    await w.clock.advance(60_000);
    expect(heard).toHaveLength(3);
  });

  test('a mirror that a listener of changes closes still tells the others of the problems of that step', async () => {
    const m = await w.open();
    const heard: unknown[] = [];
    m.on('change', () => void m.close());
    m.on('invalid', ({ key }) => heard.push(key));
    await w.data.txn({
      then: [
        { type: 'put', key: `${PREFIX}b`, value: JSON.stringify(thing(2)) },
        { type: 'put', key: `${PREFIX}bad`, value: 'not JSON' },
      ],
    });
    await w.until(() => m.state.status === 'closed');
    await m.close();
    expect(m.problems()).toMatchObject([{ key: 'bad' }]);
    expect(heard).toEqual(['bad']);
  });

  test('after close: waits and iterations end, nothing is delivered, nothing changes', async () => {
    const m = await w.open();
    const heard: unknown[] = [];
    m.on('change', (event) => heard.push(event));
    const waiting = [m.waitFor(1_000), m.sync(), m.changes().next()];
    const settled = Promise.allSettled(waiting);
    await m.close();
    const [waited, synced, iterated] = await settled;
    expect(waited).toMatchObject({ status: 'rejected', reason: { code: 'closed' } });
    // The proof may have been there before the end.
    if (synced!.status === 'rejected') expect(isStoreError(synced!.reason, 'closed')).toBe(true);
    expect(iterated).toMatchObject({ value: { done: true } });
    await expect(m.sync()).rejects.toMatchObject({ code: 'closed' });
    await expect(m.waitFor(1)).rejects.toMatchObject({ code: 'closed' });
    await w.data.put(`${PREFIX}b`, thing(2));
    await w.clock.advance(60_000);
    expect(heard).toEqual([]);
    expect(m.has('b')).toBe(false);
  });

  test.each(['reading', 'resyncing', 'interrupted', 'stale'])(
    'close while %s leaves nothing behind',
    async (moment) => {
      const m = await w.open({ livenessMs: 3_000 });
      if (moment === 'reading') {
        w.script.beforeRead = () => new Promise(() => undefined);
        void m.sync().catch(() => undefined);
        await w.clock.advance(100);
      } else if (moment === 'resyncing') {
        w.script.beforeRead = () => new Promise(() => undefined);
        w.data.wipe();
        await w.until(() => m.state.status === 'resyncing');
        await w.clock.advance(1_000);
      } else {
        w.script.cut();
        if (moment === 'stale') await w.until(() => m.state.status === 'stale');
      }
      await m.close();
      expect(w.clock.pending).toBe(0);
    },
  );

  test('a store that is closed underneath ends the mirror, with the reason', async () => {
    const m = await w.open();
    await w.store.close();
    await w.until(() => m.state.status === 'closed');
    expect(m.state).toMatchObject({ status: 'closed', error: { code: 'closed' } });
    await m.close();
  });

  test('an async disposer closes it', async () => {
    const m = await w.open();
    await m[Symbol.asyncDispose]();
    expect(m.state.status).toBe('closed');
  });

  test('a mirror that failed to start has left nothing', async () => {
    w.script.cut(new StoreError('unavailable', 'nobody there'));
    await expect(w.open({ startTimeoutMs: 1_000 })).rejects.toMatchObject({ code: 'timeout' });
    expect(w.clock.pending).toBe(0);
  });
});

test('M11 values are decoded in slices of a few milliseconds, with a turn of the event loop between them', async () => {
  const store = memoryStore();
  const puts = Array.from({ length: 100 }, (_, n) => ({ type: 'put' as const, key: `${PREFIX}${n}`, value: 'x' }));
  await store.txn({ then: puts });
  // By this clock each value takes a millisecond.
  let now = Date.now();
  let inOneTurn = 0;
  let most = 0;
  const codec = {
    name: 'slow',
    decode: () => {
      now += 1;
      inOneTurn += 1;
      most = Math.max(most, inOneTurn);
      return now;
    },
  };
  let isOver = false;
  const turn = () => {
    inOneTurn = 0;
    if (!isOver) setImmediate(turn);
  };
  turn();
  const m = await mirror(store, { prefix: PREFIX, codec, clock: { ...systemClock, now: () => now } });
  // A batch of the watch is no different from a load.
  await store.txn({ then: puts });
  await m.sync();
  isOver = true;
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThan(50);
  await m.close();
  await store.close();
});

test('M11 an audit compares keys in slices, with a turn of the event loop between them', async () => {
  const keys = 2_000;
  const store = memoryStore();
  for (let n = 0; n < keys; n += 100) {
    const puts = Array.from({ length: 100 }, (_, i) => ({
      type: 'put' as const,
      key: `${PREFIX}${n + i}`,
      value: '1',
    }));
    await store.txn({ then: puts });
  }
  // oxlint-disable-next-line typescript/unbound-method -- applied with its own `this` below
  const { holds, storeRevisions } = CollectionTable.prototype;
  const inOneTurn = { compared: 0, listed: 0 };
  const most = { compared: 0, listed: 0 };
  const count = (what: keyof typeof most) => {
    inOneTurn[what] += 1;
    most[what] = Math.max(most[what], inOneTurn[what]);
  };
  jest.spyOn(CollectionTable.prototype, 'holds').mockImplementation(function (this: CollectionTable, ...key) {
    count('compared');
    return holds.apply(this, key);
  });
  jest.spyOn(CollectionTable.prototype, 'storeRevisions').mockImplementation(function* (this: CollectionTable) {
    for (const key of storeRevisions.call(this)) {
      count('listed');
      yield key;
    }
  });
  let isOver = false;
  const turn = () => {
    Object.assign(inOneTurn, { compared: 0, listed: 0 });
    if (!isOver) setImmediate(turn);
  };
  turn();
  const verdicts: unknown[] = [];
  const hear = (message: unknown) => verdicts.push((message as { readonly result: unknown }).result);
  subscribe('holdfast:mirror:audit', hear);
  // By this clock each look at the time takes half a millisecond.
  let looks = 0;
  const clock = { ...systemClock, now: () => Date.now() + (looks += 0.5) };
  const m = await mirror(store, { prefix: PREFIX, codec: json(), clock, auditEveryMs: 1 });
  try {
    await eventually(() => {
      expect(verdicts[0]).toBe('equal');
    });
  } finally {
    isOver = true;
    unsubscribe('holdfast:mirror:audit', hear);
    await m.close();
    await store.close();
  }
  for (const compared of Object.values(most)) {
    expect(compared).toBeGreaterThan(0);
    expect(compared).toBeLessThan(keys / 4);
  }
});

test('M11 the event loop turns while 50,000 values are decoded', async () => {
  const store = memoryStore();
  const keys = 50_000;
  const value = JSON.stringify({ text: 'x'.repeat(400), n: 1 });
  for (let n = 0; n < keys; n += 100) {
    await store.txn({
      then: Array.from({ length: 100 }, (_, i) => ({ type: 'put' as const, key: `${PREFIX}${n + i}`, value })),
    });
  }
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  setImmediate(count);
  const m = await mirror(store, { prefix: PREFIX, codec: json() });
  isDone = true;
  delays.disable();
  expect(m.size).toBe(keys);
  // Not the time it took (the machine is shared), but that it was given back again and again.
  expect(turns).toBeGreaterThan(10);
  await m.close();
  await store.close();
  await eventually(() => {
    expect(store.watcherCount).toBe(0);
  });
});
