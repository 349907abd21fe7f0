import { afterEach, describe, expect, test } from '@jest/globals';
import { toRevision, StoreError, type ConfigStore, type WatchBatch, type WatchState } from '@holdfast/store';
import { createStore } from '@holdfast/store/adapter';
import { BOOKMARK, ScriptDriver } from './support/script-driver.js';
import { thrown } from './support/thrown.js';

const batch = (revision: number, kind: WatchBatch['kind'] = 'events'): WatchBatch => ({
  kind,
  bookmark: { revision: toRevision(revision), identity: 'test' },
  events: [],
  undecodable: [],
});

// An open watch keeps the process alive.
const opened: ConfigStore[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

function open(options: { bufferBytes?: number; signal?: AbortSignal } = {}) {
  const driver = new ScriptDriver();
  const store = createStore(driver);
  opened.push(store);
  const watch = store.watch({ prefix: '' }, options);
  const sink = driver.sinks[0];
  if (sink === undefined) throw new Error('the driver was not asked to watch');
  return { driver, store, watch, sink, batches: watch[Symbol.asyncIterator]() };
}

const revisionOf = (result: IteratorResult<WatchBatch>) =>
  result.done === true ? 'done' : result.value.bookmark.revision;

describe('delivery', () => {
  test('what was pushed before the consumer came is delivered in order', async () => {
    const { sink, batches } = open();
    for (const revision of [2, 3, 4]) sink.push(batch(revision), 1);
    expect([await batches.next(), await batches.next(), await batches.next()].map(revisionOf)).toEqual([2, 3, 4]);
  });

  test('trap 4: who begins to listen late misses nothing, of what came before and while it was busy', async () => {
    const driver = new ScriptDriver();
    const watch = createStore(driver).watch({ prefix: '' });
    const [sink] = driver.sinks;
    for (const revision of [2, 3, 4]) sink?.push(batch(revision), 1);
    const batches = watch[Symbol.asyncIterator]();
    sink?.push(batch(5), 1);
    sink?.fail(new StoreError('internal', 'the end'));
    const taken: unknown[] = [];
    const next = async () => taken.push(revisionOf(await batches.next()));
    await expect(next().then(next).then(next).then(next).then(next)).rejects.toMatchObject({ code: 'internal' });
    expect(taken).toEqual([2, 3, 4, 5]);
  });

  test('a waiting consumer gets the next batch', async () => {
    const { sink, batches } = open();
    const next = batches.next();
    sink.push(batch(2), 1);
    expect(revisionOf(await next)).toBe(2);
  });

  test('progress that waits is merged, so that an idle queue does not grow', async () => {
    const { sink, batches } = open();
    for (const revision of [2, 3, 4]) sink.push(batch(revision, 'progress'), 1);
    sink.push(batch(5), 1);
    expect([await batches.next(), await batches.next()].map(revisionOf)).toEqual([4, 5]);
  });

  test('a second consumer is refused', () => {
    const { watch } = open();
    expect(() => watch[Symbol.asyncIterator]()).toThrow(/one consumer/);
  });
});

describe('slow consumers', () => {
  test('past the byte budget the driver is told, and told again only when all was drained', async () => {
    const { driver, sink, batches } = open({ bufferBytes: 10 });
    expect([sink.push(batch(2), 10), sink.push(batch(3), 1)]).toEqual(['ok', 'full']);
    await batches.next();
    expect(driver.events).toEqual([]);
    await batches.next();
    expect(driver.events).toEqual(['resume']);
  });
});

describe('ends', () => {
  test('close() ends the iteration and drops what waits', async () => {
    const { driver, watch, sink, batches } = open();
    sink.push(batch(2), 1);
    await watch.close();
    expect(revisionOf(await batches.next())).toBe('done');
    expect(driver.events).toEqual(['close']);
    expect(watch.state).toEqual({ status: 'closed' });
  });

  test('leaving the loop closes the watch at the driver', async () => {
    const { driver, watch, sink } = open();
    const fresh = new ScriptDriver();
    const looped = createStore(fresh).watch('k');
    fresh.sinks[0]?.push(batch(2), 1);
    for await (const _ of looped) break;
    expect(fresh.events).toEqual(['close']);
    sink.push(batch(2), 1);
    await watch.close();
    await watch.close();
    expect(driver.events).toEqual(['close']);
  });

  test('a failure comes after what was queued, once', async () => {
    const { sink, batches, watch } = open();
    sink.push(batch(2), 1);
    sink.fail(new StoreError('history-changed', 'other'));
    expect(watch.state).toMatchObject({ status: 'closed', error: { code: 'history-changed' } });
    expect(revisionOf(await batches.next())).toBe(2);
    expect((await thrown(() => batches.next())).code).toBe('history-changed');
    expect(revisionOf(await batches.next())).toBe('done');
  });

  test('abort throws `aborted` at a waiting consumer, with the reason as its cause', async () => {
    const controller = new AbortController();
    const { batches, driver } = open({ signal: controller.signal });
    const next = thrown(() => batches.next());
    controller.abort('why');
    expect(await next).toMatchObject({ code: 'aborted', cause: 'why' });
    expect(driver.events).toEqual(['close']);
  });

  test('closing the store throws `closed`: the consumer did not end it', async () => {
    const { store, batches, watch } = open();
    const next = thrown(() => batches.next());
    await store.close();
    expect((await next).code).toBe('closed');
    expect((await thrown(() => watch.ready)).code).toBe('closed');
  });

  test('refused arguments end the watch, with one way to fail', async () => {
    const store = createStore(new ScriptDriver());
    for (const watch of [store.watch(''), store.watch('k', { after: { revision: toRevision(1), identity: '' } })]) {
      expect((await thrown(() => watch.ready)).code).toBe('invalid-argument');
      expect((await thrown(() => watch[Symbol.asyncIterator]().next())).code).toBe('invalid-argument');
    }
  });

  test('nothing that is pushed after the end is delivered', async () => {
    const { sink, watch, batches } = open();
    await watch.close();
    expect(sink.push(batch(2), 1)).toBe('ok');
    expect(revisionOf(await batches.next())).toBe('done');
  });
});

describe('state', () => {
  test('is told beside the events, not behind them', async () => {
    const { sink, watch } = open();
    const states: WatchState['status'][] = [];
    watch.onState((state) => states.push(state.status));
    sink.push(batch(2), 1);
    sink.established(BOOKMARK);
    sink.interrupted(new StoreError('unavailable', 'cut'));
    sink.established(BOOKMARK);
    expect(states).toEqual(['live', 'interrupted', 'live']);
    expect(await watch.ready).toEqual(BOOKMARK);
  });

  test('an interruption keeps the time it began while its cause changes', () => {
    const { sink, watch } = open();
    sink.interrupted(new StoreError('unavailable', 'first'));
    const first = watch.state;
    sink.interrupted(new StoreError('unavailable', 'second'));
    expect(watch.state).toEqual({ ...first, cause: expect.objectContaining({ message: 'second' }) });
  });

  test('a listener that throws disturbs nobody, and one that left is not called', () => {
    const { sink, watch } = open();
    const seen: string[] = [];
    watch.onState(() => {
      throw new Error('mine');
    });
    const off = watch.onState((state) => seen.push(state.status));
    sink.established(BOOKMARK);
    off();
    sink.interrupted(new StoreError('unavailable', 'cut'));
    expect(seen).toEqual(['live']);
  });
});
