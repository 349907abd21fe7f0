// What can't be forced on a real server: the server is a script. The same guarantees on real ones are in watch.test.ts
// and traps.test.ts.
import { afterEach, describe, expect, test } from '@jest/globals';
import { isStoreError, StoreError } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { eventually, virtualClock } from '@holdfast/testkit';
import { afterEvents } from '../src/protobuf/watch.js';
import { WatchManager, type WatchManagerOptions } from '../src/watch/watch.js';
import { PREFIX, RecordingSink, ScriptedTransport, settle, watchOptions, type ScriptedCall } from './watch-script.js';
import { created, del, events, progress, put, response } from './watch-wire-text.js';

// As 3.4.23 and 3.5.16 both write it.
const DENIED = 'rpc error: code = PermissionDenied desc = etcdserver: permission denied';
const OLD_TOKEN = 'rpc error: code = Unauthenticated desc = etcdserver: invalid auth token';

/** Every look at it is a tenth of a millisecond later, so that slices don't depend on this machine. */
function ticking(): () => number {
  let looks = 0;
  return () => (looks += 1) / 10;
}

/** A response cut after so many of its events, each time. */
function partsOf(message: Buffer, after: readonly number[]): [Buffer, Buffer, Buffer] {
  const ends = Array.from(message, (_byte, at) => afterEvents(message.subarray(0, at)).end);
  const cuts = [...new Set(ends)].filter((end) => end > 0);
  const bounds = [0, ...after.map((count) => cuts[count - 1] ?? 0), message.length];
  const [first, second, third] = bounds.slice(1).map((end, index) => message.subarray(bounds[index], end));
  return [first ?? message, second ?? Buffer.alloc(0), third ?? Buffer.alloc(0)];
}

const managers: WatchManager[] = [];

function world(options: WatchManagerOptions = {}) {
  const transport = new ScriptedTransport();
  const clock = virtualClock();
  const manager = new WatchManager(transport, { clock, random: () => 0.5, stopwatch: () => 0, ...options });
  managers.push(manager);
  const watch = (
    after?: number,
    more: Parameters<typeof watchOptions>[1] & { fullAt?: number; range?: KeyRange } = {},
  ) => {
    const sink = new RecordingSink();
    const { fullAt = Infinity, range = PREFIX, ...rest } = more;
    sink.fullAt = fullAt;
    const driver = manager.watch(range, watchOptions(after, rest), sink);
    return { sink, driver };
  };
  return { transport, clock, manager, watch };
}

afterEach(async () => {
  for (const manager of managers.splice(0)) await manager.close();
});

describe('starting', () => {
  test('nothing is told before watch() has returned, and a listener misses nothing (trap 4)', async () => {
    const { transport, watch } = world();
    const { sink } = watch(5);
    expect(sink.told).toEqual([]);
    await settle();
    transport.call.say(created(0), events(0, [6]));
    expect(sink.told).toEqual(['established 5', '6: /a/6']);
  });

  test("with a bookmark: from the bookmark's own revision, and what is at or below it is dropped", async () => {
    const { transport, watch } = world();
    const { sink } = watch(7);
    await settle();
    expect(transport.call.creates).toMatchObject([{ key: '/a/', rangeEnd: '/a0', start: 7, progressNotify: true }]);
    expect(transport.headReads).toBe(0);
    transport.call.say(created(0), events(0, [6, 7, 8]));
    expect(sink.told).toEqual(['established 7', '8: /a/8']);
  });

  test('without one: from where the server is when it creates the watch, which no compaction can overtake', async () => {
    const { transport, watch } = world();
    const { sink } = watch();
    await settle();
    expect(transport.headReads).toBe(1);
    expect(transport.call.creates).toMatchObject([{ start: 0 }]);
    transport.call.say(created(0, 120), events(0, [121, 122]));
    expect(sink.told).toEqual(['established 120', '121: /a/121', '122: /a/122']);
  });

  test('without one, at a member that is behind a linearizable read: from the read (trap 16)', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch();
    await settle();
    transport.call.say(created(0, 90));
    await settle();
    expect(sink.told).toEqual([expect.stringMatching(/^interrupted/)]);
    await clock.advance(10_000);
    await settle();
    expect(transport.call.creates.at(-1)).toMatchObject({ start: 100 });
    transport.call.say(created(1, 101), events(1, [100, 101]));
    expect(sink.told.slice(1)).toEqual(['established 100', '101: /a/101']);
  });

  test('without one: a write between the beginning and the head that is told belongs to the time before', async () => {
    const { transport, watch } = world();
    const { sink } = watch();
    await settle();
    transport.head = { ...transport.head, revision: 121 };
    transport.call.say(created(0, 120), events(0, [119, 120, 121]));
    await settle();
    expect(transport.headReads).toBe(2);
    expect(sink.told).toEqual(['established 120', '121: /a/121']);
  });

  test('without one: where the head that is told is none, what comes is not left out in silence', async () => {
    const { transport, watch } = world();
    const { sink } = watch();
    await settle();
    transport.call.say(created(0, 120), events(0, [101]));
    await settle();
    expect(sink.told).toEqual(['established 120', 'failed history-changed']);
  });

  test('one key, everything, and an interval with an open end', async () => {
    const { transport, watch } = world();
    watch(1, { range: KeyRange.from('k') });
    watch(1, { range: KeyRange.from({ prefix: '' }) });
    watch(1, { range: KeyRange.from({ start: 'b' }) });
    await settle();
    expect(transport.call.creates).toMatchObject([
      { key: 'k', rangeEnd: '' },
      { key: '\0', rangeEnd: '\0' },
      { key: 'b', rangeEnd: '\0' },
    ]);
  });

  test('previous and only are asked of the server', async () => {
    const { transport, watch } = world();
    const { sink } = watch(1, { previous: true, only: 'delete' });
    await settle();
    expect(transport.call.creates).toMatchObject([{ previous: true, filters: [0] }]);
    transport.call.say(created(0), response({ id: 0, events: [del('/a/x', 2, { key: '/a/x', value: 'v', mod: 1 })] }));
    expect(sink.batches[0]?.events).toMatchObject([
      { type: 'delete', key: '/a/x', revision: 2, previous: { modRevision: 1 } },
    ]);
  });
});

describe('one stream', () => {
  test('carries all watches, and each gets its own events', async () => {
    const { transport, watch } = world();
    const watches = Array.from({ length: 10 }, (_, i) => watch(5, { range: KeyRange.from({ prefix: `/${i}/` }) }));
    await settle();
    expect(transport.calls).toHaveLength(1);
    expect(transport.call.creates).toHaveLength(10);
    for (let i = 0; i < 10; i++) transport.call.say(created(i));
    for (let i = 9; i >= 0; i--) transport.call.say(response({ id: i, events: [put({ key: `/${i}/a`, mod: 6 + i })] }));
    for (const [i, { sink }] of watches.entries()) expect(sink.told).toEqual(['established 5', `${6 + i}: /${i}/a`]);
  });

  test('ten thousand watches', async () => {
    const { transport, watch } = world();
    const watches = Array.from({ length: 10_000 }, () => watch(5));
    await settle();
    transport.call.say(...watches.map((_, id) => created(id)));
    transport.call.say(...watches.map((_, id) => events(id, [6])));
    await eventually(() => watches.every(({ sink }) => sink.batches.length === 1));
    await Promise.all(watches.map(({ driver }) => driver.close()));
    expect(new Set(watches.map(({ sink }) => sink.told.join(', ')))).toEqual(new Set(['established 5, 6: /a/6']));
    expect(transport.call.canceled).toBe(true);
  });

  test('is closed with its last watch, and each watch is cancelled when it closes', async () => {
    const { transport, watch, clock } = world();
    const [first, second] = [watch(5), watch(5)];
    await settle();
    transport.call.say(created(0), created(1));
    await first.driver.close();
    expect(transport.call.cancels).toEqual([0]);
    expect(transport.call.canceled).toBe(false);
    await second.driver.close();
    expect(transport.call.canceled).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('a watch closed before the server has confirmed it is cancelled as soon as its id is known (trap 15)', async () => {
    const { transport, watch } = world();
    const [first, second] = [watch(5), watch(5)];
    await settle();
    await first.driver.close();
    transport.call.say(created(0), created(1), events(0, [6]), events(1, [6]));
    expect(transport.call.cancels).toEqual([0]);
    expect(first.sink.told).toEqual([]);
    expect(second.sink.told).toEqual(['established 5', '6: /a/6']);
  });

  test('a watch closed by its own sink gets nothing more, in the same message either', async () => {
    const { transport, manager } = world();
    const sink = new RecordingSink();
    const push = sink.push.bind(sink);
    sink.push = (batch) => {
      void driver.close();
      return push(batch);
    };
    const driver = manager.watch(PREFIX, watchOptions(5), sink);
    await settle();
    transport.call.say(created(0), events(0, [6, 7, 8]));
    expect(sink.told).toEqual(['established 5', '6: /a/6']);
  });

  test.each(['interrupted', 'established', 'push', 'fail'] as const)(
    'a sink may close its watch while it is told `%s`: nothing is left',
    async (what) => {
      const { transport, manager, clock } = world();
      const ends = [
        [created(0), events(0, [6])],
        [created(0), response({ id: 0, canceled: true, compactRevision: 9 })],
        [created(0), response({ id: 0, canceled: true, reason: 'etcdserver: something new' })],
        [created(-1, 100, { canceled: true, reason: OLD_TOKEN })],
        [created(-1, 100, { canceled: true, reason: DENIED })],
        [created(0, 3)],
      ];
      for (const messages of ends) {
        const sink = new RecordingSink();
        const close = () => void driver.close();
        const original = sink[what].bind(sink) as (...args: unknown[]) => unknown;
        Object.assign(sink, {
          [what]: (...args: unknown[]) => {
            close();
            return original(...args);
          },
        });
        const driver = manager.watch(PREFIX, watchOptions(5), sink);
        await settle();
        transport.call.say(...messages);
        transport.call.end();
        await clock.advance(10_000);
        await driver.close();
        await settle();
        expect(clock.pending).toBe(0);
        expect(transport.calls.every(({ canceled, ended }) => canceled || ended)).toBe(true);
      }
    },
  );

  test('is not opened when the watch is closed meanwhile', async () => {
    const { transport, watch } = world();
    const { driver } = watch(5);
    await driver.close();
    await settle();
    expect(transport.calls.every((call) => call.canceled)).toBe(true);
  });
});

describe('batches', () => {
  test('each revision is one batch, whose bookmark is its revision and not the header (trap 1)', async () => {
    const { transport, watch } = world();
    const { sink } = watch(5);
    await settle();
    const both = [put({ key: '/a/x', mod: 6 }), put({ key: '/a/y', mod: 6 }), put({ key: '/a/z', mod: 9 })];
    transport.call.say(created(0, 1_000), response({ id: 0, head: 1_000, events: both }));
    expect(sink.batches.map(({ kind, bookmark, events: { length } }) => [kind, bookmark, length])).toEqual([
      ['events', { revision: 6, identity: '42' }, 2],
      ['events', { revision: 9, identity: '42' }, 1],
    ]);
  });

  test('a revision that fragments split is delivered whole (trap 8)', async () => {
    const { transport, watch } = world();
    const { sink } = watch(5);
    await settle();
    const part = (key: string, fragment: boolean) => response({ id: 0, fragment, events: [put({ key, mod: 6 })] });
    transport.call.say(created(0), part('/a/1', true), part('/a/2', true));
    expect(sink.told).toEqual(['established 5']);
    transport.call.say(part('/a/3', false));
    expect(sink.told.slice(1)).toEqual(['6: /a/1 /a/2 /a/3']);
  });

  test('a stream that ends between two fragments delivers nothing of that revision, and asks for it again', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch(5);
    await settle();
    const events6 = (...keys: string[]) => keys.map((key) => put({ key, mod: 6 }));
    transport.call.say(created(0), response({ id: 0, fragment: true, events: events6('/a/1') }));
    transport.call.end();
    await clock.advance(1_000);
    expect(transport.call.creates).toMatchObject([{ start: 5 }]);
    transport.call.say(created(0), response({ id: 0, events: events6('/a/1', '/a/2') }));
    expect(sink.told).toEqual(['established 5', 'interrupted unavailable', 'established 5', '6: /a/1 /a/2']);
  });

  test('of a response that comes in parts, each revision is delivered as soon as all of it is there', async () => {
    const { transport, watch } = world();
    const { sink } = watch(5);
    await settle();
    const { call } = transport;
    call.say(created(0));
    const all = [put({ key: '/a/6', mod: 6 }), put({ key: '/a/7', mod: 7 }), put({ key: '/a/77', mod: 7 })];
    const [first, second, third] = partsOf(response({ id: 0, events: [...all, put({ key: '/a/8', mod: 8 })] }), [2, 3]);
    call.sayPart(first, true);
    expect(sink.told).toEqual(['established 5', '6: /a/6']);
    call.sayPart(second, true);
    expect(sink.told).toEqual(['established 5', '6: /a/6']);
    call.sayPart(third, false);
    expect(sink.told).toEqual(['established 5', '6: /a/6', '7: /a/7 /a/77', '8: /a/8']);
    call.say(events(0, [9]));
    expect(sink.told.at(-1)).toBe('9: /a/9');
  });

  test('a stream that ends between two parts of a response delivers nothing of the revision there, and asks for it again', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch(5);
    await settle();
    const { call } = transport;
    call.say(created(0));
    const all = [put({ key: '/a/6', mod: 6 }), put({ key: '/a/7', mod: 7 }), put({ key: '/a/77', mod: 7 })];
    const [first] = partsOf(response({ id: 0, events: all }), [2]);
    call.sayPart(first, true);
    call.end();
    await clock.advance(10_000);
    await settle();
    expect(transport.call.creates).toMatchObject([{ start: 6 }]);
    transport.call.say(created(0), response({ id: 0, events: all }));
    expect(sink.told).toEqual([
      'established 5',
      '6: /a/6',
      'interrupted unavailable',
      'established 6',
      '7: /a/7 /a/77',
    ]);
  });

  test('a watch that is closed between two parts of a response gets nothing more, and the stream goes on', async () => {
    const { transport, watch } = world();
    const { sink, driver } = watch(5);
    const { sink: other } = watch(5);
    await settle();
    const { call } = transport;
    call.say(created(0), created(1));
    const all = [put({ key: '/a/6', mod: 6 }), put({ key: '/a/7', mod: 7 }), put({ key: '/a/8', mod: 8 })];
    const [first, second] = partsOf(response({ id: 0, events: all }), [2]);
    call.sayPart(first, true);
    await driver.close();
    call.sayPart(second, false);
    call.say(events(1, [6]));
    expect(sink.told).toEqual(['established 5', '6: /a/6']);
    expect(other.told).toEqual(['established 5', '6: /a/6']);
    expect(transport.calls).toHaveLength(1);
  });

  test('a large message is decoded in slices, in order with what comes after it', async () => {
    const { transport, watch } = world({ stopwatch: ticking() });
    const [large, small] = [watch(5), watch(5)];
    await settle();
    const revisions = Array.from({ length: 20_000 }, (_, i) => 6 + Math.floor(i / 100));
    const message = events(0, revisions);
    transport.call.say(created(0), created(1), message, progress(0, 900), events(1, [6]));
    transport.call.end();
    // The event loop had its turn before it was through.
    expect(large.sink.batches.length).toBeLessThan(201);
    let turns = 0;
    for (; large.sink.batches.length < 201 && turns < 10_000; turns++)
      await new Promise((resolve) => setImmediate(resolve));
    expect(turns).toBeGreaterThan(3);
    const bookmarks = large.sink.batches.map(({ bookmark }) => Number(bookmark.revision));
    expect(bookmarks).toEqual([...Array.from({ length: 200 }, (_, i) => 6 + i), 900]);
    expect(large.sink.batches.every(({ kind, events: { length } }) => kind === 'progress' || length === 100)).toBe(
      true,
    );
    await settle();
    expect(small.sink.told).toEqual(['established 5', '6: /a/6', 'interrupted unavailable']);
  });

  test('a server that sends faster than this process decodes is slowed down, and let go on', async () => {
    const { transport, watch } = world({ stopwatch: ticking() });
    const { sink } = watch(5);
    await settle();
    transport.call.say(created(0));
    const big = put({ key: '/a/big', value: 'x'.repeat(1_000_000), mod: 7 });
    const many = Array.from({ length: 20_000 }, () => put({ key: '/a/small', mod: 6 }));
    transport.call.say(response({ id: 0, events: many }));
    for (let i = 0; i < 20; i++) transport.call.say(response({ id: 0, events: [big], fragment: true }));
    expect(transport.call.paused).toBe(true);
    for (let turns = 0; transport.call.paused && turns < 10_000; turns++)
      await new Promise((resolve) => setImmediate(resolve));
    expect(transport.call.paused).toBe(false);
    expect(sink.batches).toHaveLength(1);
  });

  test.each<[string, Buffer]>([
    ['of revision 0', put({ key: '/a/x', mod: 0 })],
    ['of revision -1', put({ key: '/a/x', mod: -1 })],
    ['of a revision past 2^53-1 (C3)', put({ key: '/a/x', mod: 2n ** 53n })],
    ['of another range', put({ key: '/b/x', mod: 7 })],
    ['without a key', put({ key: '', mod: 7 })],
    ['of a lease that there is not', put({ key: '/a/x', mod: 7, lease: -3n })],
  ])('an event %s interrupts its watch alone, which begins again from what it has', async (_what, bad) => {
    const { transport, watch, clock } = world();
    const [first, second] = [watch(5), watch(5)];
    await settle();
    transport.call.say(created(0), created(1), events(0, [6]), events(1, [6]));
    transport.call.say(response({ id: 0, events: [bad] }), events(1, [7]));
    expect(first.sink.told.at(-1)).toBe('interrupted internal');
    expect(transport.call.cancels).toEqual([0]);
    expect(second.sink.told).toEqual(['established 5', '6: /a/6', '7: /a/7']);
    // With back-off: a server that goes on like that is not asked again and again.
    expect(transport.call.creates).toHaveLength(2);
    await clock.advance(5_000);
    expect(transport.call.creates.at(-1)).toMatchObject({ start: 6 });
    transport.call.say(created(2), events(2, [9]));
    expect(first.sink.told.slice(-2)).toEqual(['established 6', '9: /a/9']);
  });

  test.each<[string, (server: { readonly call: ScriptedCall; readonly more: () => void }) => void]>([
    ['what is not protobuf', ({ call }) => call.say(Buffer.from('HTTP/1.1 400 Bad Request'))],
    ['half of a response', ({ call }) => call.say(events(0, [6]).subarray(0, -2).subarray(0, 12))],
    ['a header of a revision past 2^53-1', ({ call }) => call.say(response({ id: 0, head: 2n ** 53n }))],
    ['an id that another watch has', ({ call, more }) => (more(), call.say(created(0)))],
    ['a negative id', ({ call, more }) => (more(), call.say(created(-1)))],
    [
      'something else before the last fragment',
      ({ call }) => {
        call.say(response({ id: 0, fragment: true, events: [put({ key: '/a/6', mod: 6 })] }), progress(0, 900));
      },
    ],
  ])('%s ends the stream, and all watches go on over another one', async (_what, say) => {
    const { transport, watch, clock } = world();
    const { sink } = watch(5);
    await settle();
    const { call } = transport;
    call.say(created(0));
    say({ call, more: () => void watch(5) });
    await settle();
    expect(sink.told).toEqual(['established 5', 'interrupted internal']);
    expect(call.canceled).toBe(true);
    await clock.advance(5_000);
    await settle();
    expect(transport.call).not.toBe(call);
    expect(transport.call.creates[0]).toMatchObject({ start: 5 });
    transport.call.say(created(0), events(0, [6]));
    expect(sink.told.slice(-2)).toEqual(['established 5', '6: /a/6']);
  });

  test.each([-1, 0, 3, 5, 2 ** 53])(
    'a compaction at %d, of nothing that the watch needs, does not end it',
    async (at) => {
      const { transport, watch, clock } = world();
      const { sink } = watch(5);
      await settle();
      transport.call.say(created(0), response({ id: 0, canceled: true, compactRevision: at }));
      expect(sink.told.at(-1)).toMatch(/^interrupted (internal|unavailable)$/);
      await clock.advance(5_000);
      await settle();
      const { creates } = transport.call;
      transport.call.say(created(creates.length - 1), events(creates.length - 1, [6]));
      expect(sink.told.slice(-2)).toEqual(['established 5', '6: /a/6']);
    },
  );

  test('an event that comes after later ones ends the watch: going on would lose it', async () => {
    const { transport, watch } = world();
    const { sink } = watch(5);
    await settle();
    transport.call.say(created(0), events(0, [5, 6, 8]), events(0, [7]));
    expect(sink.told).toEqual(['established 5', '6: /a/6', '8: /a/8', 'failed internal']);
    expect(sink.error?.retryable).toBe(true);
  });

  test('an event that progress has claimed to be sent ends the watch: going on would lose it', async () => {
    const { transport, watch } = world();
    const { sink } = watch(5);
    await settle();
    transport.call.say(created(0), events(0, [5, 6]), progress(0, 90), events(0, [91]), events(0, [7]));
    expect(sink.told).toEqual(['established 5', '6: /a/6', 'progress 90', '91: /a/91', 'failed internal']);
    const other = watch(5);
    await settle();
    transport.call.say(created(1), progress(1, 2 ** 53 - 1), events(1, [7]));
    expect(other.sink.told.at(-1)).toBe('failed internal');
  });

  test('more of a revision after it was complete ends the watch: going on would lose it', async () => {
    const { transport, watch } = world();
    const { sink } = watch(5);
    await settle();
    transport.call.say(created(0), response({ id: 0, events: [put({ key: '/a/1', mod: 6 })] }));
    // The same once more is of no harm.
    transport.call.say(response({ id: 0, events: [put({ key: '/a/1', mod: 6 })] }));
    expect(sink.told).toEqual(['established 5', '6: /a/1']);
    transport.call.say(response({ id: 0, events: [put({ key: '/a/2', mod: 6 })] }));
    expect(sink.told.at(-1)).toBe('failed internal');
  });

  test("fragments that don't end are bounded by their bytes, and the watch does not stay live", async () => {
    const { transport, watch, clock } = world({ maxResponseBytes: 10_000 });
    const { sink } = watch(5);
    await settle();
    const { call } = transport;
    const part = response({ id: 0, fragment: true, events: [put({ key: '/a/6', value: 'x'.repeat(900), mod: 6 })] });
    call.say(created(0), ...Array.from({ length: 10 }, () => part));
    expect(sink.told).toEqual(['established 5']);
    call.say(part);
    expect(sink.told.at(-1)).toBe('interrupted too-large');
    expect(call.canceled).toBe(true);
    await clock.advance(5_000);
    await settle();
    transport.call.say(created(0), events(0, [6]));
    expect(sink.told.slice(-2)).toEqual(['established 5', '6: /a/6']);
  });

  test('fragments that come for ever are given up after a while, however small they are', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch(5);
    await settle();
    const part = response({ id: 0, fragment: true, events: [put({ key: '/a/6', mod: 6 })] });
    transport.call.say(created(0));
    for (let seconds = 0; seconds < 40 && sink.told.length === 1; seconds += 5) {
      transport.call.say(part);
      await clock.advance(5_000);
    }
    expect(sink.told.at(-1)).toBe('interrupted internal');
  });

  test('a revision that stays open is noticed by the next sign of life', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch(5);
    await settle();
    const { call } = transport;
    call.say(created(0), response({ id: 0, fragment: true, events: [put({ key: '/a/6', mod: 6 })] }));
    await clock.advance(40_000);
    // The server answers the question whether it lives, and has not sent the rest.
    expect(call.creates).toHaveLength(2);
    call.say(created(1));
    expect(sink.told.at(-1)).toBe('interrupted internal');
    expect(call.canceled).toBe(true);
  });
});

describe('interruptions', () => {
  test('each watch goes on from its own last delivered revision', async () => {
    const { transport, watch, clock } = world();
    const [first, second] = [watch(5), watch(9)];
    await settle();
    transport.call.say(created(0), created(1), events(0, [6, 8]), events(1, [12]));
    transport.call.end();
    expect(first.sink.told.at(-1)).toBe('interrupted unavailable');
    await clock.advance(1_000);
    expect(transport.calls).toHaveLength(2);
    expect(transport.call.creates.map(({ start }) => start)).toEqual([8, 12]);
    transport.call.say(created(0), created(1), events(0, [8, 9]));
    expect(first.sink.told.slice(-2)).toEqual(['established 8', '9: /a/9']);
    expect(second.sink.told.slice(-1)).toEqual(['established 12']);
  });

  test('`created` does not move the resume point (trap 2), nor does time (trap 3)', async () => {
    const { transport, watch, clock } = world();
    watch(5);
    await settle();
    transport.call.say(created(0, 1_000));
    await clock.advance(20_000);
    transport.call.end();
    await clock.advance(1_000);
    expect(transport.call.creates).toMatchObject([{ start: 5 }]);
  });

  test('what came before the end is delivered before the end is told', async () => {
    const { transport, watch } = world({ stopwatch: ticking() });
    const { sink } = watch(5);
    await settle();
    transport.call.say(
      created(0),
      events(
        0,
        Array.from({ length: 20_000 }, (_, i) => i + 6),
      ),
    );
    transport.call.end();
    for (let turns = 0; !sink.told.includes('interrupted unavailable') && turns < 10_000; turns++) await settle();
    expect(sink.batches).toHaveLength(20_000);
    expect(sink.told.at(-1)).toBe('interrupted unavailable');
  });

  test('a stream that fails at once is opened again at a slowing pace (trap 12)', async () => {
    const { transport, watch, clock } = world({ backoff: { initialMs: 100, maxMs: 5_000 } });
    watch(5);
    const openedAt: number[] = [];
    for (let tries = 0; tries < 10; tries++) {
      await settle();
      openedAt.push(clock.now());
      transport.call.say(created(0));
      transport.call.end();
      await clock.advance((clock.nextAt ?? 0) - clock.now());
    }
    const pauses = openedAt.slice(1).map((at, i) => at - (openedAt[i] ?? 0));
    expect(pauses[0]).toBeLessThanOrEqual(100);
    expect(pauses.at(-1)).toBeGreaterThan(2_000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(5_000);
  });

  test('after a stream that held, the first try is quick again, and elsewhere', async () => {
    const { transport, watch, clock } = world();
    transport.endpoints = ['http://a', 'http://b'];
    watch(5);
    for (let i = 0; i < 8; i++) {
      await settle();
      transport.call.end();
      await clock.advance(5_000);
    }
    transport.call.say(created(0));
    await clock.advance(20_000);
    const { endpoint } = transport.call;
    transport.call.end();
    await clock.advance(100);
    expect(transport.calls).toHaveLength(10);
    expect(transport.avoided.at(-1)).toBe(endpoint);
    expect(transport.call.endpoint).not.toBe(endpoint);
  });

  test('an endpoint that can not be reached is told, and tried again', async () => {
    const { transport, watch, clock } = world();
    transport.openError = new StoreError('unavailable', 'no endpoint answers');
    const { sink } = watch(5);
    await settle();
    expect(sink.told).toEqual(['interrupted unavailable']);
    await clock.advance(10_000);
    expect(sink.error).toBeUndefined();
    transport.openError = undefined;
    await clock.advance(10_000);
    transport.call.say(created(0));
    expect(sink.told.at(-1)).toBe('established 5');
  });

  test('a rest after an endpoint was not reached ends when another call has reached it', async () => {
    const { transport, watch, clock } = world();
    transport.openError = new StoreError('unavailable', 'no endpoint answers');
    const { sink } = watch(5);
    await clock.advance(60_000);
    const tries = transport.avoided.length;
    transport.openError = undefined;
    transport.connected();
    await settle();
    expect(transport.avoided).toHaveLength(tries + 1);
    transport.call.say(created(0));
    expect(sink.told.at(-1)).toBe('established 5');
    // That rest is over, and no other one was begun.
    await clock.advance(10_000);
    transport.connected();
    expect(transport.calls).toHaveLength(1);
  });

  test('a wrong password ends the watches', async () => {
    const { transport, watch, clock } = world();
    transport.openError = new StoreError('unauthenticated', 'authentication failed');
    const { sink } = watch(5);
    await settle();
    expect(sink.told).toEqual(['failed unauthenticated']);
    expect(clock.pending).toBe(0);
  });

  test('the first read of a watch without a bookmark is tried again too', async () => {
    const { transport, watch, clock } = world();
    transport.headError = new StoreError('unavailable', 'no leader');
    const { sink } = watch();
    await settle();
    expect(sink.told).toEqual(['interrupted unavailable']);
    transport.headError = undefined;
    await clock.advance(1_000);
    transport.call.say(created(0));
    expect(sink.told.at(-1)).toBe('established 100');
  });
});

describe('server-side ends', () => {
  test('compaction ends that watch with CompactedError; others live on (trap 6), and the server forgets it (trap 15)', async () => {
    const { transport, watch } = world();
    const [first, second] = [watch(5), watch(50)];
    await settle();
    transport.call.say(created(0), created(1));
    transport.call.say(response({ id: 0, head: 0, canceled: true, compactRevision: 40 }), events(1, [51]));
    expect(first.sink.told).toEqual(['established 5', 'failed compacted']);
    expect(isStoreError(first.sink.error, 'compacted') && first.sink.error.compactRevision).toBe(40);
    expect(second.sink.told).toEqual(['established 50', '51: /a/51']);
    expect(transport.call.cancels).toEqual([0]);
  });

  test('a refusal sets created and canceled both: it is a refusal (trap 5), and the next watch gets its own answer', async () => {
    const { transport, watch } = world();
    const [forbidden, allowed] = [watch(5), watch(5)];
    await settle();
    transport.headError = new StoreError('permission-denied', 'etcdserver: permission denied');
    transport.call.say(created(-1, 100, { canceled: true, reason: DENIED }), created(0));
    await settle();
    expect(forbidden.sink.told).toEqual(['interrupted permission-denied', 'failed permission-denied']);
    expect(allowed.sink.told).toEqual(['established 5']);
    expect(transport.calls).toHaveLength(1);
  });

  test('an old token: another stream with a new one, and the watches of the old stream stay where they are', async () => {
    const { transport, watch } = world();
    const old = watch(5);
    await settle();
    transport.call.say(created(0));
    const late = watch(5);
    await settle();
    transport.call.say(created(-1, 100, { canceled: true, reason: OLD_TOKEN }));
    await settle();
    expect(transport.tokenRefreshes).toBe(1);
    expect(transport.calls).toHaveLength(2);
    transport.calls[1]?.say(created(0), events(0, [6]));
    transport.calls[0]?.say(events(0, [6]));
    expect(old.sink.told).toEqual(['established 5', '6: /a/6']);
    expect(late.sink.told).toEqual(['interrupted unauthenticated', 'established 5', '6: /a/6']);
    await old.driver.close();
    expect(transport.calls.map(({ canceled }) => canceled)).toEqual([true, false]);
  });

  test('a hundred watches that meet the same old token renew it once', async () => {
    const { transport, watch } = world();
    const watches = Array.from({ length: 100 }, () => watch(5));
    await settle();
    transport.call.say(...watches.map(() => created(-1, 100, { canceled: true, reason: DENIED })));
    await settle();
    expect(transport.tokenRefreshes).toBe(1);
    expect(transport.calls).toHaveLength(2);
    transport.call.say(...watches.map((_, id) => created(id)));
    expect(watches.every(({ sink }) => sink.told.at(-1) === 'established 5')).toBe(true);
  });

  test('a token that stays invalid ends the watch', async () => {
    const { transport, watch } = world();
    const { sink } = watch(5);
    for (let i = 0; i < 2; i++) {
      await settle();
      transport.call.say(created(-1, 100, { canceled: true, reason: OLD_TOKEN }));
    }
    expect(sink.told.at(-1)).toBe('failed unauthenticated');
    expect(transport.calls.every(({ canceled }) => canceled)).toBe(true);
  });

  test('a token that expires again, after the watch was established with the last one, is renewed again', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch(5);
    for (let round = 1; round <= 3; round++) {
      await settle();
      transport.call.say(created(-1, 100, { canceled: true, reason: OLD_TOKEN }));
      await settle();
      expect(transport.tokenRefreshes).toBe(round);
      transport.call.say(created(0));
      expect(sink.told.at(-1)).toBe('established 5');
      transport.call.end();
      await clock.advance(5_000);
    }
    expect(sink.error).toBeUndefined();
  });

  test('a stream that ends for want of a valid token is followed by one with a new token; the second in a row ends the watch', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch(5);
    const oldToken = () => new StoreError('unauthenticated', 'etcdserver: invalid auth token');
    for (let round = 1; round <= 3; round++) {
      await settle();
      transport.call.say(created(0));
      transport.call.end(oldToken());
      expect(transport.tokenRefreshes).toBe(round);
      await clock.advance(5_000);
    }
    expect(sink.error).toBeUndefined();
    transport.call.end(oldToken());
    await clock.advance(5_000);
    expect(sink.told.at(-1)).toBe('failed unauthenticated');
    expect(clock.pending).toBe(0);
  });

  test('"permission denied" that a read contradicts is an old token, as 3.4 says it', async () => {
    const { transport, watch } = world();
    const { sink } = watch(5);
    await settle();
    transport.call.say(created(-1, 100, { canceled: true, reason: DENIED }));
    await settle();
    expect(transport.tokenRefreshes).toBe(1);
    transport.call.say(created(0));
    expect(sink.told).toEqual(['interrupted permission-denied', 'established 5']);
    // Nobody is left on the stream with the old token: it must not stay open (docs/traps.md#trap-15).
    expect(transport.calls.map(({ canceled }) => canceled)).toEqual([true, false]);
  });

  test('what no other try can change ends the watch: refused by the server, and told by the stream', async () => {
    const { transport, watch } = world();
    const refused = watch(5);
    await settle();
    const reason = 'rpc error: code = InvalidArgument desc = etcdserver: key is not provided';
    transport.call.say(created(-1, 100, { canceled: true, reason }));
    await settle();
    expect(refused.sink.told.at(-1)).toBe('failed invalid-argument');
    const lost = watch(5);
    await settle();
    transport.call.say(created(0));
    transport.call.end(new StoreError('unsupported', 'is this an etcd that serves the v3 API?'));
    expect(lost.sink.told).toEqual(['established 5', 'failed unsupported']);
  });

  test('a cancellation without a known reason is ridden out, with back-off', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch(5);
    await settle();
    for (let i = 0; i < 5; i++) {
      transport.call.say(created(i), response({ id: i, canceled: true, reason: 'etcdserver: something new' }));
      expect(sink.told.slice(-2)).toEqual(['established 5', 'interrupted internal']);
      await clock.advance(5_000);
    }
    expect(transport.calls).toHaveLength(1);
    expect(transport.call.creates).toHaveLength(6);
    // What has held for a while was no failure: the first try after it is quick again.
    transport.call.say(created(5));
    await clock.advance(20_000);
    transport.call.say(response({ id: 5, canceled: true, reason: 'etcdserver: something new' }));
    await clock.advance(100);
    expect(transport.call.creates).toHaveLength(7);
  });
});

describe('slow consumers (C11)', () => {
  test('a full queue cancels that watch alone; it goes on from what was last pushed', async () => {
    const { transport, watch } = world();
    const [slow, quick] = [watch(5, { fullAt: 2 }), watch(5)];
    await settle();
    transport.call.say(created(0), created(1), events(0, [6, 7, 8, 9]), events(1, [6, 7, 8, 9]), events(0, [10]));
    expect(slow.sink.told).toEqual(['established 5', '6: /a/6', '7: /a/7']);
    expect(transport.call.cancels).toEqual([0]);
    expect(quick.sink.batches).toHaveLength(4);
    slow.sink.fullAt = Infinity;
    slow.driver.resume();
    expect(transport.call.creates.at(-1)).toMatchObject({ start: 7 });
    transport.call.say(response({ id: 0, canceled: true }), created(2), events(2, [7, 8, 9]));
    expect(slow.sink.told.slice(3)).toEqual(['established 7', '8: /a/8', '9: /a/9']);
    expect(transport.calls).toHaveLength(1);
    expect(transport.call.paused).toBe(false);
    expect(quick.sink.told.filter((line) => line.startsWith('interrupted'))).toEqual([]);
  });

  test('a paused watch that a cut finds paused stays so until it is resumed', async () => {
    const { transport, watch, clock } = world();
    const { sink, driver } = watch(5, { fullAt: 1 });
    await settle();
    transport.call.say(created(0), events(0, [6]));
    transport.call.end();
    await clock.advance(20_000);
    expect(transport.calls).toHaveLength(1);
    // What it holds back came over a connection that is gone: whoever is yet to verify it must know (M8).
    expect(sink.told).toEqual(['established 5', '6: /a/6', 'interrupted unavailable']);
    sink.fullAt = Infinity;
    driver.resume();
    await settle();
    expect(transport.call.creates).toMatchObject([{ start: 6 }]);
    transport.call.say(created(0), events(0, [7]));
    transport.call.end();
    expect(sink.told.slice(3)).toEqual(['established 6', '7: /a/7', 'interrupted unavailable']);
  });

  test('a paused watch is told once that its stream is gone, also where nobody used that any more', async () => {
    const { transport, watch, clock } = world();
    const paused = watch(5, { fullAt: 1 });
    await settle();
    transport.call.say(created(0), events(0, [6]));
    // Another watch meets an old token: the stream takes no more watches, and closes when it has none.
    const other = watch(5);
    transport.call.say(response({ id: 0, canceled: true }), created(-1, 100, { canceled: true, reason: OLD_TOKEN }));
    await settle();
    expect(transport.calls.map(({ canceled }) => canceled)).toEqual([true, false]);
    expect(paused.sink.told).toEqual(['established 5', '6: /a/6', 'interrupted unavailable']);
    transport.call.end();
    await clock.advance(20_000);
    expect(paused.sink.told).toHaveLength(3);
    expect(other.sink.error).toBeUndefined();
    await paused.driver.close();
  });

  test('closing a paused watch leaves nothing', async () => {
    const { transport, watch, clock } = world();
    const { driver } = watch(5, { fullAt: 1 });
    await settle();
    transport.call.say(created(0), events(0, [6]));
    await driver.close();
    expect(transport.call.canceled).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

describe('another history (C13)', () => {
  test("a head below the bookmark is history-changed if a linearizable read's is below it too (trap 7)", async () => {
    const { transport, watch } = world();
    transport.head.revision = 20;
    const { sink } = watch(50);
    await settle();
    transport.call.say(created(0, 20), events(0, [60]));
    await settle();
    expect(sink.told).toEqual(['interrupted unavailable', 'failed history-changed']);
    expect(transport.call.canceled).toBe(true);
  });

  test('a lagging follower raises no alarm, and is given a moment (trap 16)', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch(50);
    await settle();
    transport.call.say(created(0, 20));
    await settle();
    expect(transport.call.cancels).toEqual([0]);
    await clock.advance(200);
    expect(transport.calls).toHaveLength(1);
    transport.call.say(created(1, 60), events(1, [55]));
    expect(sink.told).toEqual(['interrupted unavailable', 'established 50', '55: /a/55']);
  });

  test('a member that stays behind is left for another one', async () => {
    const { transport, watch, clock } = world();
    transport.endpoints = ['http://behind', 'http://ahead'];
    const { sink } = watch(50);
    for (let id = 0; id < 10 && transport.call?.endpoint !== 'http://ahead'; id++) {
      await settle();
      transport.call.say(created(id, 20));
      await clock.advance(1_000);
      if (transport.calls.length > 1) break;
    }
    expect(transport.call.endpoint).toBe('http://ahead');
    expect(transport.calls[0]?.canceled).toBe(true);
    expect(transport.unhealthy).toEqual(['http://behind']);
    transport.call.say(created(0, 100));
    expect(sink.told.at(-1)).toBe('established 50');
    expect(sink.error).toBeUndefined();
  });

  test('nor does a member that is cut off, and stands for election all the time: its term is no history (trap 16)', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch(50);
    transport.head = { ...transport.head, raftTerm: 5 };
    for (let id = 0; id < 2; id += 1) {
      await settle();
      transport.call.say(created(id, 20, { raftTerm: 40 + id }));
      await settle();
      await clock.advance(1_000);
    }
    expect(sink.error).toBeUndefined();
    expect(sink.told.filter((line) => line.startsWith('failed'))).toEqual([]);
  });

  test('a bookmark of another cluster is refused before any event', async () => {
    const { transport, watch } = world();
    transport.head.clusterId = '43';
    const { sink } = watch(50);
    await settle();
    transport.call.say(created(0, 100, { clusterId: 43 }), events(0, [60]));
    await settle();
    expect(sink.told).toEqual(['interrupted unavailable', 'failed history-changed']);
  });

  test('a raft term that went back is another history, though the revision has overtaken', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch(50);
    await settle();
    transport.call.say(created(0, 100, { raftTerm: 4 }), response({ id: 0, raftTerm: 5, head: 51 }));
    transport.call.end();
    await clock.advance(1_000);
    transport.call.say(created(0, 200, { raftTerm: 2 }));
    await settle();
    expect(sink.told.at(-1)).toBe('failed history-changed');
    expect(sink.error?.message).toContain('raft term went back from 5 to 2');
  });

  test('the raft term of the read that a watch begins with counts as well (trap 17)', async () => {
    const { transport, watch } = world();
    transport.head.raftTerm = 5;
    const { sink } = watch();
    await settle();
    // The store was replaced before the watch was there, by one that has overtaken it.
    transport.head.raftTerm = 2;
    transport.call.say(created(0, 200, { raftTerm: 2 }));
    await settle();
    expect(sink.told.at(-1)).toBe('failed history-changed');
  });

  test('a watch that begins earlier than an open one of its range knows the raft term that this one knows', async () => {
    const { transport, watch } = world();
    watch(50);
    await settle();
    transport.call.say(created(0, 100, { raftTerm: 5 }));
    const { sink } = watch(30);
    transport.head.raftTerm = 2;
    await settle();
    transport.call.say(created(1, 200, { raftTerm: 2 }));
    await settle();
    expect(sink.told.at(-1)).toBe('failed history-changed');
    expect(sink.error?.message).toContain('raft term went back from 5 to 2');
  });

  test('nor does it take a member for one that has come as far, if the open watch has come further', async () => {
    const { transport, watch, clock } = world();
    watch(50);
    await settle();
    transport.call.say(created(0, 100));
    const { sink } = watch(30);
    await settle();
    transport.call.say(created(1, 40));
    await settle();
    expect(sink.told).toEqual(['interrupted unavailable']);
    await clock.advance(1_000);
    transport.call.say(created(2, 100));
    expect(sink.told.at(-1)).toBe('established 30');
  });

  test('where the store itself went back, but not as far as to its beginning, it goes on: its consumer compares', async () => {
    const { transport, watch } = world();
    watch(50);
    await settle();
    transport.call.say(created(0, 100));
    const { sink } = watch(30);
    transport.head.revision = 40;
    await settle();
    transport.call.say(created(1, 40));
    await settle();
    transport.call.say(created(2, 40));
    expect(sink.told.at(-1)).toBe('established 30');
  });

  test('a suspicion that can not be settled is neither confirmed nor dismissed', async () => {
    const { transport, watch, clock } = world();
    transport.headError = new StoreError('unavailable', 'no leader');
    const { sink } = watch(50);
    await settle();
    transport.call.say(created(0, 20));
    await clock.advance(1_000);
    expect(sink.error).toBeUndefined();
    expect(sink.told).not.toContain('established 50');
  });

  test('old progress does not lower a bookmark', async () => {
    const { transport, watch, clock } = world();
    const { sink } = watch(50);
    await settle();
    transport.call.say(created(0), progress(0, 20), progress(0, 50), progress(0, 70), progress(0, 60));
    expect(sink.told).toEqual(['established 50', 'progress 50', 'progress 70']);
    transport.call.end();
    await clock.advance(1_000);
    expect(transport.call.creates).toMatchObject([{ start: 70 }]);
  });
});

describe('progress', () => {
  test('is asked for every so often, once a stream, where the answer is ordered', async () => {
    const { transport, watch, clock } = world({ progressMs: 5_000 });
    const watches = [watch(5), watch(6), watch(7)];
    await settle();
    transport.call.say(created(0), created(1), created(2));
    await clock.advance(200);
    expect(transport.call.progressRequests).toBe(1);
    transport.call.say(progress(-1, 130));
    for (const { sink } of watches) expect(sink.told.at(-1)).toBe('progress 130');
    await clock.advance(4_000);
    expect(transport.call.progressRequests).toBe(1);
    await clock.advance(1_500);
    expect(transport.call.progressRequests).toBe(2);
    transport.call.say(progress(-1, 140));
    for (const { sink } of watches) expect(sink.told.at(-1)).toBe('progress 140');
  });

  test('is asked for soon after a watch was created, and again while the server still looks for what was missed', async () => {
    const { transport, watch, clock } = world({ progressMs: 5_000 });
    const { sink } = watch(5);
    await settle();
    transport.call.say(created(0));
    await clock.advance(2_000);
    expect(transport.call.progressRequests).toBe(3);
    transport.call.say(progress(-1, 130));
    expect(sink.told.at(-1)).toBe('progress 130');
    const late = watch(6);
    await settle();
    transport.call.say(created(1, 130));
    await clock.advance(2_000);
    expect(transport.call.progressRequests).toBe(6);
    transport.call.say(progress(-1, 131));
    expect(late.sink.told.at(-1)).toBe('progress 131');
  });

  test.each(['3.4.23', '3.5.7', undefined])('is never asked of %s (trap 10)', async (version) => {
    const { transport, watch, clock } = world();
    transport.version = version;
    watch(5);
    await settle();
    transport.call.say(created(0));
    await clock.advance(29_000);
    expect(transport.call.progressRequests).toBe(0);
  });

  test('of an idle store is told once, however often the server says it', async () => {
    const { transport, watch } = world();
    const { sink } = watch(5);
    await settle();
    transport.call.say(created(0), progress(0, 9), progress(0, 9), progress(0, 9), progress(0, 12), progress(0, 12));
    expect(sink.told).toEqual(['established 5', 'progress 9', 'progress 12']);
  });

  test('an unanswered request is asked again, and proves nothing', async () => {
    const { transport, watch, clock } = world({ progressMs: 5_000 });
    const { sink } = watch(5);
    await settle();
    transport.call.say(created(0));
    await clock.advance(20_000);
    // Three times soon after the watch was created, and then every five seconds.
    expect(transport.call.progressRequests).toBe(3 + 4);
    expect(sink.told).toEqual(['established 5']);
  });

  test('an answer from before a watch was created says nothing of its backlog', async () => {
    const { transport, watch, clock } = world({ progressMs: 5_000 });
    const first = watch(5);
    await settle();
    transport.call.say(created(0, 100));
    await clock.advance(5_000);
    const late = watch(10);
    await settle();
    // The server handled the request before the creation, but its answer was overtaken by `created`.
    transport.call.say(created(1, 100), progress(-1, 100), events(1, [50]));
    expect(first.sink.told.at(-1)).toBe('progress 100');
    expect(late.sink.told).toEqual(['established 10', '50: /a/50']);
  });

  test('an answer that reaches the client before `created` says nothing of that watch', async () => {
    const { transport, watch, clock } = world({ progressMs: 5_000 });
    watch(5);
    await settle();
    transport.call.say(created(0, 100));
    const late = watch(10);
    await settle();
    await clock.advance(5_000);
    transport.call.say(progress(-1, 120), created(1, 110), events(1, [115]));
    expect(late.sink.told).toEqual(['established 10', '115: /a/115']);
  });

  test('of an idle store counts as well, once the answers show which request they are for', async () => {
    const { transport, watch, clock } = world({ progressMs: 5_000 });
    const { sink } = watch(5);
    await settle();
    transport.call.say(created(0, 100));
    await clock.advance(5_000);
    transport.call.say(progress(-1, 100));
    expect(sink.told.at(-1)).toBe('progress 100');
  });
});

describe('silence', () => {
  test('a stream that brings nothing is asked for what must be answered; with an answer it stays', async () => {
    const { transport, watch, clock } = world({ silenceMs: 30_000, answerMs: 10_000 });
    transport.version = '3.4.23';
    watch(5);
    await settle();
    transport.call.say(created(0));
    await clock.advance(30_000);
    expect(transport.call.creates).toHaveLength(2);
    transport.call.say(created(1));
    expect(transport.call.cancels).toEqual([1]);
    await clock.advance(29_000);
    expect(transport.calls).toHaveLength(1);
    expect(transport.call.canceled).toBe(false);
  });

  test('silence moves no resume point (trap 3): neither the answer to what is asked then, nor that none comes', async () => {
    const { transport, watch, clock } = world({ silenceMs: 30_000, answerMs: 10_000 });
    transport.version = '3.4.23';
    const { sink } = watch(5);
    await settle();
    transport.call.say(created(0));
    await clock.advance(30_000);
    transport.call.say(created(1, 1_000));
    await clock.advance(45_000);
    expect(sink.told).toEqual(['established 5', 'interrupted unavailable']);
    expect(transport.calls).toHaveLength(2);
    expect(transport.call.creates).toMatchObject([{ start: 5 }]);
  });

  test('without an answer it is given up, its endpoint is marked, and another one is tried', async () => {
    const { transport, watch, clock } = world({ silenceMs: 30_000, answerMs: 10_000 });
    transport.endpoints = ['http://a', 'http://b'];
    const { sink } = watch(5);
    await settle();
    transport.call.say(created(0));
    await clock.advance(41_000);
    expect(transport.calls[0]?.canceled).toBe(true);
    expect(transport.unhealthy).toEqual(['http://a']);
    expect(sink.told).toEqual(['established 5', 'interrupted unavailable']);
    expect(transport.call.endpoint).toBe('http://b');
  });

  test('an unanswered creation is noticed too; a second silence is given twice the time', async () => {
    const { transport, watch, clock } = world({ silenceMs: 30_000, answerMs: 10_000 });
    watch(5);
    await settle();
    await clock.advance(10_100);
    expect(transport.calls).toHaveLength(2);
    await clock.advance(15_000);
    expect(transport.calls).toHaveLength(2);
    await clock.advance(6_000);
    expect(transport.calls).toHaveLength(3);
  });
});

describe('closing', () => {
  test('the manager closes every watch, stream and timer; watching again is refused', async () => {
    const { transport, watch, clock, manager } = world();
    const watches = [watch(5), watch(), watch(5, { fullAt: 1 })];
    await settle();
    transport.call.say(created(0), created(1), events(0, [6]));
    await manager.close();
    expect(transport.calls.every(({ canceled }) => canceled)).toBe(true);
    expect(clock.pending).toBe(0);
    expect(() => watch(5)).toThrow('closed');
    const told = watches.map(({ sink }) => sink.told.length);
    await clock.advance(60_000);
    expect(watches.map(({ sink }) => sink.told.length)).toEqual(told);
  });
});
