import { AsyncLocalStorage } from 'node:async_hooks';
import os from 'node:os';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { StoreError } from '@holdfast/store';
import { createStore, DelegatingDriver, type DriverLeases } from '@holdfast/store/adapter';
import { eventually, virtualClock } from '@holdfast/testkit';
import { openSession, type SessionOptions } from '@holdfast/coordination';
import { GivenBackKeys } from '../src/life/given-back-keys.js';
import { codeOf, thrownBy } from './support/code-of.js';
import { linked } from './support/link.js';
import { world, type World } from './support/world.js';

let w: World;
beforeEach(() => {
  w = world();
});
afterEach(() => w.close());

/** A third of the time of a lease is left when its session is lost. */
const TTL = 9;
const LOST_MS = 6_000;

describe('a session', () => {
  test('keeps its lease alive', async () => {
    const { session } = await w.session({ ttl: TTL });
    await w.clock.advance(10 * TTL * 1_000);
    session.check();
    expect((await w.data.leases.timeToLive(session.lease)).grantedTtl).toBe(TTL);
  });

  test('keeps its lease alive outside of the request that opened it, and is lost outside of it', async () => {
    const requests = new AsyncLocalStorage<string>();
    const data = memoryStore();
    const driver = new DelegatingDriver(data);
    const noted: (string | undefined)[] = [];
    const note = () => noted.push(requests.getStore());
    const keepAlive = (): Promise<never> => {
      note();
      return new Promise(() => undefined);
    };
    const store = createStore(Object.assign(driver, { leases: { ...driver.leases, keepAlive } }));
    // By the system's timers, which keep the context that they were set in.
    const session = await requests.run('a request', () => openSession(store, { ttl: 1 }));
    session.signal.addEventListener('abort', note);
    await eventually(() => {
      expect(session.signal.reason).toMatchObject({ code: 'session-lost' });
    });
    expect(noted.length).toBeGreaterThan(1);
    expect(new Set(noted)).toEqual(new Set([undefined]));
    await session.close();
    await store.close();
  });

  test('keeps its lease alive, also where renewals grant less than before', async () => {
    const driver = new DelegatingDriver(w.data);
    const keepAlive: DriverLeases['keepAlive'] = async (id) => ({ ...(await w.data.leases.keepAlive(id)), ttl: 3 });
    const leases = { ...driver.leases, keepAlive };
    const lesser = createStore(Object.assign(driver, { leases }), { clock: w.clock });
    const session = await openSession(lesser, { ttl: TTL, clock: w.clock });
    await w.clock.advance(5 * TTL * 1_000);
    session.check();
    await session.close();
  });

  test('takes 10 s by default, and tells what was granted', async () => {
    const { session } = await w.session();
    expect(session.ttl).toBe(10);
    expect((await w.data.leases.timeToLive(session.lease)).grantedTtl).toBe(10);
  });

  test('counts on what was granted, where the server grants more than was asked for', async () => {
    const { store, link } = linked(w.data, w.clock);
    const driver = new DelegatingDriver(store);
    const leases = { ...driver.leases, grant: () => w.data.leases.grant(TTL) };
    const session = await openSession(createStore(Object.assign(driver, { leases })), { ttl: 1, clock: w.clock });
    expect(session.ttl).toBe(TTL);
    link.fallSilent();
    await w.clock.advance(LOST_MS - 1);
    session.check();
    await w.clock.advance(1);
    expect(session.signal.aborted).toBe(true);
  });

  test.each([0, -1, 1.5, 3_601, Number.NaN, '10', null])('refuses the ttl %p', async (ttl) => {
    expect(await codeOf(openSession(w.data, { ttl: ttl as number }))).toBe('invalid-argument');
  });

  test('refuses what is no store, and options that it does not have', async () => {
    expect(await codeOf(openSession('memory:' as never))).toBe('invalid-argument');
    expect(await codeOf(openSession(w.data, { tll: 5 } as never))).toBe('invalid-argument');
    expect(await codeOf(openSession(w.data, { signal: {} } as never))).toBe('invalid-argument');
  });

  test.each([{ transactions: 'single-key' }, { leases: false }, { history: 'none' }] as const)(
    'is unsupported on a store with %p, before anything is sent',
    async (missing) => {
      const { store, link } = linked(w.data);
      const driver = new DelegatingDriver(store);
      const lesser = createStore(Object.assign(driver, { capabilities: { ...store.capabilities, ...missing } }));
      await expect(openSession(lesser)).rejects.toMatchObject({ code: 'unsupported', outcome: 'not-applied' });
      expect(link.calls).toEqual([]);
    },
  );

  test('close() revokes the lease, aborts the signals, and ends everything that follows with closed', async () => {
    const { session } = await w.session();
    const held = await session.lock('/l/a');
    const { signal } = held;
    await session.close();
    expect(signal.reason).toMatchObject({ code: 'closed' });
    expect(session.signal.reason).toBe(signal.reason);
    expect([thrownBy(() => session.check()), thrownBy(() => held.check())]).toEqual(['closed', 'closed']);
    expect(await codeOf(session.lock('/l/b'))).toBe('closed');
    expect(await codeOf(w.data.leases.timeToLive(session.lease))).toBe('lease-not-found');
    await session.close();
  });

  test('close() rejects where the lease could not be revoked, and disposal does not', async () => {
    const { session, link } = await w.session();
    link.fallSilent();
    expect(await w.passing(codeOf(session.close()))).toBe('timeout');
    await w.passing(session[Symbol.asyncDispose]());
  });

  describe('close() with timeoutMs', () => {
    /** A session whose store does not answer to the end of its lease, until it is told to. */
    const silentAtTheEnd = async (options: SessionOptions = {}) => {
      const { session, link } = await w.session(options);
      link.fate = (call) => (call === 'revoke' ? 'silence' : 'pass');
      const answer = () => {
        link.fate = () => 'pass';
      };
      return { session, link, answer };
    };
    const endOf = (closing: Promise<void>) => {
      const end: { code?: unknown } = {};
      void codeOf(closing).then((code) => (end.code = code));
      return end;
    };

    test('waits longer than by default, and shorter', async () => {
      const { session, answer } = await silentAtTheEnd();
      const [short, usual, long] = [
        endOf(session.close({ timeoutMs: 1_000 })),
        endOf(session.close()),
        endOf(session.close({ timeoutMs: 12_000 })),
      ];
      await w.clock.advance(1_000);
      expect([short.code, usual.code, long.code]).toEqual(['timeout', undefined, undefined]);
      await w.clock.advance(4_000);
      expect([usual.code, long.code]).toEqual(['timeout', undefined]);
      await w.clock.advance(4_000);
      answer();
      await w.until(() => long.code !== undefined, 3_000);
      expect(long.code).toBe('resolved');
      expect(await codeOf(w.data.leases.timeToLive(session.lease))).toBe('lease-not-found');
    });

    test('ends with timeout when its own time is out', async () => {
      const { session } = await silentAtTheEnd();
      const end = endOf(session.close({ timeoutMs: 12_000 }));
      await w.clock.advance(11_999);
      expect(end.code).toBeUndefined();
      await w.clock.advance(1);
      expect(end.code).toBe('timeout');
    });

    test('of a lost session resolves after a second at most, also where its lease was not revoked', async () => {
      const { session, link } = await silentAtTheEnd({ ttl: TTL });
      link.fallSilent();
      await w.clock.advance(LOST_MS);
      expect(thrownBy(() => session.check())).toBe('session-lost');
      const [short, usual, long] = [
        endOf(session.close({ timeoutMs: 200 })),
        endOf(session.close()),
        endOf(session.close({ timeoutMs: 12_000 })),
      ];
      await w.clock.advance(200);
      expect([short.code, usual.code, long.code]).toEqual(['resolved', undefined, undefined]);
      await w.clock.advance(800);
      expect([usual.code, long.code]).toEqual(['resolved', 'resolved']);
    });
  });

  test('is refused where the grant took so long that the lease can’t be counted on, and the lease is revoked', async () => {
    const { store, link } = linked(w.data, w.clock);
    const pass = link.pass.bind(link);
    link.pass = async (call, own, request, txn) => {
      const answer = await pass(call, own, request, txn);
      if (call === 'grant') await new Promise<void>((resolve) => w.clock.setTimeout(resolve, LOST_MS));
      return answer;
    };
    expect(await w.passing(codeOf(openSession(store, { ttl: TTL, clock: w.clock })))).toBe('session-lost');
    expect(link.calls).toEqual(['grant', 'revoke']);
    await eventually(async () => (await w.data.leases.list()).length === 0);
  });

  test('refuses a clock whose uptime is no function', async () => {
    const clock = Object.assign(virtualClock(), { uptime: 5 });
    expect(await codeOf(openSession(w.data, { clock: clock as never }))).toBe('invalid-argument');
  });

  test('a lease whose grant was given up is revoked', async () => {
    const controller = new AbortController();
    const { store, link } = linked(w.data);
    let grant = (): void => undefined;
    const granting = new Promise<void>((resolve) => (grant = resolve));
    const pass = link.pass.bind(link);
    link.pass = async (call, own, request, txn) => {
      if (call === 'grant') await granting;
      return pass(call, own, request, txn);
    };
    const opening = codeOf(openSession(store, { signal: controller.signal, clock: w.clock }));
    controller.abort();
    expect(await opening).toBe('aborted');
    grant();
    await eventually(() => link.calls.includes('revoke'));
    await eventually(async () => (await w.data.leases.list()).length === 0);
  });
});

describe('what nobody waits for any more', () => {
  test.each(['release', 'close'] as const)(
    '%s() with an aborted signal goes on, and fails in silence',
    async (what) => {
      const { session, link } = await w.session();
      const held = await session.lock('/l/a');
      link.fate = (call) => (call === 'txn' || call === 'revoke' ? new StoreError('permission-denied', 'no') : 'pass');
      const rejected: unknown[] = [];
      const onRejection = (reason: unknown) => rejected.push(reason);
      process.on('unhandledRejection', onRejection);
      const sent = link.calls.length;
      const options = { signal: AbortSignal.abort() };
      expect(await codeOf(what === 'release' ? held.release(options) : session.close(options))).toBe('aborted');
      await eventually(() => link.calls.length > sent);
      // Node tells of it after the microtasks of a turn.
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      process.off('unhandledRejection', onRejection);
      expect(rejected).toEqual([]);
      link.fate = () => 'pass';
    },
  );
});

describe('a session is lost', () => {
  test('at two thirds of its ttl after the last confirmed renewal was sent', async () => {
    const { session, link } = await w.session({ ttl: TTL });
    const held = await session.lock('/l/a');
    const { signal } = held;
    await w.clock.advance(1_000);
    link.fallSilent();
    await w.clock.advance(LOST_MS - 1_001);
    expect([signal.aborted, session.signal.aborted]).toEqual([false, false]);
    await w.clock.advance(1);
    expect([signal.aborted, session.signal.aborted]).toEqual([true, true]);
    expect(signal.reason).toMatchObject({ code: 'session-lost', retryable: false, cause: { code: 'timeout' } });
    // The server still has the lease: nobody else can hold the lock yet.
    expect(await w.data.get(held.key)).toBeDefined();
  });

  test('by when a renewal was sent, and not by when it was answered', async () => {
    const { session, link } = await w.session({ ttl: TTL });
    // The first renewal goes out after 2.25 s, and its answer takes 2 s.
    link.pass = async (call, own, request) => {
      if (call !== 'keepAlive') return request();
      const answer = await request();
      await new Promise<void>((resolve) => w.clock.setTimeout(resolve, 2_000));
      link.fallSilent();
      delete (link as { pass?: unknown }).pass;
      return answer;
    };
    await w.clock.advance(2_250 + LOST_MS - 1);
    expect(session.signal.aborted).toBe(false);
    await w.clock.advance(1);
    expect(session.signal.aborted).toBe(true);
  });

  test('in time, where a renewal granted less than before', async () => {
    const driver = new DelegatingDriver(w.data);
    let renewals = 0;
    const keepAlive: DriverLeases['keepAlive'] = async (id) => {
      if (renewals++ > 0) throw new StoreError('unavailable', 'gone');
      return { ...(await w.data.leases.keepAlive(id)), ttl: 3 };
    };
    const leases = { ...driver.leases, keepAlive };
    const lesser = createStore(Object.assign(driver, { leases }), { clock: w.clock });
    const { signal } = await openSession(lesser, { ttl: TTL, clock: w.clock });
    // Sent after 2.25 s, and good for two thirds of 3 s.
    await w.clock.advance(2_250 + 2_000 - 1);
    expect(signal.aborted).toBe(false);
    await w.clock.advance(1);
    expect(signal.reason).toMatchObject({ code: 'session-lost' });
  });

  test('although renewals that hang are made again meanwhile', async () => {
    const { session, link } = await w.session({ ttl: TTL });
    let calls = 0;
    link.fate = (call) => (call === 'keepAlive' && ++calls === 1 ? 'silence' : 'pass');
    await w.clock.advance(5 * TTL * 1_000);
    session.check();
  });

  test('is noticed by check and the getters before any timer fires', async () => {
    const clock = { ...w.clock, now: () => w.clock.now() + jump };
    let jump = 0;
    const store = memoryStore();
    const session = await openSession(store, {
      ttl: TTL,
      // Its timers never fire, as in a process that was suspended and has just gone on.
      clock: { now: clock.now, setTimeout: () => 0, clearTimeout: () => undefined },
    });
    const held = await session.lock('/l/a');
    jump = LOST_MS - 1;
    held.check();
    jump = LOST_MS;
    expect(thrownBy(() => held.check())).toBe('session-lost');
    expect([held.signal.aborted, session.signal.aborted]).toEqual([true, true]);
    await store.close();
  });

  test('by the time that the machine slept, too', async () => {
    let uptime = 1_000.25;
    const clock = Object.assign(virtualClock(), { uptime: () => uptime });
    const store = memoryStore({ clock });
    const session = await openSession(store, { ttl: TTL, clock });
    uptime += 5.9;
    session.check();
    uptime += 0.2;
    expect(thrownBy(() => session.check())).toBe('session-lost');
    await store.close();
  });

  test('by os.uptime() on the system’s clock', async () => {
    const store = memoryStore();
    const session = await openSession(store, { ttl: TTL });
    const now = os.uptime();
    const spy = jest.spyOn(os, 'uptime').mockImplementation(() => now + 7);
    expect(thrownBy(() => session.check())).toBe('session-lost');
    spy.mockRestore();
    await session.close();
    await store.close();
  });

  test('a wall clock that jumps loses no session', async () => {
    const now = w.clock.now.bind(w.clock);
    const monotonic = () => now();
    let jump = 0;
    const clock = {
      now: () => now() + jump,
      monotonic,
      setTimeout: w.clock.setTimeout.bind(w.clock),
      clearTimeout: w.clock.clearTimeout.bind(w.clock),
    };
    const { session } = await w.session({ ttl: TTL, clock });
    jump = 3_600_000;
    session.check();
    jump = -3_600_000;
    session.check();
  });

  test('at once where its lease was revoked', async () => {
    const { session } = await w.session({ ttl: TTL });
    const held = await session.lock('/l/a');
    void held.signal;
    await eventually(() => w.data.watcherCount === 1);
    await w.data.leases.revoke(session.lease);
    await eventually(() => held.signal.aborted);
    expect(held.signal.reason).toMatchObject({ code: 'session-lost' });
    await w.until(() => session.signal.aborted, TTL * 250 + 40);
  });

  test('where a write with its lease finds that it is gone', async () => {
    const { session } = await w.session({ ttl: TTL });
    await w.data.leases.revoke(session.lease);
    expect(await codeOf(session.lock('/l/a'))).toBe('session-lost');
    expect(thrownBy(() => session.check())).toBe('session-lost');
  });

  test('where the store is closed', async () => {
    const { session, store } = await w.session({ ttl: TTL });
    await store.close();
    await w.until(() => session.signal.aborted, TTL * 250 + 40);
    expect(thrownBy(() => session.check())).toBe('session-lost');
  });

  test('and stays lost, when a late renewal is confirmed', async () => {
    const { session, link } = await w.session({ ttl: TTL });
    link.fate = (call) => (call === 'keepAlive' ? 'silence' : 'pass');
    await w.clock.advance(LOST_MS);
    link.fate = () => 'pass';
    await w.clock.advance(TTL * 1_000);
    expect(thrownBy(() => session.check())).toBe('session-lost');
    expect(await codeOf(session.lock('/l/a'))).toBe('session-lost');
  });

  test('passing trouble and refusals of renewals lose it only by time', async () => {
    for (const code of ['unavailable', 'permission-denied', 'unauthenticated', 'internal'] as const) {
      const { session, link } = await w.session({ ttl: TTL });
      link.fate = (call) => (call === 'keepAlive' ? new StoreError(code, 'no') : 'pass');
      await w.clock.advance(LOST_MS - 500);
      link.fate = () => 'pass';
      await w.clock.advance(2 * TTL * 1_000);
      session.check();
    }
  });
});

describe('another history', () => {
  test.each(['held', 'waiting'] as const)(
    'a session of a history that is gone is lost, and says so: %s',
    async (what) => {
      const backup = w.data.snapshot();
      const { session } = await w.session({ ttl: TTL });
      const other = await w.session({ ttl: TTL });
      const holder = what === 'held' ? session : other.session;
      const held = await holder.lock('/l/a');
      void held.signal;
      const waiting = what === 'waiting' ? codeOf(session.lock('/l/a')) : undefined;
      await eventually(() => w.data.watcherCount > (what === 'waiting' ? 1 : 0));
      w.data.restore(backup, { identity: 'new' });
      await w.until(() => session.signal.aborted);
      expect(session.signal.reason).toMatchObject({ code: 'session-lost' });
      if (waiting !== undefined) expect(await waiting).toBe('session-lost');
    },
  );

  test('answers that come out of order lose no session: one was lost, and a later write is known when it is found', async () => {
    const { session, link } = await w.session();
    let failed = 0;
    link.fate = (call) => (call === 'txn' && failed++ < 1 ? 'answer-lost' : 'pass');
    const pass = link.pass.bind(link);
    let find = (): void => undefined;
    const mayFind = new Promise<void>((resolve) => (find = resolve));
    link.pass = async (call, own, request, txn) => {
      // The second one asks what became of the first.
      if (call === 'txn' && failed === 1 && txn?.if[0]?.op === '>') await mayFind;
      return pass(call, own, request, txn);
    };
    const first = session.lock('/l/a');
    await eventually(() => failed === 1);
    const second = await session.lock('/l/b');
    find();
    expect((await w.passing(first)).token.revision).toBeLessThan(second.token.revision);
    session.check();
  });

  test('answers that come out of order lose no session: of two locks at once', async () => {
    const { session, link } = await w.session();
    const pass = link.pass.bind(link);
    let answer = (): void => undefined;
    const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
    let writes = 0;
    link.pass = async (call, own, request, txn) => {
      const isFirst = call === 'txn' && writes++ === 0;
      const result = await pass(call, own, request, txn);
      if (isFirst) await mayAnswer;
      return result;
    };
    const first = session.lock('/l/a');
    const second = await session.lock('/l/b');
    answer();
    expect((await first).token.revision).toBeLessThan(second.token.revision);
    // What is known is still the newest.
    w.data.restore(w.data.snapshot());
    await session.lock('/l/c');
  });

  test('a write below one that was known when it was sent loses the session', async () => {
    const { session } = await w.session({ ttl: TTL });
    const backup = w.data.snapshot();
    for (const name of ['/l/a', '/l/b']) await session.lock(name);
    w.data.restore(backup);
    expect(await codeOf(session.lock('/l/c'))).toBe('session-lost');
  });

  test.each(['held', 'waiting'] as const)(
    'a read of another history loses the session, where its watch was not told: %s',
    async (what) => {
      const [a, b] = [await w.session({ ttl: TTL }), await w.session({ ttl: TTL })];
      const held = await a.session.lock('/l/a');
      const waiting = what === 'waiting' ? codeOf(b.session.lock('/l/a')) : undefined;
      if (waiting === undefined) void held.signal;
      const { session, link } = waiting === undefined ? a : b;
      await eventually(() => link.watches.size === 1);
      w.data.interrupt();
      // All keys are in the backup, and all leases.
      w.data.restore(w.data.snapshot(), { identity: 'new' });
      link.failWatches(new StoreError('unavailable', 'gone for now'));
      await w.until(() => session.signal.aborted);
      expect(session.signal.reason).toMatchObject({
        code: 'session-lost',
        message: expect.stringContaining('restored'),
      });
      if (waiting !== undefined) expect(await waiting).toBe('session-lost');
    },
  );

  test('a write in another history than an earlier one loses the session', async () => {
    const { session } = await w.session({ ttl: TTL });
    await (await session.lock('/l/a')).release();
    // The lease is in the backup, so that its renewals go on.
    w.data.restore(w.data.snapshot(), { identity: 'new' });
    expect(await codeOf(session.lock('/l/a'))).toBe('session-lost');
  });

  test('loses a session that holds nothing, too: what it gave back long ago is in the backup, and would block others', async () => {
    const { session } = await w.session({ ttl: TTL });
    const held = await session.lock('/l/a');
    const backup = w.data.snapshot();
    await held.release();
    w.data.restore(backup, { identity: 'new' });
    const other = await w.session({ ttl: TTL });
    const waiting = other.session.lock('/l/a');
    await w.until(() => session.signal.aborted);
    expect(session.signal.reason).toMatchObject({ code: 'session-lost' });
    // Its lease runs out, since nobody renews it any more.
    await w.passing(waiting);
  });

  test('of the same identity loses a session whose own release is not in it', async () => {
    const { session } = await w.session({ ttl: TTL });
    const held = await session.lock('/l/a');
    // All that it had read is in the backup.
    const backup = w.data.snapshot();
    await held.release();
    w.data.restore(backup);
    await w.until(() => session.signal.aborted);
    // By the revision of the release: the key that is there again would show it, too.
    expect(session.signal.reason).toMatchObject({
      code: 'session-lost',
      message: expect.stringMatching(/at revision/),
    });
  });

  test('of the same identity that has overtaken the session loses it, too, by a key that it gave back', async () => {
    const { session } = await w.session({ ttl: TTL });
    const held = await session.lock('/l/a');
    const backup = w.data.snapshot();
    await held.release();
    w.data.restore(backup);
    // Nothing that the session knows is ahead of the store.
    for (let n = 0; n < 5; n++) await w.data.put('/elsewhere', `${n}`);
    const other = await w.session({ ttl: TTL });
    const waiting = other.session.lock('/l/a');
    await w.until(() => session.signal.aborted);
    expect(session.signal.reason).toMatchObject({
      code: 'session-lost',
      message: expect.stringMatching(/it has key "\/l\/a\/.*" again, which the session gave back/),
    });
    await w.passing(waiting);
    other.session.check();
  });

  /** The store is put back, and gets further than anything that the session knows. */
  async function putBack(backup: Parameters<World['data']['restore']>[0]) {
    w.data.restore(backup);
    for (let n = 0; n < 30; n++) await w.data.put('/elsewhere', `${n}`);
  }

  test('loses it, too, by the key of a lock that it took again: what it releases is another key of the same name', async () => {
    const { session } = await w.session({ ttl: TTL });
    const first = await session.lock('/l/a');
    const backup = w.data.snapshot();
    await first.release();
    const again = await session.lock('/l/a');
    expect(again.key).toBe(first.key);
    await putBack(backup);
    await again.release();
    await w.until(() => session.signal.aborted);
    expect(session.signal.reason).toMatchObject({ code: 'session-lost' });
  });

  test('loses it, too, by the key of a lock that it waits for again', async () => {
    const { session, link } = await w.session({ ttl: TTL });
    const other = await w.session({ ttl: 60 });
    const first = await session.lock('/l/a');
    const backup = w.data.snapshot();
    await first.release();
    await other.session.lock('/l/a');
    const again = codeOf(session.lock('/l/a'));
    await w.until(async () => (await w.keys()).includes(first.key));
    await putBack(backup);
    link.failWatches(new StoreError('unavailable', 'the store was stopped'));
    expect(await w.passing(again)).toBe('session-lost');
  });

  test('loses it, too, by the key of an attempt that was given up', async () => {
    const { session, link } = await w.session({ ttl: TTL });
    await (await session.lock('/l/b')).release();
    const controller = new AbortController();
    let made = 0;
    link.fate = (call) => (call === 'txn' ? (made++ === 0 ? 'answer-lost' : 'not-sent') : 'pass');
    const given = codeOf(session.lock('/l/a', { signal: controller.signal }));
    await w.until(async () => (await w.keys()).length > 0);
    const backup = w.data.snapshot();
    controller.abort();
    link.fate = () => 'pass';
    expect(await w.passing(given)).toBe('aborted');
    await w.until(async () => !(await w.keys()).some((key) => key.startsWith('/l/a/')));
    await putBack(backup);
    await w.until(() => session.signal.aborted);
    expect(session.signal.reason).toMatchObject({ code: 'session-lost' });
  });
});

test('a key that is taken and given back again while the session looks for old keys is none of them', async () => {
  const driver = new DelegatingDriver(w.data);
  let old: string | undefined;
  const timeToLive: DriverLeases['timeToLive'] = async (id, options) => {
    const { keys = [], ...status } = await w.data.leases.timeToLive(id, options);
    return { ...status, keys: old === undefined ? keys : [...keys, old] };
  };
  const list: DelegatingDriver['list'] = async (range, options, call) => {
    const ask = () => DelegatingDriver.prototype.list.call(driver, range, options, call);
    if (old === undefined || options.countOnly) return ask();
    old = undefined;
    const again = await session.lock('/l/a');
    const result = await ask();
    expect(result.items.map(({ key }) => key)).toEqual([again.key]);
    await again.release();
    isDone = true;
    return result;
  };
  let isDone = false;
  const slow = createStore(Object.assign(driver, { list, leases: { ...driver.leases, timeToLive } }), {
    clock: w.clock,
  });
  const session = await openSession(slow, { ttl: TTL, clock: w.clock });
  const first = await session.lock('/l/a');
  await first.release();
  old = first.key;
  await w.until(() => isDone);
  await w.clock.advance(2 * TTL * 1_000);
  session.check();
  await session.close();
});

test('an answer to a release that comes late gives no key back that was taken since', async () => {
  const driver = new DelegatingDriver(w.data);
  const answers: (() => void)[] = [];
  let isSlow = false;
  const txn: DelegatingDriver['txn'] = async (...asked) => {
    const waits = isSlow;
    const result = await DelegatingDriver.prototype.txn.apply(driver, asked);
    if (waits) await new Promise<void>((resolve) => answers.push(resolve));
    return result;
  };
  // Its calls take as long as they take: the session alone is on the clock.
  const session = await openSession(createStore(Object.assign(driver, { txn })), { ttl: TTL, clock: w.clock });
  const first = await session.lock('/l/a');
  isSlow = true;
  const released = first.release();
  await w.until(() => answers.length === 2);
  isSlow = false;
  answers[0]?.();
  await eventually(async () => {
    const next = await session.lock('/l/a');
    if (next.key === first.key) return true;
    await next.release();
    return false;
  });
  answers[1]?.();
  await released;
  await w.clock.advance(2 * TTL * 1_000);
  session.check();
  await session.close();
});

test('only the latest keys that were given back are remembered', () => {
  const keys = new GivenBackKeys();
  for (let n = 0; n < 10_500; n++) keys.add(`/l/${n}`);
  const isGivenBack = keys.look();
  expect([0, 499, 500, 10_499].map((n) => isGivenBack(`/l/${n}`))).toEqual([false, false, true, true]);
});

test('a session is not lost for keys of its user that are named after its lease', async () => {
  const { session } = await w.session({ ttl: TTL });
  await (await session.lock('/l/a')).release();
  const id = BigInt(session.lease).toString(16);
  for (const key of [`/members/${id}-web1`, `/members/${id}-frankfurt0001`, `${id}-`]) {
    await w.data.put(key, '1', { lease: session.lease });
  }
  await w.clock.advance(5 * TTL * 1_000);
  session.check();
});

test('a session is not lost for the mark of an attempt, where the lock is named after its lease', async () => {
  const { session, link } = await w.session({ ttl: TTL });
  const name = `/l/${BigInt(session.lease).toString(16)}-import`;
  let made = 0;
  link.fate = (call) => (call === 'txn' && made++ === 0 ? 'late' : 'pass');
  await (await w.passing(session.lock(name))).release();
  expect(await w.keys()).toHaveLength(1);
  await w.clock.advance(5 * TTL * 1_000);
  session.check();
});

test('a session with keys of every kind is not lost for them, however long it lives', async () => {
  const { session } = await w.session({ ttl: TTL });
  await w.data.put('/own/a', '1', { lease: session.lease });
  const first = await session.lock('/l/a');
  const waiting = session.lock('/l/a');
  for (let round = 0; round < 60; round++) {
    // Each takes the key of the one before.
    await (await session.lock('/l/b')).release();
    expect(await session.tryLock('/l/a')).toBeUndefined();
    await w.clock.advance(500);
    session.check();
  }
  await first.release();
  (await w.passing(waiting)).check();
  expect((await w.data.leases.timeToLive(session.lease, { keys: true })).keys).toHaveLength(2);
});

test('a member that tells of a lease what it was a moment ago loses no session', async () => {
  const old: string[] = [];
  let asked = 0;
  const timeToLive: DriverLeases['timeToLive'] = async (id, options) => {
    asked += 1;
    const { keys = [], ...status } = await w.data.leases.timeToLive(id, options);
    return { ...status, keys: [...keys, ...old] };
  };
  const driver = new DelegatingDriver(w.data);
  const late = createStore(Object.assign(driver, { leases: { ...driver.leases, timeToLive } }), {
    clock: w.clock,
  });
  const session = await openSession(late, { ttl: TTL, clock: w.clock });
  const held = await session.lock('/l/a');
  old.push(held.key);
  await held.release();
  await w.clock.advance(5 * TTL * 1_000);
  expect(asked).toBeGreaterThan(5);
  session.check();
  await session.close();
});

test('a lock that is taken while the session looks for old keys is none of them', async () => {
  const looks: (() => void)[] = [];
  const timeToLive: DriverLeases['timeToLive'] = async (id, options) => {
    await new Promise<void>((resolve) => looks.push(resolve));
    return w.data.leases.timeToLive(id, options);
  };
  const driver = new DelegatingDriver(w.data);
  const slow = createStore(Object.assign(driver, { leases: { ...driver.leases, timeToLive } }), {
    clock: w.clock,
  });
  const session = await openSession(slow, { ttl: TTL, clock: w.clock });
  await (await session.lock('/l/a')).release();
  await w.until(() => looks.length === 1);
  const held = await session.lock('/l/a');
  looks[0]?.();
  await w.until(() => looks.length === 2);
  held.check();
  await session.close();
});

test('whoever holds or waits in a store that was put back, and has overtaken both, hears of it with the next connection', async () => {
  const [a, b] = [await w.session({ ttl: TTL }), await w.session({ ttl: TTL })];
  const backup = w.data.snapshot();
  const held = await a.session.lock('/l/a');
  const { signal } = held;
  const waiting = b.session.lock('/l/a');
  await eventually(() => w.data.watcherCount === 2);
  const allow = w.data.interrupt();
  w.data.restore(backup);
  for (let n = 0; n < 9; n++) await w.data.put('/elsewhere', `${n}`);
  allow();
  (await w.passing(waiting)).check();
  await w.until(() => signal.aborted);
  expect(signal.reason).toMatchObject({ code: 'session-lost' });
});

test('a session whose key of a backup stands in its own way is lost, and does not wait behind it', async () => {
  const { session } = await w.session({ ttl: TTL });
  const held = await session.lock('/l/a');
  const backup = w.data.snapshot();
  await held.release();
  w.data.restore(backup);
  for (let n = 0; n < 9; n++) await w.data.put('/elsewhere', `${n}`);
  // Under the key that was given back, which is there again.
  expect(await w.passing(codeOf(session.lock('/l/a')))).toBe('session-lost');
  expect(session.signal.reason).toMatchObject({ message: expect.stringMatching(/it has key .* again/) });
});

describe('a held lock is lost', () => {
  test('where its own key is deleted', async () => {
    const { session } = await w.session();
    const held = await session.lock('/l/a');
    const { signal } = held;
    await eventually(() => w.data.watcherCount === 1);
    await w.data.delete(held.key);
    await eventually(() => signal.aborted);
    expect(signal.reason).toMatchObject({ code: 'session-lost' });
    expect(thrownBy(() => held.check())).toBe('session-lost');
    session.check();
  });

  test('after a first check() that only the clock can answer, since that begins the watch', async () => {
    const { session } = await w.session();
    const held = await session.lock('/l/a');
    await w.data.delete(held.key);
    held.check();
    await eventually(() => thrownBy(() => held.check()) === 'session-lost');
  });

  test('by the first check() already, where its signal was read right after it was acquired', async () => {
    const { session } = await w.session();
    const work = session.withLock('/l/a', async (held) => {
      const { signal } = held;
      await w.data.delete(held.key);
      await eventually(() => signal.aborted);
      held.check();
    });
    expect(await codeOf(work)).toBe('session-lost');
  });

  test('also where that is noticed only after a compaction, or after a watch that was refused', async () => {
    const { session, link } = await w.session();
    const held = await session.lock('/l/a');
    void held.signal;
    await eventually(() => link.watches.size === 1);
    link.failWatches(new StoreError('permission-denied', 'not now'));
    const allow = w.data.interrupt();
    await w.data.delete(held.key);
    const { revision } = await w.data.put('x', '');
    await w.data.compact(revision);
    allow();
    await w.until(() => held.signal.aborted);
  });
});

describe('an acquiring write whose answer is lost', () => {
  test('that was applied keeps its place', async () => {
    const { session, link } = await w.session();
    let failed = 0;
    link.fate = (call) => (call === 'txn' && failed++ < 1 ? 'answer-lost' : 'pass');
    const held = await w.passing(session.lock('/l/a'));
    expect(await w.keys()).toEqual([held.key]);
  });

  test('that lands late writes nothing: the queue is not blocked', async () => {
    const { session, link } = await w.session();
    let failed = 0;
    link.fate = (call) => (call === 'txn' && failed++ < 1 ? 'late' : 'pass');
    const held = await w.passing(session.lock('/l/a'));
    await link.land();
    expect((await w.keys()).filter((key) => key.startsWith('/l/a/'))).toEqual([held.key]);
    await held.release();
    await (await session.lock('/l/a')).release();
  });

  test('and whose caller gives up leaves no key, also where it lands late', async () => {
    for (const fate of ['late', 'answer-lost'] as const) {
      const { session, link } = await w.session();
      const controller = new AbortController();
      let failed = 0;
      link.fate = (call) => {
        if (call !== 'txn' || failed++ > 0) return 'pass';
        controller.abort();
        return fate;
      };
      expect(await w.passing(codeOf(session.lock('/l/a', { signal: controller.signal })))).toBe('aborted');
      await link.land();
      await eventually(async () => (await w.keys()).every((key) => !key.startsWith('/l/a/')));
      // The mark goes with the session.
      await session.close();
      expect(await w.keys()).toEqual([]);
    }
  });

  test('is given up in one transaction, also where that takes several attempts', async () => {
    const { session, link } = await w.session();
    const fates = ['late', 'answer-lost', 'not-sent', 'late'] as const;
    let made = 0;
    link.fate = (call) => (call === 'txn' ? (fates[made++] ?? 'pass') : 'pass');
    const held = await w.passing(session.lock('/l/a'));
    await link.land();
    expect((await w.keys()).filter((key) => key.startsWith('/l/a/'))).toEqual([held.key]);
  });

  test('refusals are told, and leave nothing', async () => {
    const { session, link } = await w.session();
    link.fate = (call) =>
      call === 'txn' ? new StoreError('permission-denied', 'no', { outcome: 'not-applied' }) : 'pass';
    expect(await codeOf(session.lock('/l/a'))).toBe('permission-denied');
    expect(await w.keys()).toEqual([]);
  });
});

describe('a key whose removal is refused goes as soon as it is not refused any more, although the session lives', () => {
  const refusal = new StoreError('permission-denied', 'no', { outcome: 'not-applied' });
  const queued = async () => (await w.keys()).filter((key) => key.startsWith('/l/a/'));

  test('the key of a holder', async () => {
    const { session, link } = await w.session();
    const held = await session.lock('/l/a');
    link.fate = (call) => (call === 'txn' ? refusal : 'pass');
    expect(await codeOf(held.release())).toBe('permission-denied');
    link.fate = () => 'pass';
    await w.until(async () => (await queued()).length === 0);
    session.check();
  });

  test('the key of one who waits, and may not read the queue any more', async () => {
    const [first, second] = [await w.session(), await w.session()];
    const held = await first.session.lock('/l/a');
    const waiting = codeOf(second.session.lock('/l/a'));
    await eventually(() => second.link.watches.size === 1);
    second.link.fate = () => refusal;
    second.link.failWatches(refusal);
    expect(await w.passing(waiting)).toBe('permission-denied');
    second.link.fate = () => 'pass';
    await w.until(async () => (await queued()).length === 1);
    expect(await queued()).toEqual([held.key]);
    second.session.check();
  });

  test.each(['answer-lost', 'late'] as const)(
    'the key of an attempt of which nobody could be asked: %s',
    async (fate) => {
      const { session, link } = await w.session();
      let made = 0;
      link.fate = (call) => (call === 'txn' ? (made++ === 0 ? fate : refusal) : 'pass');
      expect(await w.passing(codeOf(session.lock('/l/a')))).toBe('permission-denied');
      link.fate = () => 'pass';
      await w.until(async () => (await w.keys()).some((key) => key.includes('given-up')));
      await link.land();
      expect(await queued()).toEqual([]);
      session.check();
    },
  );
});
