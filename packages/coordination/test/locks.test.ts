import os from 'node:os';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { StoreError, withPrefix } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import { openSession, type Held } from '@holdfast/coordination';
import { codeOf, thrownBy } from './support/code-of.js';
import { world, type World } from './support/world.js';

let w: World;
beforeEach(() => {
  w = world();
});
afterEach(() => w.close());

describe('a lock', () => {
  test('is held by one at a time, and handed on in the order of asking', async () => {
    const { session } = await w.session();
    const order: number[] = [];
    const first = await session.lock('/l/a');
    const waiting = [1, 2, 3].map(async (n) => {
      const held = await session.lock('/l/a');
      order.push(n);
      await held.release();
    });
    await w.clock.advance(100);
    expect(order).toEqual([]);
    await first.release();
    await w.passing(Promise.all(waiting));
    expect(order).toEqual([1, 2, 3]);
    expect(await w.keys()).toEqual([]);
  });

  test('has a key of the form that etcd’s Go clients wait for, under the session’s lease', async () => {
    const { session } = await w.session();
    const held = await session.lock('/l/a');
    const hex = BigInt(session.lease).toString(16);
    expect(held.key).toMatch(new RegExp(`^/l/a/${hex}-[0-9a-z]+$`));
    expect((await w.data.get(held.key))?.lease).toBe(session.lease);
  });

  test('has a token that is the create revision of its key, and grows with each holder', async () => {
    const [a, b] = [await w.session(), await w.session()];
    const first = await a.session.lock('/l/a');
    const { bookmark, items } = await w.data.list(first.key);
    expect(first.token).toEqual({ revision: items[0]?.createRevision, identity: bookmark.identity });
    const second = w.passing(b.session.lock('/l/a'));
    await first.release();
    expect((await second).token.revision).toBeGreaterThan(first.token.revision);
    expect((await second).token.identity).toBe(first.token.identity);
  });

  test('is not confused with locks of names below it', async () => {
    const { session } = await w.session();
    const below = await session.lock('/l/a/sub');
    const above = await w.passing(session.lock('/l/a', { timeoutMs: 1_000 }));
    const tried = await session.tryLock('/l');
    expect([below, above, tried].map((held) => held?.signal.aborted)).toEqual([false, false, false]);
  });

  test.each(['', '/l/', '/', 'a\ud800', 5, undefined])('refuses the name %p, and sends nothing', async (name) => {
    const { session, link } = await w.session();
    const sent = link.calls.length;
    for (const call of ['lock', 'tryLock'] as const) {
      await expect(session[call](name as string)).rejects.toMatchObject({ code: 'invalid-argument' });
    }
    expect(link.calls.length).toBe(sent);
  });

  test('held.compare lets a transaction happen only while it is held', async () => {
    const { session } = await w.session();
    const held = await session.lock('/l/a');
    const write = () => w.data.txn({ if: [held.compare], then: [{ type: 'put', key: '/data', value: 'x' }] });
    expect((await write()).succeeded).toBe(true);
    await held.release();
    expect((await write()).succeeded).toBe(false);
  });

  test('costs two transactions and nothing else where nobody waits for it', async () => {
    const { session, link } = await w.session();
    link.calls.length = 0;
    const held = await session.lock('/l/a');
    await held.release();
    expect({ calls: link.calls, watches: link.opened }).toEqual({ calls: ['txn', 'txn'], watches: 0 });
  });

  test('uses the key of the holder before it again, so that the server’s index does not grow with each, and has a token of its own', async () => {
    const { session } = await w.session();
    const first = await session.lock('/l/a');
    await first.release();
    const second = await session.lock('/l/a');
    expect(second.key).toBe(first.key);
    expect(second.token.revision).toBeGreaterThan(first.token.revision);
    // The former holder has no hold on it.
    await first.release();
    expect(await w.keys()).toEqual([second.key]);
    const third = session.lock('/l/a');
    await eventually(async () => (await w.keys()).length === 2);
    await second.release();
    expect((await w.passing(third)).key).not.toBe(second.key);
  });

  test('asks the system for its uptime where the wall clock shows that the machine may have slept, and in each check()', async () => {
    const store = memoryStore();
    const session = await openSession(store);
    const spy = jest.spyOn(os, 'uptime');
    try {
      const held = await session.lock('/l/a');
      await held.release();
      expect(spy).not.toHaveBeenCalled();
      session.check();
      expect(spy).toHaveBeenCalledTimes(1);
      const [uptime, wall] = [os.uptime(), Date.now()];
      const now = jest.spyOn(Date, 'now').mockImplementation(() => wall + 3_600_000);
      // The wall clock was set, and no more.
      await (await session.lock('/l/a')).release();
      spy.mockImplementation(() => uptime + 3_600);
      expect(await codeOf(session.lock('/l/a'))).toBe('session-lost');
      now.mockRestore();
    } finally {
      spy.mockRestore();
      await session.close();
      await store.close();
    }
  });

  test('a hundred waiters have one watch each, and are served in order', async () => {
    const { session } = await w.session();
    const first = await session.lock('/l/a');
    const order: number[] = [];
    const waiting = Array.from({ length: 100 }, async (_, n) => {
      const held = await session.lock('/l/a');
      order.push(n);
      await held.release();
    });
    await eventually(() => w.data.watcherCount === 100);
    await first.release();
    await w.passing(Promise.all(waiting));
    expect(order).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(await w.keys()).toEqual([]);
  });

  test('a release wakes the next one alone', async () => {
    const { session } = await w.session();
    const first = await session.lock('/l/a');
    const others = await Promise.all([1, 2, 3].map(() => w.session()));
    const next = others.map(({ session: other }) => other.lock('/l/a'));
    await eventually(() => w.data.watcherCount === 3);
    const reads = () => others.map(({ link }) => link.calls.filter((call) => call === 'list').length);
    expect(reads()).toEqual([0, 0, 0]);
    await first.release();
    const second = await w.passing(next[0]!);
    await w.clock.advance(100);
    expect(reads()).toEqual([1, 0, 0]);
    await second.release();
    await w.passing(next[1]!).then((held) => held.release());
    await w.passing(next[2]!);
  });

  test('works in a view of a store', async () => {
    const session = await openSession(withPrefix(w.data, '/app'), { clock: w.clock });
    const held = await session.lock('/l/a');
    expect(await w.keys()).toEqual([`/app${held.key}`]);
    await session.close();
  });
});

describe('tryLock', () => {
  test('gives the lock where it is free, and undefined where it is not, without writing anything', async () => {
    const [a, b] = [await w.session(), await w.session()];
    const held = await a.session.tryLock('/l/a');
    expect(held?.key).toMatch(/^\/l\/a\//);
    const { revision } = (await w.data.list('x')).bookmark;
    expect(await b.session.tryLock('/l/a')).toBeUndefined();
    expect((await w.data.list('x')).bookmark.revision).toBe(revision);
    await held?.release();
    expect(await b.session.tryLock('/l/a')).toBeDefined();
  });
});

describe('tryLock, where keys of names below are in the way', () => {
  test('gives undefined soon, although the key that it wrote can’t be removed now', async () => {
    const [a, b] = [await w.session(), await w.session()];
    await a.session.lock('/l/a/sub');
    const pass = b.link.pass.bind(b.link);
    let writes = 0;
    b.link.pass = async (call, own, request, txn) => {
      if (call === 'txn') writes += 1;
      // Another one is faster. Then nobody answers to the removal.
      if (call === 'txn' && writes === 2) await a.session.lock('/l/a');
      if (call === 'txn' && writes === 3) b.link.fate = (each) => (each === 'txn' ? 'silence' : 'pass');
      return pass(call, own, request, txn);
    };
    let tried: unknown = 'waiting';
    void b.session.tryLock('/l/a').then((held) => (tried = held));
    await w.until(() => tried !== 'waiting', 2_000);
    expect([tried, writes]).toEqual([undefined, 3]);
    b.link.fate = () => 'pass';
    await w.until(async () => (await w.keys()).length === 2);
  });
});

describe('withLock', () => {
  test('releases after the work, and gives its result', async () => {
    const { session } = await w.session();
    expect(await session.withLock('/l/a', ({ key }) => Promise.resolve(key))).toMatch(/^\/l\/a\//);
    expect(await w.keys()).toEqual([]);
  });

  test('releases after work that throws, and rejects with what it threw', async () => {
    const { session } = await w.session();
    const failure = new Error('mine');
    await expect(
      session.withLock('/l/a', () => {
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await w.keys()).toEqual([]);
  });

  test('rejects where the lock was lost before the work was done', async () => {
    const { session } = await w.session();
    const work = session.withLock('/l/a', async ({ key }) => {
      await w.data.delete(key);
      return 'done';
    });
    await expect(work).rejects.toMatchObject({ code: 'session-lost' });
  });

  test('rejects where the lock was lost, also where the first attempt to release it was not sent', async () => {
    const { session, link } = await w.session();
    let failed = 0;
    const work = session.withLock('/l/a', async ({ key }) => {
      await w.data.delete(key);
      link.fate = (call) => (call === 'txn' && failed++ < 1 ? 'not-sent' : 'pass');
    });
    expect(await w.passing(codeOf(work))).toBe('session-lost');
  });

  test('resolves where the answer to the first attempt was lost, and the second finds nothing to release', async () => {
    const { session, link } = await w.session();
    const fates = ['answer-lost', 'not-sent'] as const;
    let made = 0;
    const work = session.withLock('/l/a', () => {
      link.fate = (call) => (call === 'txn' ? (fates[made++] ?? 'pass') : 'pass');
    });
    expect(await w.passing(codeOf(work))).toBe('resolved');
  });

  test('opens no watch where the work does not ask whether the lock is held', async () => {
    const { session, link } = await w.session();
    await session.withLock('/l/a', () => undefined);
    expect(link.opened).toBe(0);
  });

  test('takes a function', async () => {
    const { session } = await w.session();
    await expect(session.withLock('/l/a', undefined as never)).rejects.toMatchObject({ code: 'invalid-argument' });
    expect(await w.keys()).toEqual([]);
  });
});

describe('release', () => {
  test('does not abort the signal; afterwards check() says closed; twice does no harm', async () => {
    const { session } = await w.session();
    const held = await session.lock('/l/a');
    const { signal } = held;
    await held.release();
    await held.release();
    expect(signal.aborted).toBe(false);
    expect(thrownBy(() => held.check())).toBe('closed');
    await session.close();
    expect(signal.aborted).toBe(false);
  });

  test('never removes another holder’s key', async () => {
    const { session } = await w.session();
    const held = await session.lock('/l/a');
    // As after a lost session: the key is gone, and somebody wrote one of the same name.
    await w.data.delete(held.key);
    await w.data.put(held.key, 'another');
    await held.release();
    expect(await w.keys()).toEqual([held.key]);
  });

  test('of a lost lock resolves', async () => {
    const { session, link } = await w.session();
    const held = await session.lock('/l/a');
    link.fallSilent();
    await w.until(() => held.signal.aborted);
    await held.release();
  });

  test('goes on after its first answer was lost', async () => {
    const { session, link } = await w.session();
    const held = await session.lock('/l/a');
    let failed = 0;
    link.fate = (call) => (call === 'txn' && failed++ < 2 ? 'answer-lost' : 'pass');
    await w.passing(held.release());
    expect(await w.keys()).toEqual([]);
  });

  test('that fails may be called again', async () => {
    const { session, link } = await w.session();
    const held = await session.lock('/l/a');
    link.fate = (call) => (call === 'txn' ? 'not-sent' : 'pass');
    expect(await w.passing(codeOf(held.release({ timeoutMs: 100 })))).toBe('timeout');
    expect(thrownBy(() => held.check())).toBe('closed');
    link.fate = () => 'pass';
    await w.passing(held.release());
    expect(await w.keys()).toEqual([]);
  });
});

describe('a wait', () => {
  test.each([
    [
      'aborted',
      (held: Held, session: { close(): Promise<void> }, abort: () => void) => {
        abort();
      },
    ],
    [
      'closed',
      async (held: Held, session: { close(): Promise<void> }) => {
        await session.close();
      },
    ],
  ] as const)('that is %s leaves nothing behind, and the next one is served', async (code, end) => {
    const [a, b, c] = [await w.session(), await w.session(), await w.session()];
    const held = await a.session.lock('/l/a');
    const controller = new AbortController();
    const waiting = codeOf(b.session.lock('/l/a', { signal: controller.signal }));
    await eventually(() => w.data.watcherCount === 1);
    const next = c.session.lock('/l/a');
    await end(held, b.session, () => {
      controller.abort();
    });
    expect(await waiting).toBe(code);
    await eventually(async () => (await w.keys()).length === 2);
    await held.release();
    await w.passing(next);
  });

  test('ends with timeout after timeoutMs', async () => {
    const { session } = await w.session();
    const held = await session.lock('/l/a');
    expect(await w.passing(codeOf(session.lock('/l/a', { timeoutMs: 1_000 })))).toBe('timeout');
    expect(await w.keys()).toEqual([held.key]);
  });

  test('an aborted signal is noticed before anything is sent', async () => {
    const { session, link } = await w.session();
    const sent = link.calls.length;
    expect(await codeOf(session.lock('/l/a', { signal: AbortSignal.abort() }))).toBe('aborted');
    expect(link.calls.length).toBe(sent);
  });

  test('outlives mistakes of the store in its watch, and ends with one that is made again and again', async () => {
    const [a, b] = [await w.session(), await w.session()];
    const held = await a.session.lock('/l/a');
    const waiting = b.session.lock('/l/a');
    for (let n = 1; n <= 3; n += 1) {
      await w.until(() => b.link.watches.size === 1);
      b.link.failWatches(new StoreError('internal', 'an event that can’t be'));
    }
    await held.release();
    await w.passing(waiting);
    const third = codeOf(a.session.lock('/l/a'));
    let code: unknown;
    void third.then((given) => (code = given));
    await w.until(() => {
      a.link.failWatches(new StoreError('internal', 'the same again'));
      return code !== undefined;
    });
    expect(code).toBe('internal');
    // Its key is removed.
    await w.until(async () => (await w.keys()).length === 1);
  });

  test('does not outlive its session: no phantom holder', async () => {
    const [a, b] = [await w.session(), await w.session()];
    await a.session.lock('/l/a');
    const waiting = codeOf(b.session.lock('/l/a'));
    await w.clock.advance(100);
    b.link.fallSilent();
    expect(await w.passing(waiting)).toBe('session-lost');
  });

  test('goes on at the end of the queue after somebody removed its key', async () => {
    const [a, b] = [await w.session(), await w.session()];
    const held = await a.session.lock('/l/a');
    const waiting = b.session.lock('/l/a');
    await eventually(() => w.data.watcherCount === 1);
    const [, queued = ''] = await w.keys();
    await w.data.delete(queued);
    await held.release();
    expect((await w.passing(waiting)).key).not.toBe(queued);
  });

  test('outlives the compaction of the history that it watches', async () => {
    const [a, b] = [await w.session(), await w.session()];
    const held = await a.session.lock('/l/a');
    const waiting = b.session.lock('/l/a');
    await eventually(() => w.data.watcherCount === 1);
    const allow = w.data.interrupt();
    await held.release();
    const { revision } = await w.data.put('x', '');
    await w.data.compact(revision);
    allow();
    await w.passing(waiting);
  });
});
