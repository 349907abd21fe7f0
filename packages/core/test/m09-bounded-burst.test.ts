// Many mirrors that read everything at once: how they give way where their server is busy, and what a lone mirror notices of that.
import { CompactedError, type ConfigStore, StoreError } from '@holdfast/store';
import { Random, virtualClock, type VirtualClock } from '@holdfast/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { json, mirror as openMirror, type Mirror, type MirrorState } from '../src/index.js';
import { toSettings } from '../src/options/settings.js';
import { load } from '../src/reads/load.js';
import { Runtime } from '../src/runtime/runtime.js';
import { BusyServer } from './support/busy-server.js';
import { wallClock } from './support/snapshots.js';

interface Thing {
  readonly n: number;
}

const PREFIX = '/things/';
const KEYS = 100;
const PAGES = KEYS / 10;

const name = (index: number) => String(index).padStart(4, '0');

describe('M9 a burst of loads', () => {
  let clock: VirtualClock;
  let server: BusyServer;
  const closing: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    clock = virtualClock();
    server = new BusyServer(clock);
    await server.fill(PREFIX, KEYS);
  });
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
    await server.data.close();
    await clock.advance(100);
    expect(clock.pending).toBe(0);
  });

  /** A mirror that opens, in a process of its own unless a store is given. */
  function open(
    options: Partial<Parameters<typeof openMirror>[1]> = {},
    store = server.store(),
  ): Promise<Mirror<Thing>> {
    const stop = new AbortController();
    const all = { prefix: PREFIX, codec: json<Thing>(), clock, signal: stop.signal, random: () => 0.5, ...options };
    const opening = openMirror(store, all as never) as unknown as Promise<Mirror<Thing>>;
    opening.catch(() => undefined);
    closing.push(async () => {
      stop.abort();
      await store.close();
    });
    return opening;
  }

  /** Moves the clock until the promise is settled. */
  async function settled<T>(promise: Promise<T>, withinMs = 300_000): Promise<T> {
    let isOver = false;
    const over = () => (isOver = true);
    promise.then(over, over);
    for (const end = clock.now() + withinMs; !isOver && clock.now() < end;) await clock.advance(20);
    if (!isOver) throw new Error(`not settled within ${withinMs} ms`);
    return promise;
  }

  async function until(condition: () => boolean, withinMs = 300_000): Promise<void> {
    for (const end = clock.now() + withinMs; !condition(); await clock.advance(20)) {
      if (clock.now() >= end) throw new Error(`not so within ${withinMs} ms`);
    }
  }

  const pages = () => server.asked.filter(({ kind }) => kind === 'page');

  test('a lone mirror asks for its pages and nothing else, one right after the other', async () => {
    server.pageMs = 20;
    const began = clock.now();
    const opening = open();
    await until(() => pages().length === PAGES);
    expect(server.asked).toHaveLength(PAGES);
    expect(pages().map(({ at }) => at - began)).toEqual(Array.from({ length: PAGES }, (_, page) => page * 20));
    await settled(opening);
  });

  test('a first page that is late alone delays nothing: a small read shows that the server is quick', async () => {
    server.pageMs = 20;
    // The process that opens the mirror is busy, or connecting takes long.
    const late = new Promise<void>((resolve) => clock.setTimeout(resolve, 2_000));
    const store = server.store();
    const scan = store.scan.bind(store);
    store.scan = async function* (...args) {
      await late;
      yield* scan(...args);
    };
    const began = clock.now();
    const opening = open({}, store);
    await until(() => pages().length === PAGES);
    expect(clock.now() - began).toBeLessThan(2_000 + 20 * PAGES + 100);
    await settled(opening);
  });

  test('mirrors of many processes that start at once read one after the other, without leaving the server idle', async () => {
    const processes = 60;
    server.pageMs = 40;
    const random = new Random(1).next;
    const began = clock.now();
    const openings = Array.from({ length: processes }, () => open({ random, startTimeoutMs: 600_000 }));
    const mirrors = await settled(Promise.all(openings));
    const workMs = processes * PAGES * server.pageMs;
    expect(mirrors.every(({ size }) => size === KEYS)).toBe(true);
    // The first pages are asked for by all of them, and the others by few at a time.
    expect(server.mostWaiting).toBeLessThan(processes / 2);
    expect(clock.now() - began).toBeLessThan(2 * workMs);
  });

  test('mirrors of one store read a few at a time', async () => {
    server.pageMs = 5;
    const store = server.store();
    const openings = Array.from({ length: 20 }, () => open({}, store));
    await settled(Promise.all(openings));
    expect(server.mostScans).toBe(4);
  });

  test('and one at a time past their first pages where the server is busy', async () => {
    server.pageMs = 400;
    const store = server.store();
    const openings = Array.from({ length: 5 }, () => open({ startTimeoutMs: 600_000 }, store));
    await settled(Promise.all(openings));
    expect(server.mostWaiting).toBe(1);
  });

  test('a mirror that waits for its turn ends by its signal, and leaves the turn to others', async () => {
    server.pageMs = 100;
    const store = server.store();
    const first = Array.from({ length: 4 }, () => open({}, store));
    const stop = new AbortController();
    const waiting = open({ signal: stop.signal }, store);
    const last = open({}, store);
    await clock.advance(50);
    stop.abort();
    await expect(settled(waiting)).rejects.toMatchObject({ code: 'aborted' });
    await settled(Promise.all([...first, last]));
  });

  test('mirrors of a process that was slow need not read one at a time: a small read shows that the server is quick', async () => {
    server.pageMs = 20;
    const late = new Promise<void>((resolve) => clock.setTimeout(resolve, 2_000));
    const store = server.store();
    const scan = store.scan.bind(store);
    store.scan = async function* (...args) {
      await late;
      yield* scan(...args);
    };
    await settled(Promise.all(Array.from({ length: 4 }, () => open({}, store))));
    expect(server.mostWaiting).toBe(4);
  });

  test('what the mirror itself kept waiting is no sign of a busy server', async () => {
    const store = server.store();
    closing.push(() => store.close());
    const settings = toSettings({ prefix: PREFIX, codec: json(), clock }, new Set());
    const runtime = new Runtime(store, settings);
    const locked = runtime.lock.run(() => new Promise<void>((resolve) => clock.setTimeout(resolve, 2_000)));
    const loading = load(runtime, { origin: 'load', newHistory: false, signal: runtime.signal });
    await settled(Promise.all([locked, loading]));
    expect(server.asked).toHaveLength(PAGES);
    runtime.close();
  });

  describe('while the mirrors of a store wait for their server', () => {
    let store: ConfigStore;
    let readers: Mirror<Thing>[];
    beforeEach(async () => {
      store = server.store();
      readers = await settled(Promise.all(Array.from({ length: 4 }, () => open({}, store))));
      server.pageMs = 200;
      server.listMs = 5_000;
      server.failWatches(new CompactedError('compacted', { compactRevision: readers[0]!.revision }));
      await until(() => pages().length === 4 * PAGES + 4);
    });

    test('another one starts all the same, and says what it waits for', async () => {
      const states: MirrorState[] = [];
      const began = clock.now();
      const opening = open({ startTimeoutMs: 60_000, onState: (state) => states.push(state) }, store);
      await clock.advance(10_000);
      expect(states.at(-1)).toMatchObject({
        status: 'loading',
        cause: { code: 'unavailable', message: expect.stringMatching(/waits for its turn/) },
      });
      expect((await settled(opening)).size).toBe(KEYS);
      expect(clock.now() - began).toBeLessThan(60_000);
      expect(readers.map(({ state }) => state.status)).toContain('resyncing');
    });

    test('and one of a single key needs no turn', async () => {
      const opening = open({ prefix: undefined, key: `${PREFIX}0000` }, store);
      await clock.advance(20);
      expect(pages().filter(({ page }) => page === 0)).toHaveLength(9);
      await settled(opening);
    });
  });

  describe('a line that takes long', () => {
    /** Has the mirror read everything again. */
    async function overtake(mirror: Mirror<Thing>): Promise<void> {
      server.failWatches(new CompactedError('compacted', { compactRevision: mirror.revision }));
      await until(() => mirror.state.status === 'resyncing');
    }

    test.each([
      // The quickest of the latest answers is the line.
      ['since a while', 5, 320, 60_000, 0],
      // No line is taken to be so long.
      ['and longer than any', 2_000, 2_000, 300_000, 0],
      ['and longer than any, and a wall clock that is set back', 2_000, 2_000, 300_000, 3_600_000],
    ])(
      '%s, does not keep a mirror from reading everything again',
      async (_which, firstMs, laterMs, withinMs, backMs) => {
        server.pageMs = 400;
        server.listMs = firstMs;
        const wall = wallClock(clock);
        const mirror = await settled(open({ clock: wall }));
        server.pageMs = laterMs;
        server.listMs = laterMs;
        await overtake(mirror);
        server.asked.length = 0;
        await clock.advance(backMs === 0 ? 0 : 20_000);
        wall.offset -= backMs;
        await until(() => mirror.state.status === 'live', withinMs);
        expect(pages().length).toBeGreaterThanOrEqual(PAGES);
      },
    );

    test('nor does it where the head is asked before another attempt', async () => {
      server.pageMs = 400;
      server.listMs = 2_000;
      const mirror = await settled(open());
      let refusals = 1;
      server.refuse = ({ kind }) =>
        kind === 'page' && refusals-- > 0 ? new StoreError('unavailable', 'too many requests') : undefined;
      await overtake(mirror);
      await until(() => mirror.state.status === 'live', 600_000);
    });
  });

  describe('on a server that stays busy', () => {
    beforeEach(() => {
      server.pageMs = 1_000;
      server.listMs = 5_000;
    });

    test('a mirror says why it does not load yet', async () => {
      const infos: string[] = [];
      const states: unknown[] = [];
      const logger = {
        debug() {},
        info: (message: string) => message.includes('busy') && infos.push(message),
        warn() {},
        error() {},
      };
      void open({ logger, onState: (state) => states.push(state), startTimeoutMs: 600_000 });
      await until(() => infos.length > 0);
      expect(infos).toEqual([expect.stringMatching(/took 5000 ms to answer a small read.*\/things\/.*waits \d+ ms/)]);
      expect(states.at(-1)).toMatchObject({
        status: 'loading',
        connection: 'connected',
        cause: { code: 'unavailable' },
      });
      await clock.advance(4_000);
      expect(pages()).toHaveLength(1);
    });

    test('it loads before startTimeoutMs all the same', async () => {
      const began = clock.now();
      const mirror = await settled(open({ startTimeoutMs: 45_000, random: () => 0.99 }));
      expect(mirror.size).toBe(KEYS);
      expect(clock.now() - began).toBeLessThan(45_000);
    });

    test('and so it does where the wall clock is set back meanwhile', async () => {
      let backMs = 0;
      const shifted = {
        now: () => clock.now() - backMs,
        monotonic: () => clock.now(),
        setTimeout: clock.setTimeout.bind(clock),
        clearTimeout: clock.clearTimeout.bind(clock),
      };
      const opening = open({ startTimeoutMs: 45_000, random: () => 0.99, clock: shifted });
      await clock.advance(2_000);
      backMs = 3_600_000;
      expect((await settled(opening)).size).toBe(KEYS);
    });

    test.each([
      ['signal', 'a small read is answered', 5_400, 600_000, 'aborted'],
      ['startTimeoutMs', 'a small read is answered', 5_400, 5_500, 'timeout'],
      ['signal', 'it waits for a random time', 8_000, 600_000, 'aborted'],
    ])('%s ends the wait while %s', async (how, what, afterMs, startTimeoutMs, code) => {
      const stop = new AbortController();
      const opening = open({ signal: stop.signal, startTimeoutMs });
      await clock.advance(afterMs);
      expect(pages()).toHaveLength(1);
      expect(clock.now() >= server.freeAt).toBe(what.includes('random'));
      if (how === 'signal') stop.abort();
      await expect(settled(opening, 200)).rejects.toMatchObject({ code });
    });

    test('and signal does while another mirror of the store goes on', async () => {
      const stop = new AbortController();
      const states: MirrorState[] = [];
      const store = server.store();
      const others = [open({ startTimeoutMs: 600_000 }, store), open({ startTimeoutMs: 600_000 }, store)];
      const opening = open(
        { signal: stop.signal, startTimeoutMs: 600_000, onState: (state) => states.push(state) },
        store,
      );
      await until(() =>
        /waits for its turn/.test((states.at(-1) as { cause?: Error } | undefined)?.cause?.message ?? ''),
      );
      stop.abort();
      await expect(settled(opening, 200)).rejects.toMatchObject({ code: 'aborted' });
      server.pageMs = 0;
      server.listMs = 0;
      await settled(Promise.all(others));
    });

    test('a mirror that reads again serves meanwhile; sync() ends by its own time-out, and close() at once', async () => {
      server.pageMs = 0;
      server.listMs = 0;
      const mirror = await settled(open());
      server.pageMs = 1_000;
      server.listMs = 5_000;
      server.asked.length = 0;
      server.failWatches(new CompactedError('compacted', { compactRevision: mirror.revision }));
      await until(() => mirror.state.status === 'resyncing' && pages().length === 1);
      await clock.advance(7_000);
      expect(mirror.state).toMatchObject({ status: 'resyncing', cause: { message: expect.stringMatching(/busy/) } });
      expect(mirror.size).toBe(KEYS);
      await expect(settled(mirror.sync({ timeoutMs: 500 }), 600)).rejects.toMatchObject({ code: 'timeout' });
      expect(pages()).toHaveLength(1);
      await settled(mirror.close(), 100);
    });
  });

  test.each([
    ['all entries', Array.from({ length: KEYS }, (_, index) => index)],
    ['those of one page', Array.from({ length: KEYS / PAGES }, (_, index) => 2 * (KEYS / PAGES) + index)],
  ])('a resync goes on where %s of a lazy mirror are read first meanwhile', async (_which, read) => {
    const mirror = await settled(open({ fullResyncKeys: 0, decode: 'lazy' }));
    const causes: unknown[] = [];
    mirror.on('state', (state) => 'cause' in state && causes.push(state.cause?.code));
    server.isMute = true;
    await server.data.put(`${PREFIX}0050`, '{"n":2}');
    const compactRevision = (await server.data.list({ prefix: PREFIX }, { limit: 1 })).bookmark.revision;
    server.pageMs = 100;
    server.asked.length = 0;
    server.failWatches(new CompactedError('compacted', { compactRevision }));
    server.isMute = false;
    // The second page is taken in, and the third on its way.
    await until(() => pages().length === 3);
    for (const index of read) mirror.get(String(index).padStart(4, '0'));
    await until(() => mirror.state.status === 'live');
    expect(mirror.get('0050')?.value.n).toBe(2);
    expect(pages().every(({ keysOnly }) => keysOnly)).toBe(true);
    expect(causes).not.toContain('internal');
  });

  test.each([
    { what: 'changed keys, the first ones', from: 0, looks: 0 },
    { what: 'changed keys, the last ones', from: 60, looks: 0 },
    {
      what: 'changed keys, where no sample can be had',
      from: 60,
      looks: 9,
      capabilities: { transactions: 'single-key' },
    },
    { what: 'new keys, which are in no sample', from: KEYS, looks: 1 },
  ] as const)(
    'a resync that finds many $what, reads no more keys, but everything',
    async ({ from, looks, ...rest }) => {
      const store = server.store('capabilities' in rest ? rest.capabilities : {});
      const mirror = await settled(open({ fullResyncKeys: 0 }, store));
      server.isMute = true;
      for (let index = from; index < from + 40; index += 1) await server.data.put(`${PREFIX}${name(index)}`, '{"n":2}');
      const compactRevision = (await server.data.list({ prefix: PREFIX }, { limit: 1 })).bookmark.revision;
      server.asked.length = 0;
      server.failWatches(new CompactedError('compacted', { compactRevision }));
      server.isMute = false;
      await until(() => mirror.get(name(from))?.value.n === 2 && mirror.state.status === 'live');
      expect(pages().filter(({ keysOnly }) => keysOnly)).toHaveLength(looks);
      expect(pages().filter(({ keysOnly }) => !keysOnly)).toHaveLength(Math.max(KEYS, from + 40) / (KEYS / PAGES));
    },
  );

  test('but not where only the first ones changed, and few of all', async () => {
    await server.fill(PREFIX, 10 * KEYS);
    const mirror = await settled(open({ fullResyncKeys: 0 }));
    server.isMute = true;
    for (let index = 0; index < KEYS; index += 1) await server.data.put(`${PREFIX}${name(index)}`, '{"n":2}');
    const compactRevision = (await server.data.list({ prefix: PREFIX }, { limit: 1 })).bookmark.revision;
    server.asked.length = 0;
    server.failWatches(new CompactedError('compacted', { compactRevision }));
    server.isMute = false;
    await until(() => mirror.get('0000')?.value.n === 2 && mirror.state.status === 'live');
    expect(pages()).toHaveLength(10 * PAGES);
    expect(pages().every(({ keysOnly }) => keysOnly)).toBe(true);
  });

  test.each([
    [2, false],
    // That must end as well.
    [4, true],
  ])('%s compactions during its own waits make a mirror give way no more: %s', async (times, isPieceByPiece) => {
    server.pageMs = 400;
    const infos: string[] = [];
    const logger = { debug() {}, info: (message: string) => infos.push(message), warn() {}, error() {} };
    const compactRevision = (await server.data.list({ prefix: PREFIX }, { limit: 1 })).bookmark.revision;
    let heads = 0;
    let left = times;
    server.refuse = ({ kind, page }) => {
      // Each answer that is slow is followed by one that is quick.
      if (kind === 'list') server.listMs = heads++ % 2 === 0 ? 2_000 : 5;
      return page === 1 && left-- > 0 ? new CompactedError('compacted', { compactRevision }) : undefined;
    };
    await settled(open({ logger, startTimeoutMs: 600_000 }));
    expect(left).toBeLessThanOrEqual(0);
    expect(infos.some((message) => message.includes('compacted faster'))).toBe(isPieceByPiece);
  });

  test('a load that timed out is not repeated at once, nor before a small read is answered', async () => {
    const began = clock.now();
    server.pageMs = 3_600_000;
    void open({ startTimeoutMs: 600_000 });
    await clock.advance(22_000);
    expect(server.asked).toHaveLength(1);
    server.asked.length = 0;
    await until(() => server.asked.length > 0);
    expect(server.asked[0]).toMatchObject({ kind: 'list' });
    // The pause was a half to all of the 15 s that the page had.
    expect(server.asked[0]!.at - began).toBeGreaterThanOrEqual(15_000 + 7_500);
    expect(pages()).toHaveLength(0);
  });

  test('a load that the time-outs of its own store end soon is repeated soon: the server may just have been away', async () => {
    let isAway = true;
    server.refuse = () => (isAway ? new StoreError('timeout', 'no answer within 300 ms') : undefined);
    const opening = open({ backoff: { initialMs: 5, maxMs: 50 } });
    await clock.advance(5_000);
    isAway = false;
    const began = clock.now();
    await settled(opening);
    expect(clock.now() - began).toBeLessThan(5_000);
  });

  test('a server that has too much to do is asked small questions, ever more slowly, until it takes one', async () => {
    let isExhausted = true;
    server.refuse = () =>
      isExhausted
        ? new StoreError('unavailable', 'etcdserver: too many requests', { outcome: 'not-applied' })
        : undefined;
    const opening = open({ startTimeoutMs: 600_000 });
    await clock.advance(60_000);
    expect(pages()).toHaveLength(1);
    expect(server.asked.length).toBeGreaterThan(5);
    expect(server.asked.length).toBeLessThan(40);
    isExhausted = false;
    expect((await settled(opening)).size).toBe(KEYS);
  });

  test.each(['path', 'any'] as const)(
    'the small question is about one key, where keys are of the syntax %s',
    async (keySyntax) => {
      let isExhausted = true;
      server.refuse = () => (isExhausted ? new StoreError('unavailable', 'too many requests') : undefined);
      const opening = open({}, server.store({ keySyntax }));
      await clock.advance(10_000);
      const questions = server.asked.filter(({ kind }) => kind === 'list');
      expect(questions.length).toBeGreaterThan(0);
      for (const { key } of questions) expect(key).toMatch(/^\/things\//);
      isExhausted = false;
      await settled(opening);
    },
  );

  test('where a scan is one read, its other pages wait for nothing', async () => {
    server.pageMs = 1_000;
    await settled(open({}, server.store({ historicalReads: false, deltaReads: false })));
    expect(server.asked.slice(0, PAGES).map(({ kind }) => kind)).toEqual(Array(PAGES).fill('page'));
  });
});
