// Mirrors of one store share the reads that prove them complete (M7, M11).
import { memoryStore } from '@holdfast/memory';
import { type ConfigStore, StoreError } from '@holdfast/store';
import { virtualClock, type VirtualClock } from '@holdfast/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { json, mirror, type Mirror } from '../src/index.js';
import { scriptedStore, type Script } from './support/scripted-store.js';

const LIVENESS_MS = 30_000;
const prefixOf = (index: number) => `/m${index}/`;

describe('mirrors of one store', () => {
  let clock: VirtualClock;
  let data: ReturnType<typeof memoryStore>;
  let store: ConfigStore;
  let script: Script;
  let mirrors: Mirror<number>[];
  beforeEach(() => {
    clock = virtualClock();
    data = memoryStore({ clock });
    ({ store, script } = scriptedStore(data));
    mirrors = [];
  });
  afterEach(async () => {
    await Promise.all(mirrors.map((each) => each.close()));
    expect(clock.pending).toBe(0);
    await store.close();
    await data.close();
  });

  async function open(count: number): Promise<void> {
    for (let index = mirrors.length; index < count; index++) await data.put(`${prefixOf(index)}a`, '1');
    let random = 0;
    const opening = Promise.all(
      Array.from({ length: count }, (_, index) =>
        mirror(store, {
          prefix: prefixOf(index),
          codec: json<number>(),
          livenessMs: LIVENESS_MS,
          clock,
          // Evenly spread, so that they don't fall due together.
          random: () => (random = (random + 0.618) % 1),
        }),
      ),
    );
    let isOpen = false;
    void opening.then(() => (isOpen = true));
    while (!isOpen) await clock.advance(20);
    mirrors.push(...(await opening));
    await clock.advance(LIVENESS_MS);
    script.reads.length = 0;
  }

  /** Moves the clock, and looks at every moment whether what is live has a recent proof. */
  async function pass(ms: number, look: () => void = () => undefined): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      await clock.advance(500);
      for (const each of mirrors) {
        if (each.state.status === 'live') expect(clock.now() - each.asOf).toBeLessThan(LIVENESS_MS);
      }
      look();
    }
  }

  test('a hundred idle ones make a dozen reads in livenessMs, and all stay live', async () => {
    await open(100);
    await pass(LIVENESS_MS, () => {
      expect(mirrors.filter(({ state }) => state.status !== 'live')).toEqual([]);
    });
    expect(script.reads.length).toBeLessThanOrEqual(12);
    expect(script.reads.length).toBeGreaterThan(2);
    expect(script.reads.every(({ kind }) => kind === 'list')).toBe(true);
  });

  test('a hundred idle ones wake the process up together, not each for itself', async () => {
    await open(100);
    let fired = 0;
    const setTimer = clock.setTimeout.bind(clock);
    clock.setTimeout = (callback, ms) =>
      setTimer(() => {
        fired += 1;
        callback();
      }, ms);
    await pass(2 * LIVENESS_MS);
    expect(fired).toBeLessThan(40);
    expect(fired).toBeGreaterThan(5);
  });

  test('what proves one complete is as old for the others as it is', async () => {
    await open(20);
    const began: number[] = [];
    script.beforeRead = () => {
      began.push(clock.now());
    };
    await pass(LIVENESS_MS);
    for (const { asOf } of mirrors) expect(began).toContain(asOf);
  });

  test('sync() reads for itself, after the call, in its own range', async () => {
    await open(3);
    await clock.advance(LIVENESS_MS / 3);
    script.reads.length = 0;
    const since = clock.now();
    await data.put(`${prefixOf(1)}b`, '2');
    let isDone = false;
    const synced = mirrors[1]!.sync().then(() => (isDone = true));
    while (!isDone) await clock.advance(10);
    await synced;
    expect(mirrors[1]!.get('b')?.value).toBe(2);
    expect(mirrors[1]!.asOf).toBeGreaterThanOrEqual(since);
    expect(script.reads.map(({ range }) => range?.key ?? range?.prefix)).toContain(prefixOf(1));
  });

  test('one whose range is forbidden makes no other one stale', async () => {
    await open(10);
    script.beforeRead = ({ range }) => {
      if ((range?.key ?? range?.prefix) === prefixOf(3)) throw new StoreError('permission-denied', 'not this range');
    };
    await pass(2 * LIVENESS_MS, () => {
      const others = mirrors.filter((_, index) => index !== 3);
      expect(others.filter(({ state }) => state.status !== 'live')).toEqual([]);
    });
    // What it has missed it can't know, and says so.
    script.hold();
    await data.put(`${prefixOf(3)}b`, '2');
    await pass(LIVENESS_MS + 1_000);
    expect(mirrors[3]!.state).toMatchObject({ status: 'stale', cause: { code: 'permission-denied' } });
    script.release();
  });

  test('a store that went back is found out by each of them', async () => {
    await open(5);
    const snapshot = data.snapshot();
    for (let index = 0; index < 5; index++) await data.put(`${prefixOf(index)}lost`, '2');
    await pass(500);
    expect(mirrors.every((each) => each.has('lost'))).toBe(true);
    script.hold();
    data.restore(snapshot);
    await pass(LIVENESS_MS);
    expect(mirrors.filter((each) => each.has('lost'))).toEqual([]);
    expect(mirrors.filter(({ state }) => state.status !== 'live')).toEqual([]);
  });

  test('one that closes while its read is under way takes no proof from the others, and leaves nothing behind', async () => {
    await open(3);
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    script.beforeRead = () => gate;
    while (script.reads.length === 0) await clock.advance(20);
    // The others fall due too.
    await clock.advance(LIVENESS_MS / 10);
    const [reader] = script.reads;
    const index = mirrors.findIndex((_, each) => prefixOf(each) === reader?.range?.key);
    const since = clock.now();
    script.beforeRead = () => undefined;
    await mirrors[index]!.close();
    await clock.advance(LIVENESS_MS / 3);
    for (const each of mirrors) {
      if (each === mirrors[index]) continue;
      expect(each.asOf).toBeGreaterThanOrEqual(since);
      expect(each.state.status).toBe('live');
    }
    release();
  });
});
