import { describe, expect, test } from '@jest/globals';
import {
  toRevision,
  withPrefix,
  type Bookmark,
  type ConfigStore,
  type Range,
  type Watch,
  type WatchBatch,
  type WatchEvent,
} from '@holdfast/store';
import { createStore, decodeUtf8, keySuccessor, type KeyRange } from '@holdfast/store/adapter';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { eventually } from '@holdfast/testkit';
import { BOOKMARK, EMPTY, ScriptDriver, untilAborted } from './support/script-driver.js';
import { thrown } from './support/thrown.js';

const NAMES = ['/ap', '/app', '/app/', '/app/a', '/app/b/c', '/app0', '/apq', '/other/app/a'];

async function filled(): Promise<MemoryStore> {
  const store = memoryStore();
  for (const name of NAMES) await store.put(name, name);
  return store;
}

async function keysOf(store: ConfigStore, range: Range): Promise<string[]> {
  return (await store.list(range)).items.map(({ key }) => key);
}

function briefly(event: WatchEvent): string {
  switch (event.type) {
    case 'put':
      return `put ${event.current.key}=${decodeUtf8(event.current.value)} was ${event.previous?.key}`;
    case 'delete':
      return `delete ${event.key} was ${event.previous?.key}`;
    case 'delete-range':
      return `delete-range ${JSON.stringify(event.range)}`;
  }
}

/** What a watch tells until it has told so many events. */
async function told(watch: Watch, count: number): Promise<WatchBatch[]> {
  const batches: WatchBatch[] = [];
  let events = 0;
  if (count === 0) return batches;
  for await (const batch of watch) {
    batches.push(batch);
    events += batch.events.length + batch.undecodable.length;
    if (events >= count) break;
  }
  return batches;
}

const eventsOf = (batches: readonly WatchBatch[]) => batches.flatMap(({ events }) => events.map(briefly));

describe('the ranges of a view', () => {
  // Whether or not the prefix ends with a slash: it is a plain string prefix.
  test.each<[string, Range, string[]]>([
    ['/app', { prefix: '' }, ['/', '/a', '/b/c', '0']],
    ['/app', { prefix: '/' }, ['/', '/a', '/b/c']],
    ['/app', '/a', ['/a']],
    ['/app', { start: '/a' }, ['/a', '/b/c', '0']],
    ['/app', { end: '/b' }, ['/', '/a']],
    ['/app', { start: '/b', end: '0' }, ['/b/c']],
    ['/app', { start: Uint8Array.of(0), end: Uint8Array.of(0xff, 0xff) }, ['/', '/a', '/b/c', '0']],
    ['/app', { start: Uint8Array.of(0xff) }, []],
    ['/app/', { prefix: '' }, ['a', 'b/c']],
    ['/app/', { prefix: 'b' }, ['b/c']],
    ['/app/', { start: 'b' }, ['b/c']],
    ['/app/', 'a', ['a']],
  ])('of %s: %j are %j, for reads, scans, deletes and watches alike', async (prefix, range, expected) => {
    await using store = await filled();
    const view = withPrefix(store, prefix);
    const { items, count, bookmark } = await view.list(range);
    expect(items.map(({ key, value }) => [key, decodeUtf8(value)])).toEqual(
      expected.map((key) => [key, `${prefix}${key}`]),
    );
    expect(count).toBe(expected.length);
    const scanned: string[] = [];
    for await (const page of view.scan(range)) {
      expect(page.total).toBe(expected.length);
      for (let i = 0; i < page.length; i++) scanned.push(page.key(i));
    }
    expect(scanned).toEqual(expected);
    const { deleted, previous } = await view.delete(range, { previous: true });
    expect([deleted, previous?.map(({ key }) => key)]).toEqual([expected.length, expected]);
    expect(await keysOf(store, { prefix: '' })).toEqual(
      NAMES.filter((name) => !expected.includes(name.slice(prefix.length)) || !name.startsWith(prefix)),
    );
    const batches = await told(view.watch(range, { after: bookmark, previous: true }), expected.length);
    expect(eventsOf(batches)).toEqual(expected.map((key) => `delete ${key} was ${key}`));
  });

  test('a key that is the prefix itself is not in the view, where it would be the empty key', async () => {
    await using store = await filled();
    const view = withPrefix(store, '/app');
    const { bookmark } = await view.list({ prefix: '' });
    await store.put('/app', '2');
    await store.delete('/app');
    await store.put('/app/z', '');
    expect(eventsOf(await told(view.watch({ prefix: '' }, { after: bookmark }), 1))).toEqual(['put /z= was undefined']);
    await view.txn({ then: [{ type: 'delete', range: { prefix: '' } }] });
    expect(await keysOf(store, { prefix: '' })).toEqual(['/ap', '/apq', '/other/app/a']);
  });

  test('sorted, limited, past and changed entries are those of the view', async () => {
    await using store = await filled();
    const view = withPrefix(store, '/app/');
    const { bookmark } = await view.list({ prefix: '' });
    await store.put('/app/a', 'later');
    await store.put('/app', 'later');
    const last = await view.list({ prefix: '' }, { sort: { target: 'modRevision', order: 'descend' }, limit: 1 });
    expect([last.items[0]?.key, last.count, last.more]).toEqual(['a', 2, true]);
    const past = await view.get('a', { revision: bookmark.revision });
    expect(decodeUtf8(past?.value ?? new Uint8Array())).toBe('/app/a');
    const changed = await view.list({ prefix: '' }, { minModRevision: bookmark.revision + 1 });
    expect([changed.items.map(({ key }) => key), changed.count]).toEqual([['a'], 2]);
  });

  test('keys that are not UTF-8 are shown without the prefix, in lists, pages and batches', async () => {
    await using store = memoryStore();
    const view = withPrefix(store, '/äpp/');
    const { bookmark } = await view.list({ prefix: '' });
    const inner = Uint8Array.of(0x61, 0xff);
    store.injectRaw(Buffer.concat([Buffer.from('/äpp/'), inner]), new Uint8Array());
    const { undecodable, count } = await view.list({ prefix: '' });
    expect([undecodable.map(({ rawKey }) => [...rawKey]), count]).toEqual([[[...inner]], 1]);
    for await (const page of view.scan({ prefix: 'a' })) {
      expect(page.undecodable.map(({ rawKey }) => [...rawKey])).toEqual([[...inner]]);
    }
    const batches = await told(view.watch({ start: inner, end: keySuccessor(inner) }, { after: bookmark }), 1);
    expect(batches.flatMap((batch) => batch.undecodable).map(({ rawKey }) => [...rawKey])).toEqual([[...inner]]);
  });

  test('a range deletion told by a backend is cut to what is watched, and told relative to the view', async () => {
    const driver = new ScriptDriver();
    const store = createStore(driver);
    const view = withPrefix(store, '/x/app');
    const tell = async (watched: Range, deleted: Range): Promise<string[]> => {
      const watch = view.watch(watched);
      const sink = driver.sinks.at(-1)!;
      sink.established(BOOKMARK);
      const next = { ...BOOKMARK, revision: toRevision(8) };
      const events: WatchEvent[] = [{ type: 'delete-range', range: deleted, revision: next.revision }];
      sink.push({ kind: 'events', bookmark: next, events, undecodable: [] }, 1);
      return eventsOf(await told(watch, 1));
    };
    expect(await tell({ prefix: '' }, { prefix: '/x/' })).toEqual(['delete-range {"prefix":""}']);
    expect(await tell({ prefix: '' }, { prefix: '/x/app/' })).toEqual(['delete-range {"prefix":"/"}']);
    expect(await tell({ prefix: '/b/' }, { prefix: '/x/app/' })).toEqual(['delete-range {"prefix":"/b/"}']);
    expect(await tell({ prefix: '/' }, { prefix: '/x/app/b/' })).toEqual(['delete-range {"prefix":"/b/"}']);
    expect(await tell('/b', { prefix: '/x/' })).toEqual(['delete-range {"key":"/b"}']);
    expect(await tell({ start: '/b', end: '/d' }, { prefix: '/x/' })).toEqual([
      'delete-range {"start":"/b","end":"/d"}',
    ]);
    expect(await tell({ start: '/b' }, { prefix: '/x/app/' })).toEqual(['delete-range {"start":"/b","end":"0"}']);
    expect(await tell({ start: '/b' }, { prefix: '/x/' })).toEqual(['delete-range {"start":"/b"}']);
  });
});

describe('what a view gives and takes', () => {
  test('transactions: compares, operations, results and nested ones are relative', async () => {
    await using store = await filled();
    const view = withPrefix(store, '/app');
    const { succeeded, results } = await view.txn({
      if: [
        { key: '/a', target: 'value', op: '=', value: '/app/a' },
        { range: { prefix: '' }, target: 'createRevision', op: '>', value: 0 },
      ],
      then: [
        { type: 'get', key: '/a' },
        { type: 'put', key: '/a', value: '2', previous: true },
        { type: 'delete', range: { prefix: '/b' }, previous: true },
        {
          type: 'txn',
          txn: {
            if: [{ key: '/nothing', target: 'version', op: '>', value: 0 }],
            else: [{ type: 'list', range: { start: '/a' } }],
          },
        },
      ],
    });
    expect(succeeded).toBe(true);
    expect(results).toMatchObject([
      { type: 'get', item: { key: '/a' } },
      { type: 'put', previous: { key: '/a' } },
      { type: 'delete', deleted: 1, previous: [{ key: '/b/c' }] },
      { type: 'txn', succeeded: false, results: [{ type: 'list', items: [{ key: '/a' }, { key: '0' }], count: 2 }] },
    ]);
    expect(decodeUtf8((await store.get('/app/a'))!.value)).toBe('2');
    expect(decodeUtf8((await store.get('/other/app/a'))!.value)).toBe('/other/app/a');
  });

  test('guards: what failed and what was there come relative', async () => {
    await using store = await filled();
    const view = withPrefix(store, '/app/');
    expect(await view.put('a', '2', { ifAbsent: true })).toMatchObject({ succeeded: false, current: { key: 'a' } });
    expect(await view.delete('a', { ifValue: 'no' })).toMatchObject({ succeeded: false, current: { key: 'a' } });
    expect(await view.put('new', '1', { ifAbsent: true })).toMatchObject({ succeeded: true });
    expect(await view.delete('a', { ifValue: '/app/a', previous: true })).toMatchObject({
      succeeded: true,
      previous: [{ key: 'a' }],
    });
    expect(await keysOf(store, { prefix: '/app/' })).toEqual(['/app/', '/app/b/c', '/app/new']);
  });

  test('a view of a view has both prefixes', async () => {
    await using store = await filled();
    const view = withPrefix(withPrefix(store, '/app'), '/b/');
    expect(await keysOf(view, { prefix: '' })).toEqual(['c']);
    await view.put('d', '1');
    expect(await store.get('/app/b/d')).toMatchObject({ key: '/app/b/d' });
    const after = (await view.list({ prefix: '' })).bookmark;
    await view.delete('d');
    expect(eventsOf(await told(view.watch({ prefix: '' }, { after }), 1))).toEqual(['delete d was undefined']);
  });

  test('a bookmark of the view is one of the store, and the other way round', async () => {
    await using store = await filled();
    const view = withPrefix(store, '/app/');
    const { bookmark } = await store.list({ prefix: '' });
    await view.put('x', '1');
    const [first] = await told(view.watch({ prefix: '' }, { after: bookmark }), 1);
    expect(eventsOf([first!])).toEqual(['put x=1 was undefined']);
    const stored: Bookmark = JSON.parse(JSON.stringify(first?.bookmark)) as Bookmark;
    await view.put('y', '2');
    expect(eventsOf(await told(store.watch({ prefix: '/app/' }, { after: stored }), 1))).toEqual([
      'put /app/y=2 was undefined',
    ]);
    const other = { ...stored, identity: 'of another history' };
    expect(await thrown(() => view.watch({ prefix: '' }, { after: other }).ready)).toMatchObject({
      code: 'history-changed',
    });
  });

  test('compaction and the listing of leases are the whole store’s; the keys of a lease are those of the view', async () => {
    await using store = await filled();
    const view = withPrefix(store, '/app');
    expect(view.capabilities).toEqual({ ...store.capabilities, compaction: false, leaseListing: false });
    expect(await thrown(() => view.compact(1))).toMatchObject({ code: 'unsupported' });
    expect(await thrown(() => view.leases.list())).toMatchObject({ code: 'unsupported' });
    const { id } = await view.leases.grant(60);
    for (const key of ['/app', '/app/a', '/apq']) await store.put(key, '', { lease: id });
    expect((await view.leases.timeToLive(id, { keys: true })).keys).toEqual(['/a']);
    await view.put('/ttl', '1', { ttl: 60 });
    expect(await store.leases.list()).toHaveLength(2);
    await view.leases.revoke(id);
    expect(await keysOf(store, { prefix: '/ap' })).toEqual(['/ap', '/app/', '/app/b/c', '/app/ttl', '/app0']);
  });

  test('where keys are paths, a view is of paths as well, and one below a slash deletes just its directory', async () => {
    const driver = new ScriptDriver({ keySyntax: 'path', rangeDeletes: 'directory' });
    const store = createStore(driver);
    const view = withPrefix(store, '/app');
    expect(view.capabilities.keySyntax).toBe('path');
    for (const key of ['a', '//a', '/a/', '/_a']) {
      expect(await thrown(() => view.put(key, ''))).toMatchObject({ code: 'invalid-argument' });
    }
    const below = withPrefix(store, '/app/');
    expect(await thrown(() => below.put('/a', ''))).toMatchObject({ code: 'invalid-argument' });
    await below.put('a', '');
    await below.delete({ prefix: '' });
    const [[put, key], [, range]] = driver.calls as [string[], [string, KeyRange]];
    expect([put, key, range.toRange()]).toEqual(['put', '/app/a', { prefix: '/app/' }]);
  });

  test.each(['', '\ud800', undefined])('the prefix %j is refused', async (prefix) => {
    expect(await thrown(() => withPrefix(memoryStore(), prefix as string))).toMatchObject({ code: 'invalid-argument' });
  });
});

describe('how a view ends', () => {
  test('closing it ends its calls and watches as closed, and leaves the store open', async () => {
    const driver = new ScriptDriver();
    driver.list = (_range, _options, call) => untilAborted(call);
    const store = createStore(driver);
    const view = withPrefix(store, '/app');
    const watch = view.watch({ prefix: '' });
    const listed = thrown(() => view.list({ prefix: '' }));
    await view.close();
    expect((await listed).code).toBe('closed');
    expect(watch.state).toMatchObject({ status: 'closed', error: { code: 'closed' } });
    expect(driver.events).toEqual(['close']);
    await store.put('/a', '');
    expect(await thrown(() => view.put('/a', ''))).toMatchObject({ code: 'closed', outcome: 'not-applied' });
  });

  test('a view that owns its store closes it', async () => {
    const store = memoryStore();
    await withPrefix(store, '/app', { owned: true }).close();
    expect(await thrown(() => store.get('/a'))).toMatchObject({ code: 'closed' });
  });

  test('closing the store ends the calls and watches of its views', async () => {
    const store = memoryStore();
    const view = withPrefix(store, '/app');
    const watch = view.watch({ prefix: '' });
    await watch.ready;
    await store.close();
    expect((await thrown(() => told(watch, 1))).code).toBe('closed');
    expect((await thrown(() => view.get('/a'))).code).toBe('closed');
  });

  test('time-outs and aborts of the view’s callers are theirs', async () => {
    const driver = new ScriptDriver();
    driver.list = (_range, _options, call) => untilAborted(call);
    const view = withPrefix(createStore(driver), '/app');
    expect((await thrown(() => view.list({ prefix: '' }, { timeoutMs: 5 }))).code).toBe('timeout');
    const controller = new AbortController();
    const aborted = thrown(() => view.list({ prefix: '' }, { signal: controller.signal }));
    controller.abort();
    expect((await aborted).code).toBe('aborted');
    const watching = new AbortController();
    const watch = view.watch({ prefix: '' }, { signal: watching.signal });
    watching.abort();
    expect((await thrown(() => told(watch, 1))).code).toBe('aborted');
    expect(driver.events).toEqual(['close']);
  });

  test('what befalls the store below shows in the state of its watches', async () => {
    await using store = memoryStore();
    const view = withPrefix(store, '/app/');
    const watch = view.watch({ prefix: '' });
    const states: string[] = [];
    watch.onState(({ status }) => states.push(status));
    await watch.ready;
    const heal = store.interrupt();
    await store.put('/app/a', '1');
    heal();
    expect(eventsOf(await told(watch, 1))).toEqual(['put a=1 was undefined']);
    expect(states).toEqual(['live', 'interrupted', 'live', 'closed']);
  });

  test('the budget of a watch is kept below: what nobody reads waits there, and no longer than its history lives', async () => {
    await using store = memoryStore();
    const view = withPrefix(store, '/app/');
    const kept = async (options: { bufferBytes?: number }): Promise<number> => {
      const watch = view.watch({ prefix: '' }, options);
      await watch.ready;
      let head = 0;
      for (let i = 0; i < 100; i++) head = (await store.put('/app/a', 'x'.repeat(1_000))).revision;
      await store.compact(head);
      let batches = 0;
      try {
        for await (const batch of watch) {
          batches += batch.events.length;
          if (batch.bookmark.revision === head) break;
        }
      } catch (error) {
        expect(error).toMatchObject({ code: 'compacted' });
      }
      return batches;
    };
    expect(await kept({ bufferBytes: 10_000 })).toBeLessThan(20);
    expect(await kept({})).toBe(100);
  });

  test('leaves no watch behind', async () => {
    await using store = memoryStore();
    const view = withPrefix(store, '/app/');
    const watches = [view.watch({ prefix: '' }), view.watch('a'), withPrefix(view, 'b/').watch({ prefix: '' })];
    await Promise.all(watches.map(({ ready }) => ready));
    expect(store.watcherCount).toBe(3);
    await Promise.all(watches.map((watch) => watch.close()));
    await eventually(() => store.watcherCount === 0);
  });
});

describe('a store that gives keys which are not in the view', () => {
  const stranger = (key: string) => ({
    ...{ key, value: new Uint8Array(0), createRevision: BOOKMARK.revision, modRevision: BOOKMARK.revision },
    version: 1,
  });
  const RAW = { rawKey: Uint8Array.of(0x7a, 0xff, 0xff), revision: BOOKMARK.revision, deleted: false };

  test.each(['zzz', 'a/', 'a'])('%p is not shown cut off, as another key', async (key) => {
    const driver = new ScriptDriver();
    driver.list = () => Promise.resolve({ ...EMPTY, items: [stranger(key)], count: 1 });
    const view = withPrefix(createStore(driver), 'a/');
    const bad = { code: 'internal', retryable: true };
    expect(await thrown(() => view.list({ prefix: '' }))).toMatchObject(bad);
    expect(await thrown(() => view.get('x'))).toMatchObject(bad);
    expect(
      await thrown(async () => {
        for await (const page of view.scan({ prefix: '' })) page.key(0);
      }),
    ).toMatchObject(bad);
    driver.list = () => Promise.resolve({ ...EMPTY, undecodable: [RAW], count: 1 });
    expect(await thrown(() => view.list({ prefix: '' }))).toMatchObject(bad);
  });

  test('events of such keys end the watch of the view', async () => {
    const driver = new ScriptDriver();
    const watch = withPrefix(createStore(driver), 'a/').watch({ prefix: '' });
    const told = thrown(async () => {
      for await (const _ of watch);
    });
    await eventually(() => driver.sinks.length === 1);
    const event = { type: 'delete', key: 'zzz', revision: BOOKMARK.revision } as const;
    driver.sinks[0]?.push({ kind: 'events', bookmark: BOOKMARK, events: [event], undecodable: [] }, 1);
    expect(await told).toMatchObject({ code: 'internal' });
  });
});
