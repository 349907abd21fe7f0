import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { StoreError, type ConfigStore } from '@holdfast/store';
import { createStore, DelegatingDriver } from '@holdfast/store/adapter';
import { openSession, transact, type Transaction } from '@holdfast/coordination';
import { eventually, virtualClock } from '@holdfast/testkit';
import { codeOf, thrownBy } from './support/code-of.js';
import { linked, type Link } from './support/link.js';

let data: MemoryStore;
let store: ConfigStore;
let link: Link;
beforeEach(() => {
  data = memoryStore();
  ({ store, link } = linked(data));
});
afterEach(async () => {
  await store.close();
  await data.close();
});

const text = (entry: { readonly value: Uint8Array } | undefined) => entry && Buffer.from(entry.value).toString();
const stored = async (key: string) => text(await data.get(key));
const numberAt = async (tx: Transaction, key: string) => Number(text(await tx.get(key)) ?? 0);

/** A store that can't read the past: its reads are checked only when the transaction happens. */
function forgetful(): ConfigStore {
  const driver = new DelegatingDriver(store);
  return createStore(Object.assign(driver, { capabilities: { ...store.capabilities, historicalReads: false } }));
}

describe('transact', () => {
  test('makes the writes of a function happen at one revision, and gives what it returned', async () => {
    await data.put('/a', '1');
    const { value, revision } = await transact(store, async (tx) => {
      const n = await numberAt(tx, '/a');
      tx.put('/a', String(n + 1));
      tx.put('/b', 'new');
      tx.delete('/c');
      return n;
    });
    expect(value).toBe(1);
    const { items } = await data.list({ prefix: '/' });
    expect(items.map(({ key, modRevision }) => [key, modRevision])).toEqual([
      ['/a', revision],
      ['/b', revision],
    ]);
  });

  test.each(['snapshots', 'no snapshots'])('loses no update of concurrent transactions: %s', async (kind) => {
    const shared = kind === 'snapshots' ? store : forgetful();
    const add = () =>
      transact(
        shared,
        async (tx) => {
          tx.put('/n', String((await numberAt(tx, '/n')) + 1));
        },
        { attempts: 1_000 },
      );
    await Promise.all(Array.from({ length: 20 }, add));
    expect(await stored('/n')).toBe('20');
  });

  test.each(['snapshots', 'no snapshots'])('is serializable: no write skew: %s', async (kind) => {
    const shared = kind === 'snapshots' ? store : forgetful();
    // Two on call, and each may leave only if the other stays.
    await data.put('/on-call/a', '');
    await data.put('/on-call/b', '');
    const leave = (who: string) =>
      transact(shared, async (tx) => {
        if ((await tx.list({ prefix: '/on-call/' })).count < 2) return false;
        tx.delete(`/on-call/${who}`);
        return true;
      });
    const left = await Promise.all([leave('a'), leave('b')]);
    expect(left.map(({ value }) => value).sort()).toEqual([false, true]);
    expect((await data.list({ prefix: '/on-call/' })).count).toBe(1);
  });

  test('a key that appears in a range that was read, or goes from it, makes it run again', async () => {
    for (const change of [() => data.put('/r/new', ''), () => data.delete('/r/old'), () => data.put('/r/old', 'x')]) {
      await data.put('/r/old', '');
      await data.delete('/r/new');
      let runs = 0;
      await transact(store, async (tx) => {
        runs += 1;
        await tx.list({ prefix: '/r/' });
        if (runs === 1) await change();
        tx.put('/done', '');
      });
      expect(runs).toBe(2);
    }
  });

  test('reads of one attempt are of one revision', async () => {
    await data.put('/a', '1');
    await data.put('/b', '1');
    const { value } = await transact(store, async (tx) => {
      const a = text(await tx.get('/a'));
      await data.txn({
        then: [
          { type: 'put', key: '/a', value: '2' },
          { type: 'put', key: '/b', value: '2' },
        ],
      });
      return [a, text(await tx.get('/b')), ...(await tx.list({ prefix: '/' })).items.map(text)];
    });
    expect(value).toEqual(['1', '1', '1', '1']);
  });

  test('a second read that sees a newer state makes it run again, on a store that can’t read the past', async () => {
    const reads = {
      key: (tx: Transaction) => tx.get('/n/a'),
      range: (tx: Transaction) => tx.list({ prefix: '/n/' }),
      'key, then range': (tx: Transaction, n: number) => (n === 0 ? tx.get('/n/a') : tx.list({ prefix: '/n/' })),
    };
    for (const [what, read] of Object.entries(reads)) {
      for (const change of [
        () => data.put('/n/a', 'changed'),
        () => data.put('/n/b', 'new'),
        () => data.delete('/n/a'),
      ]) {
        await data.delete({ prefix: '/n/' });
        await data.put('/n/a', '1');
        let runs = 0;
        await transact(forgetful(), async (tx) => {
          runs += 1;
          await read(tx, 0);
          if (runs === 1) await change();
          await read(tx, 1);
          tx.put('/done', '');
        });
        // A single key is not concerned by what happens to another one.
        const isConcerned = what === 'range' || (await data.get('/n/b')) === undefined;
        expect([what, runs]).toEqual([what, isConcerned ? 2 : 1]);
      }
    }
  });

  test('goes on after a first read that failed, where the function does', async () => {
    await data.put('/a', '1');
    let failed = 0;
    link.fate = (call) => (call === 'list' && failed++ < 1 ? 'not-sent' : 'pass');
    const { value } = await transact(store, async (tx) => {
      const first = await codeOf(tx.get('/a'));
      tx.put('/b', '');
      return [first, text(await tx.get('/a'))];
    });
    expect(value).toEqual(['unavailable', '1']);
    expect(await stored('/b')).toBe('');
  });

  test('refuses a value that has no UTF-8 form', async () => {
    const running = transact(store, (tx) => {
      tx.put('/a', 'a\ud800');
    });
    expect(await codeOf(running)).toBe('invalid-argument');
    expect(await data.get('/a')).toBeUndefined();
  });

  test('begins anew where a compaction takes the state that it reads', async () => {
    let runs = 0;
    await transact(store, async (tx) => {
      runs += 1;
      await tx.get('/a');
      if (runs === 1) await data.compact((await data.put('/x', '')).revision);
      await tx.get('/b');
      tx.put('/done', '');
    });
    expect(runs).toBe(2);
  });

  test.each(['before', 'after'])(
    'begins anew where the store is restored between two reads, to a state %s its own',
    async (when) => {
      const backup = data.snapshot();
      await data.put('/a', 'lost');
      await data.put('/b', 'lost');
      let runs = 0;
      const { value } = await transact(store, async (tx) => {
        const a = text(await tx.get('/a'));
        if (runs++ === 0) {
          data.restore(backup, { identity: 'new' });
          if (when === 'after') for (const key of ['/b', '/c', '/d', '/e']) await data.put(key, 'restored');
        }
        return [a, text(await tx.get('/b'))];
      });
      expect(value).toEqual([undefined, when === 'after' ? 'restored' : undefined]);
    },
  );

  test('sees its own writes, and the last write to a key counts', async () => {
    await data.put('/k/a', 'old');
    await data.put('/k/b', 'old');
    await data.put('/k/d', 'old');
    await transact(store, async (tx) => {
      tx.put('/k/c', '1');
      tx.put('/k/c', '2');
      tx.put('/k/a', 'first');
      tx.delete({ prefix: '/k/' });
      expect((await tx.list({ prefix: '/k/' })).items).toEqual([]);
      expect(await tx.get('/k/b')).toBeUndefined();
      tx.put('/k/c', '3');
      tx.put('/k/e', '5');
      tx.delete('/k/e');
      tx.put('/k/f', '6');
      expect((await tx.list({ prefix: '/k/' })).items.map(({ key }) => key)).toEqual(['/k/c', '/k/f']);
      expect(text(await tx.get('/k/c'))).toBe('3');
    });
    const { items } = await data.list({ prefix: '/k/' });
    expect(items.map((item) => [item.key, text(item)])).toEqual([
      ['/k/c', '3'],
      ['/k/f', '6'],
    ]);
  });

  test('a put takes a lease', async () => {
    const session = await openSession(store);
    await transact(store, (tx) => {
      tx.put('/k', '', { lease: session.lease });
    });
    expect((await data.get('/k'))?.lease).toBe(session.lease);
    await session.close();
  });

  test('rejects with what the function throws, and writes nothing', async () => {
    const failure = new Error('mine');
    for (const run of [
      () => {
        throw failure;
      },
      () => Promise.reject(failure),
    ]) {
      await expect(
        transact(store, (tx) => {
          tx.put('/a', '');
          return run();
        }),
      ).rejects.toBe(failure);
    }
    expect((await data.list({ prefix: '' })).count).toBe(0);
  });

  test('a function that never returns ends by timeoutMs or signal, and can write no more', async () => {
    let held: Transaction | undefined;
    const never = (tx: Transaction) => {
      held = tx;
      return new Promise<never>(() => undefined);
    };
    await expect(transact(store, never, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'timeout',
      outcome: 'not-applied',
    });
    const controller = new AbortController();
    const running = transact(store, never, { signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'aborted', outcome: 'not-applied' });
    expect(thrownBy(() => held?.put('/a', ''))).toBe('closed');
    expect(await codeOf(held!.get('/a'))).toBe('closed');
  });

  test('gives up with conflict after its attempts, and may be tried again', async () => {
    let runs = 0;
    const running = transact(
      store,
      async (tx) => {
        runs += 1;
        await tx.get('/a');
        await data.put('/a', '');
        tx.put('/b', '');
      },
      { attempts: 3 },
    );
    await expect(running).rejects.toMatchObject({ code: 'conflict', retryable: true, outcome: 'not-applied' });
    expect(runs).toBe(3);
  });

  test('writes what was put, also where the function changed the bytes that it read of its own put', async () => {
    await transact(store, async (tx) => {
      tx.put('/a', 'abc');
      (await tx.get('/a'))?.value.fill(0);
      (await tx.list({ prefix: '/' })).items[0]?.value.fill(0);
      expect(text(await tx.get('/a'))).toBe('abc');
    });
    expect(await stored('/a')).toBe('abc');
  });

  test('happens only where the conditions of "if" hold, and does not run again where they don’t', async () => {
    const session = await openSession(store);
    const held = await session.lock('/l/a');
    const guarded = () => {
      let runs = 0;
      return transact(
        store,
        async (tx) => {
          runs += 1;
          await tx.get('/x');
          tx.put('/y', String(runs));
        },
        { if: [held.compare] },
      );
    };
    await guarded();
    await held.release();
    await expect(guarded()).rejects.toMatchObject({ code: 'conflict', retryable: false, outcome: 'not-applied' });
    expect(await stored('/y')).toBe('1');
    await session.close();
  });

  test('does not run again after an unknown outcome', async () => {
    let runs = 0;
    link.fate = (call) => (call === 'txn' ? 'answer-lost' : 'pass');
    const running = transact(store, (tx) => {
      runs += 1;
      tx.put('/a', '');
    });
    await expect(running).rejects.toMatchObject({ code: 'unavailable', outcome: 'unknown' });
    expect(runs).toBe(1);
  });

  test('a time-out while its writes are under way says that they may have happened', async () => {
    link.fate = (call) => (call === 'txn' ? 'silence' : 'pass');
    const clock = virtualClock();
    const running = transact(
      store,
      (tx) => {
        tx.put('/a', '');
      },
      { timeoutMs: 20, clock },
    );
    running.catch(() => undefined);
    await eventually(() => link.calls.includes('txn'));
    await clock.advance(20);
    await expect(running).rejects.toMatchObject({ code: 'timeout', outcome: 'unknown' });
  });

  test('reads that the function did not await are part of it', async () => {
    await data.put('/a', '1');
    let runs = 0;
    const pass = link.pass.bind(link);
    link.pass = async (call, own, request, txn) => {
      if (call === 'txn' && runs === 1) await data.put('/a', '2');
      return pass(call, own, request, txn);
    };
    await transact(store, (tx) => {
      runs += 1;
      void tx.get('/a');
      tx.put('/b', '');
    });
    expect(runs).toBe(2);
  });

  test('says so where it read more than a transaction can compare', async () => {
    for (let n = 0; n < 130; n += 1) await data.put(`/many/${n}`, '');
    const running = transact(store, async (tx) => {
      await tx.list({ prefix: '/many/' });
      tx.put('/a', '');
    });
    await expect(running).rejects.toMatchObject({ code: 'too-large', outcome: 'not-applied' });
    expect(link.calls).toEqual(['list']);
  });

  test('a function that only reads writes nothing, and one that does nothing is none', async () => {
    const { revision } = await data.put('/a', '1');
    expect(await transact(store, async (tx) => text(await tx.get('/a')))).toEqual({ value: '1', revision });
    expect(link.calls).toEqual(['list']);
    expect(await transact(store, () => 5)).toEqual({ value: 5, revision });
  });

  test('refuses wrong arguments, and is unsupported without transactions over several keys, before anything is sent', async () => {
    const nothing = () => undefined;
    expect(await codeOf(transact(store, 'no' as never))).toBe('invalid-argument');
    expect(await codeOf(transact(store, nothing, { attempts: 0 }))).toBe('invalid-argument');
    expect(await codeOf(transact(store, nothing, { tries: 2 } as never))).toBe('invalid-argument');
    expect(await codeOf(transact(store, nothing, { if: {} as never }))).toBe('invalid-argument');
    expect(await codeOf(transact(store, (tx) => tx.get('')))).toBe('invalid-argument');
    expect(
      await codeOf(
        transact(store, (tx) => {
          tx.put('/a', 5 as never);
        }),
      ),
    ).toBe('invalid-argument');
    expect(
      await codeOf(
        transact(store, (tx) => {
          tx.put('/a', '', { ttl: 1 } as never);
        }),
      ),
    ).toBe('invalid-argument');
    expect(
      await codeOf(
        transact(store, (tx) => {
          tx.delete({ prefix: 'a', key: 'b' } as never);
        }),
      ),
    ).toBe('invalid-argument');
    const driver = new DelegatingDriver(store);
    const single = createStore(
      Object.assign(driver, { capabilities: { ...store.capabilities, transactions: 'single-key' } }),
    );
    await expect(transact(single, nothing)).rejects.toMatchObject({ code: 'unsupported', outcome: 'not-applied' });
    expect(link.calls).toEqual([]);
  });

  test('an outage is told to the function, and ends the transaction where the function lets it pass', async () => {
    link.fate = (call) => (call === 'list' ? new StoreError('unavailable', 'down') : 'pass');
    expect(await codeOf(transact(store, (tx) => tx.get('/a')))).toBe('unavailable');
  });
});
