import { beforeEach, describe, expect, test } from '@jest/globals';
import type { WatchBatch } from '@holdfast/store';
import { KeyRange, type DriverWatchOptions, type WatchSink } from '@holdfast/store/adapter';
import { virtualClock, type VirtualClock } from '@holdfast/testkit';
import { Engine } from '../src/engine/engine.js';

const OPTIONS: DriverWatchOptions = { after: undefined, previous: false, only: undefined };
const PUT = { lease: undefined, ttl: undefined, previous: false, ignoreValue: false, ignoreLease: false };

let clock: VirtualClock;
let engine: Engine;
let sink: WatchSink & { readonly calls: string[]; readonly batches: WatchBatch[]; room: number };

beforeEach(() => {
  clock = virtualClock();
  engine = new Engine({
    clock,
    random: Math.random,
    identity: 'test',
    maxRequestBytes: 1_000,
    maxTxnOperations: 10,
    progressIntervalMs: 100,
  });
  const calls: string[] = [];
  const batches: WatchBatch[] = [];
  sink = {
    calls,
    batches,
    room: Infinity,
    established: ({ revision }) => void calls.push(`established ${revision}`),
    interrupted: () => void calls.push('interrupted'),
    push(batch) {
      batches.push(batch);
      calls.push(`${batch.kind} ${batch.bookmark.revision}`);
      this.room -= 1;
      return this.room > 0 ? 'ok' : 'full';
    },
    fail: ({ code }) => void calls.push(`failed ${code}`),
  };
});

function write(times: number, key = '/a'): void {
  for (let i = 0; i < times; i++) engine.put(key, new Uint8Array(1), PUT);
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a watch of the driver', () => {
  test('tells nothing before it was returned', async () => {
    engine.hub.watch(KeyRange.from('/a'), OPTIONS, sink);
    write(1);
    expect(sink.calls).toEqual([]);
    await settled();
    expect(sink.calls).toEqual(['established 1', 'events 2']);
  });

  test('pushes nothing after a full, and goes on where it was when the consumer has room', async () => {
    const watch = engine.hub.watch(KeyRange.from('/a'), OPTIONS, sink);
    await settled();
    sink.room = 1;
    write(5);
    await settled();
    write(5);
    await settled();
    expect(sink.batches.length).toBe(1);
    sink.room = 2;
    watch.resume();
    expect(sink.batches.length).toBe(1);
    await settled();
    expect(sink.batches.length).toBe(3);
    sink.room = Infinity;
    watch.resume();
    await settled();
    expect(sink.batches.map(({ bookmark }) => bookmark.revision)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    write(1);
    await settled();
    expect(sink.calls.at(-1)).toBe('events 12');
  });

  test('is full of progress, too, and tells no more of it', async () => {
    const watch = engine.hub.watch(KeyRange.from('/a'), OPTIONS, sink);
    await settled();
    sink.room = 1;
    write(1, '/elsewhere');
    await clock.advance(100);
    write(1, '/elsewhere');
    await clock.advance(1_000);
    expect(sink.calls).toEqual(['established 1', 'progress 2']);
    expect(clock.pending).toBe(0);
    sink.room = Infinity;
    watch.resume();
    await clock.advance(100);
    expect(sink.calls.at(-1)).toBe('progress 3');
  });

  test('says nothing more once it was closed, whatever it had noted', async () => {
    const watch = engine.hub.watch(KeyRange.from('/a'), OPTIONS, sink);
    await settled();
    write(3);
    await watch.close();
    watch.resume();
    engine.hub.interrupt(new Error('unused') as never)();
    await settled();
    await clock.advance(1_000);
    expect(sink.calls).toEqual(['established 1']);
    expect(engine.hub.size).toBe(0);
  });

  test('that its consumer closes while it is told stops there', async () => {
    write(10);
    const after = { identity: 'test', revision: 1 as never };
    const watch = engine.hub.watch(
      KeyRange.from('/a'),
      { ...OPTIONS, after },
      {
        ...sink,
        push: (batch, bytes) => {
          void watch.close();
          return sink.push(batch, bytes);
        },
      },
    );
    await settled();
    expect(sink.calls).toEqual(['established 1', 'events 2']);
  });

  test('reads a long history without holding up the process, all of it', async () => {
    write(30_000);
    const after = { identity: 'test', revision: 1 as never };
    engine.hub.watch(KeyRange.from('/a'), { ...OPTIONS, after }, sink);
    let turns = 0;
    while (sink.batches.length < 30_000) {
      turns += 1;
      await settled();
    }
    expect(turns).toBeGreaterThan(5);
    expect(sink.batches.every(({ bookmark }, i) => bookmark.revision === i + 2)).toBe(true);
  });

  test('is interrupted while it is full, and resumes after both are over, in either order', async () => {
    for (const resumeFirst of [true, false]) {
      sink.calls.length = 0;
      sink.room = 1;
      const { head } = engine.history;
      const watch = engine.hub.watch(KeyRange.from('/a'), OPTIONS, sink);
      await settled();
      write(2);
      await settled();
      const reconnect = engine.hub.interrupt(new Error('unused') as never);
      write(1);
      if (resumeFirst) watch.resume();
      sink.room = Infinity;
      reconnect();
      await settled();
      if (!resumeFirst) watch.resume();
      await settled();
      expect(sink.calls).toEqual([
        `established ${head}`,
        `events ${head + 1}`,
        'interrupted',
        `established ${head + 1}`,
        `events ${head + 2}`,
        `events ${head + 3}`,
      ]);
      await watch.close();
    }
  });
});
