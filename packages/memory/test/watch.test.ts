import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  isStoreError,
  toRevision,
  type Bookmark,
  type Range,
  type Watch,
  type WatchBatch,
  type WatchState,
} from '@holdfast/store';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { eventually, virtualClock, type VirtualClock } from '@holdfast/testkit';

let clock: VirtualClock;
let store: MemoryStore;

beforeEach(() => {
  clock = virtualClock();
  store = memoryStore({ clock, progressIntervalMs: 100 });
});

afterEach(() => store.close());

async function take(watch: Watch, count: number): Promise<WatchBatch[]> {
  const batches: WatchBatch[] = [];
  const iterator = watch[Symbol.asyncIterator]();
  while (batches.length < count) {
    const next = await iterator.next();
    if (next.done === true) break;
    batches.push(next.value);
  }
  return batches;
}

/** Reads on until it has all events up to a revision; then closes the watch. */
async function keysUpTo(watch: Watch, revision: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const batch of watch) {
    for (const event of batch.events) keys.push(event.type === 'put' ? event.current.key : 'gone');
    if (batch.bookmark.revision >= revision) break;
  }
  return keys;
}

async function failure(watch: Watch): Promise<unknown> {
  try {
    for await (const _ of watch);
  } catch (error) {
    return error;
  }
  throw new Error('the watch ended without an error');
}

async function bookmark(): Promise<Bookmark> {
  return (await store.list({ prefix: '' })).bookmark;
}

const everything: Range = { prefix: '' };

describe('a watch', () => {
  test('is told within no call of the writer, and before the writer goes on to its next turn', async () => {
    const order: string[] = [];
    const watch = store.watch(everything);
    await watch.ready;
    const reading = take(watch, 1).then(() => order.push('event'));
    const writing = store.put('/a', '1');
    order.push('put returned');
    await Promise.all([writing, reading]);
    expect(order).toEqual(['put returned', 'event']);
    await watch.close();
  });

  test('after a bookmark it first tells what was missed, each revision whole and once', async () => {
    await store.put('/a', '1');
    const after = await bookmark();
    await store.txn({ then: ['/b', '/c'].map((key) => ({ type: 'put', key, value: '1' }) as const) });
    await store.put('/d', '1');
    const watch = store.watch(everything, { after });
    expect(await watch.ready).toEqual(after);
    await store.put('/e', '1');
    const batches = await take(watch, 3);
    expect(batches.map(({ events }) => events.length)).toEqual([2, 1, 1]);
    expect(batches.map(({ bookmark: { revision } }) => revision)).toEqual([3, 4, 5]);
    await watch.close();
  });

  test('gives previous entries where asked, and only puts or only deletes', async () => {
    const watches = {
      previous: store.watch(everything, { previous: true }),
      puts: store.watch(everything, { only: 'put' }),
      deletes: store.watch(everything, { only: 'delete' }),
    };
    await store.put('/a', '1');
    await store.put('/a', '2');
    await store.delete('/a');
    const told = (await take(watches.previous, 3)).flatMap(({ events }) => events);
    expect(told).toMatchObject([
      { type: 'put', isCreate: true },
      { type: 'put', isCreate: false, previous: { modRevision: 2, version: 1 } },
      { type: 'delete', key: '/a', previous: { modRevision: 3, version: 2 } },
    ]);
    expect('previous' in told[0]!).toBe(false);
    expect((await take(watches.puts, 2)).flatMap(({ events }) => events)).toMatchObject([
      { revision: 2 },
      { revision: 3 },
    ]);
    expect((await take(watches.deletes, 1)).flatMap(({ events }) => events)).toMatchObject([{ revision: 4 }]);
    for (const watch of Object.values(watches)) await watch.close();
  });

  test('previous entries come from history too, as long as it is there', async () => {
    await store.put('/a', '1');
    const after = await bookmark();
    await store.put('/a', '2');
    await store.delete('/a');
    await store.put('/a', '3');
    await store.compact(2);
    const watch = store.watch('/a', { after, previous: true });
    const told = (await take(watch, 3)).flatMap(({ events }) => events);
    expect(told.map((event) => ('previous' in event ? event.previous?.modRevision : undefined))).toEqual([
      2,
      3,
      undefined,
    ]);
    await watch.close();
  });
});

describe('a slow consumer', () => {
  test('holds no more than its budget and one revision, and loses nothing', async () => {
    const after = await bookmark();
    const watch = store.watch(everything, { after, bufferBytes: 10_000 });
    await watch.ready;
    for (let i = 0; i < 500; i++) await store.put(`/k${i}`, 'x'.repeat(1_000));
    // What was queued before it stopped is at most the budget and one more; the rest is read on demand.
    const first = watch[Symbol.asyncIterator]();
    await first.next();
    const { sizeBytes } = await store.status();
    expect(sizeBytes).toBeGreaterThan(500_000);
    const seen: number[] = [];
    while (seen.at(-1) !== 501) seen.push(((await first.next()).value as WatchBatch).bookmark.revision);
    expect(seen).toEqual(Array.from({ length: 499 }, (_, i) => i + 3));
    await watch.close();
  });

  test('does not hold up another', async () => {
    const stalled = store.watch(everything, { bufferBytes: 1 });
    const lively = store.watch(everything, { bufferBytes: 1 });
    const reading = keysUpTo(lively, 101);
    for (let i = 0; i < 100; i++) await store.put(`/k${i}`, 'x');
    expect((await reading).length).toBe(100);
    expect(await keysUpTo(stalled, 101)).toEqual(Array.from({ length: 100 }, (_, i) => `/k${i}`));
  });

  test('that is overtaken by a compaction is told what it has, then that the rest is gone', async () => {
    const watch = store.watch(everything, { bufferBytes: 1 });
    await watch.ready;
    for (let i = 0; i < 10; i++) await store.put('/a', String(i));
    await store.compact(9);
    const revisions: number[] = [];
    const reading = (async () => {
      for await (const batch of watch) revisions.push(batch.bookmark.revision);
    })();
    const error: unknown = await reading.catch((thrown: unknown) => thrown);
    expect(isStoreError(error, 'compacted') && [error.compactRevision, error.revision]).toEqual([9, 11]);
    expect(revisions.length).toBeGreaterThan(0);
    expect(revisions).toEqual(revisions.map((_, i) => i + 2));
  });
});

describe('compaction', () => {
  test('a bookmark at the compacted revision can still be watched from, and sees every later change', async () => {
    await store.put('/a', '1');
    await store.delete('/a');
    const after = await bookmark();
    await store.put('/b', '1');
    await store.delete('/b');
    await store.compact(after.revision, { physical: true });
    const [first, second] = await take(store.watch(everything, { after }), 2);
    expect(first?.events).toMatchObject([{ type: 'put', current: { key: '/b' } }]);
    expect(second?.events).toMatchObject([{ type: 'delete', key: '/b' }]);
  });

  test('a bookmark before it is refused, also where nothing of the range was compacted: a delete may be missing', async () => {
    await store.put('/a', '1');
    const after = await bookmark();
    await store.delete('/a');
    await store.compact(3);
    const error = await failure(store.watch('/a', { after }));
    expect(isStoreError(error, 'compacted') && error.compactRevision).toBe(3);
  });

  test('an idle watch whose bookmark moved resumes across it', async () => {
    const watch = store.watch({ prefix: '/idle/' });
    await watch.ready;
    for (let i = 0; i < 50; i++) await store.put('/busy', String(i));
    const reading = take(watch, 1);
    await clock.advance(100);
    const [progress] = await reading;
    expect(progress).toEqual({ kind: 'progress', bookmark: await bookmark(), events: [], undecodable: [] });
    await watch.close();
    await store.compact(51);
    const again = store.watch({ prefix: '/idle/' }, { after: progress!.bookmark });
    await store.put('/idle/a', '1');
    expect(await keysUpTo(again, 52)).toEqual(['/idle/a']);
  });
});

describe('progress', () => {
  test('is told once for all that happened elsewhere, and needs no timer while nothing happens', async () => {
    const watch = store.watch({ prefix: '/idle/' });
    await watch.ready;
    expect(clock.pending).toBe(0);
    const iterator = watch[Symbol.asyncIterator]();
    const revisions: number[] = [];
    for (let round = 0; round < 3; round++) {
      const next = iterator.next();
      for (let i = 0; i < 20; i++) await store.put('/busy', String(i));
      expect(clock.pending).toBe(1);
      await clock.advance(100);
      revisions.push(((await next).value as WatchBatch).bookmark.revision);
      expect(clock.pending).toBe(0);
    }
    expect(revisions).toEqual([21, 41, 61]);
    await watch.close();
  });

  test('is not told to a watch that its own events brought to the head', async () => {
    const watch = store.watch(everything);
    const iterator = watch[Symbol.asyncIterator]();
    await store.put('/a', '1');
    await iterator.next();
    await clock.advance(100);
    const next = iterator.next();
    await store.put('/a', '2');
    expect(((await next).value as WatchBatch).kind).toBe('events');
    await watch.close();
    expect(clock.pending).toBe(0);
  });

  test('comes from catching up, too', async () => {
    const after = await bookmark();
    await store.put('/a/1', '1');
    await store.put('/busy', '1');
    const watch = store.watch({ prefix: '/a/' }, { after });
    const reading = take(watch, 2);
    await clock.advance(100);
    expect((await reading).map(({ kind, bookmark: at }) => [kind, at.revision])).toEqual([
      ['events', 2],
      ['progress', 3],
    ]);
    await watch.close();
  });
});

describe('another history', () => {
  test('a bookmark of another store, or of the future, is refused before any event', async () => {
    await store.put('/a', '1');
    const { identity, revision } = await bookmark();
    for (const after of [
      { identity: 'another', revision },
      { identity, revision: toRevision(revision + 1) },
    ]) {
      const watch = store.watch(everything, { after });
      await expect(watch.ready).rejects.toMatchObject({ code: 'history-changed' });
      expect(await failure(watch)).toMatchObject({ code: 'history-changed' });
    }
    expect(store.watcherCount).toBe(0);
  });

  test('a restore below a bookmark is noticed; a watch whose bookmark it has goes on with the restored history', async () => {
    await store.put('/a', '1');
    const snapshot = store.snapshot();
    const idle = store.watch({ prefix: '/idle/' });
    await idle.ready;
    const told = store.watch(everything);
    await told.ready;
    await store.put('/a', '2');
    const states: WatchState['status'][] = [];
    told.onState(({ status }) => states.push(status));
    const failing = failure(told);
    await eventually(() => store.watcherCount === 2);
    store.restore(snapshot);
    expect(await failing).toMatchObject({ code: 'history-changed' });
    expect(states).toEqual(['interrupted', 'closed']);
    await store.put('/idle/a', '1');
    expect(await keysUpTo(idle, 3)).toEqual(['/idle/a']);
  });

  test('a restored history that overtakes the bookmark before anybody looks goes unnoticed', async () => {
    await store.put('/a', '1');
    const snapshot = store.snapshot();
    await store.put('/lost', '1');
    const watch = store.watch(everything);
    await watch.ready;
    const reconnect = store.interrupt();
    expect(watch.state.status).toBe('interrupted');
    store.restore(snapshot);
    for (const key of ['/x', '/y', '/z']) await store.put(key, '1');
    reconnect();
    expect(await keysUpTo(watch, 5)).toEqual(['/y', '/z']);
    expect(await store.get('/lost')).toBeUndefined();
  });

  test('a new identity is noticed at any revision', async () => {
    await store.put('/a', '1');
    const watch = store.watch(everything);
    await watch.ready;
    store.restore(store.snapshot(), { identity: 'new' });
    expect(await failure(watch)).toMatchObject({ code: 'history-changed' });
  });

  test('a wiped store is empty, at revision 1, and another', async () => {
    const { identity } = await bookmark();
    await store.put('/a', '1');
    const watch = store.watch(everything);
    await watch.ready;
    store.wipe();
    expect(await failure(watch)).toMatchObject({ code: 'history-changed' });
    expect(await store.status()).toMatchObject({ revision: 1, sizeBytes: 0 });
    expect((await bookmark()).identity).not.toBe(identity);
  });
});

describe('an interruption', () => {
  test('the head that was missed up to is told when it is over', async () => {
    const watch = store.watch(everything);
    const { revision } = await watch.ready;
    const reconnect = store.interrupt();
    for (const value of ['1', '2', '3']) await store.put('/a', value);
    reconnect();
    await eventually(() => watch.state.status === 'live');
    expect(watch.state).toMatchObject({ after: { revision }, head: revision + 3 });
    await watch.close();
  });

  test('loses nothing and repeats nothing, and is shown', async () => {
    const states: WatchState['status'][] = [];
    const watch = store.watch(everything);
    watch.onState(({ status }) => states.push(status));
    await watch.ready;
    await store.put('/a', '1');
    const reconnect = store.interrupt();
    await store.put('/b', '1');
    const reading = keysUpTo(watch, 4);
    await store.put('/c', '1');
    reconnect();
    expect(await reading).toEqual(['/a', '/b', '/c']);
    expect(states).toEqual(['live', 'interrupted', 'live', 'closed']);
  });

  test('of an idle watch does not forget what it knew', async () => {
    const watch = store.watch({ prefix: '/idle/' });
    await watch.ready;
    for (let i = 0; i < 10; i++) await store.put('/busy', String(i));
    const reconnect = store.interrupt();
    await store.compact(11);
    reconnect();
    await eventually(() => watch.state.status === 'live');
    await store.put('/idle/a', '1');
    expect(await keysUpTo(watch, 12)).toEqual(['/idle/a']);
  });

  test('begins the watches that were opened meanwhile when it is over', async () => {
    const reconnect = store.interrupt();
    const watch = store.watch(everything);
    await store.put('/a', '1');
    expect(watch.state.status).toBe('connecting');
    reconnect();
    expect(await keysUpTo(watch, 2)).toEqual(['/a']);
  });

  test('reaches a watch whose consumer is slow, which then still reads all', async () => {
    const watch = store.watch(everything, { bufferBytes: 1 });
    await watch.ready;
    for (let i = 0; i < 20; i++) await store.put(`/k${i}`, '1');
    store.interrupt()();
    await eventually(() => watch.state.status === 'live');
    expect((await keysUpTo(watch, 21)).length).toBe(20);
  });
});

describe('handles', () => {
  test('share the data, but not their watches and not their end', async () => {
    const other = store.connect();
    const watch = other.watch(everything);
    await watch.ready;
    await store.put('/a', '1');
    expect(await other.get('/a')).toMatchObject({ modRevision: 2 });
    const mine = store.watch(everything);
    await mine.ready;
    expect(store.watcherCount).toBe(2);
    await store.close();
    expect(other.watcherCount).toBe(1);
    await other.put('/b', '1');
    expect(await keysUpTo(watch, 3)).toEqual(['/a', '/b']);
    await expect(store.get('/a')).rejects.toMatchObject({ code: 'closed' });
    expect(() => store.connect()).toThrow('closed');
    await other.close();
  });
});
