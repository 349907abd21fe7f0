import { describe, expect, jest, test } from '@jest/globals';
import {
  StoreError,
  toRevision,
  type ConfigStore,
  type ListResult,
  type PutResult,
  type Txn,
  type TxnResult,
} from '@holdfast/store';
import {
  CALL_OPTIONS,
  checkFlag,
  createStore,
  GuardedStore,
  invalidArgument,
  isRefusedLocally,
  KeyRange,
  type DriverCall,
  type DriverLeases,
  type DriverTxn,
  type StoreDriver,
} from '@holdfast/store/adapter';
import { BOOKMARK, EMPTY, ScriptDriver, untilAborted } from './support/script-driver.js';
import { thrown } from './support/thrown.js';

const item = (key: string) => ({
  key,
  value: Uint8Array.of(1),
  createRevision: toRevision(2),
  modRevision: toRevision(3),
});

describe('a closed store', () => {
  test('refuses every call, writes as not applied', async () => {
    const store = createStore(new ScriptDriver());
    await store.close();
    const calls: ((store: ConfigStore) => unknown)[] = [
      (s) => s.get('k'),
      (s) => s.list('k'),
      (s) => s.scan('k')[Symbol.asyncIterator]().next(),
      (s) => s.put('k', 'v'),
      (s) => s.delete('k'),
      (s) => s.txn({}),
      (s) => s.watch('k').ready,
      (s) => s.compact(1),
      (s) => s.status(),
      (s) => s.leases.list(),
    ];
    for (const call of calls) expect((await thrown(() => call(store))).code).toBe('closed');
    expect((await thrown(() => store.put('k', 'v'))).outcome).toBe('not-applied');
  });

  test('gives up all calls under way, in which each driver may listen to the signal itself: Node warns of no leak', async () => {
    class Waiting extends ScriptDriver {
      override list(_range: KeyRange, _options: unknown, call: DriverCall): Promise<never> {
        return untilAborted(call);
      }
    }
    const warnings: string[] = [];
    const onWarning = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', onWarning);
    const store = createStore(new Waiting());
    const calls = Array.from({ length: 30 }, () => thrown(() => store.list('k')));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    await store.close();
    expect(new Set((await Promise.all(calls)).map(({ code }) => code))).toEqual(new Set(['closed']));
  });

  test('closes its driver once, after its watches', async () => {
    const driver = new ScriptDriver();
    const store = createStore(driver);
    store.watch('k');
    await Promise.all([store.close(), store.close()]);
    expect(driver.events).toEqual(['close', 'driver closed']);
  });

  test('ends the calls in flight', async () => {
    const driver = new ScriptDriver();
    driver.put = (_key, _value, _options, call) => untilAborted(call);
    const store = createStore(driver);
    const put = thrown(() => store.put('k', 'v'));
    await store.close();
    expect(await put).toMatchObject({ code: 'closed', outcome: 'unknown' });
  });
});

describe('abort and time-out', () => {
  test('a signal that has aborted sends nothing', async () => {
    const driver = new ScriptDriver();
    const error = await thrown(() => createStore(driver).put('k', 'v', { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ code: 'aborted', outcome: 'not-applied' });
    expect(driver.calls).toEqual([]);
  });

  test('a write given up on the way says that its outcome is unknown', async () => {
    const driver = new ScriptDriver();
    driver.put = (_key, _value, _options, call) => untilAborted(call);
    const error = await thrown(() => createStore(driver).put('k', 'v', { timeoutMs: 5 }));
    expect(error).toMatchObject({ code: 'timeout', outcome: 'unknown', retryable: true });
  });

  test('unless the driver knows that it was not sent', async () => {
    const driver = new ScriptDriver();
    driver.put = (_key, _value, _options, call) =>
      untilAborted(call).catch(() => {
        throw new StoreError('unavailable', 'still connecting', { outcome: 'not-applied' });
      });
    const error = await thrown(() => createStore(driver).put('k', 'v', { timeoutMs: 5 }));
    expect(error).toMatchObject({ code: 'timeout', outcome: 'not-applied' });
  });

  test('a driver that ignores its signal does not hold the caller', async () => {
    const driver = new ScriptDriver();
    driver.list = () => new Promise<ListResult>(() => undefined);
    const controller = new AbortController();
    const list = thrown(() => createStore(driver).list('k', { signal: controller.signal }));
    controller.abort('enough');
    expect(await list).toMatchObject({ code: 'aborted', cause: 'enough' });
  });

  test('the store has a default time-out, which a call can change', async () => {
    const driver = new ScriptDriver();
    driver.list = (_range, _options, call) => untilAborted(call);
    expect((await thrown(() => createStore(driver, { timeoutMs: 5 }).get('k'))).code).toBe('timeout');
  });

  test('a time-out names the endpoints', async () => {
    const driver = Object.assign(new ScriptDriver(), { endpoints: ['http://a:1', 'http://b:2'] });
    driver.list = (_range, _options, call) => untilAborted(call);
    const error = await thrown(() => createStore(driver).get('k', { timeoutMs: 5 }));
    expect(error.message).toContain('the script store at http://a:1, http://b:2 did not answer within 5 ms');
  });

  test('leaves no timer and no listener behind', async () => {
    const clearTimeout = jest.fn();
    const clock = { now: () => 0, setTimeout: () => 'timer', clearTimeout };
    const { signal } = new AbortController();
    const remove = jest.spyOn(signal, 'removeEventListener');
    await createStore(new ScriptDriver(), { clock }).get('k', { timeoutMs: 9, signal });
    expect(clearTimeout).toHaveBeenCalledWith('timer');
    expect(remove).toHaveBeenCalledTimes(1);
  });
});

describe('errors', () => {
  test('what a driver throws unexpectedly is `internal`, with its cause', async () => {
    const driver = new ScriptDriver();
    const cause = new TypeError('oops');
    driver.list = () => Promise.reject(cause);
    expect(await thrown(() => createStore(driver).get('k'))).toMatchObject({ code: 'internal', cause });
  });

  test('a failed write always has an outcome', async () => {
    const driver = new ScriptDriver();
    driver.put = () => Promise.reject(new StoreError('unavailable', 'cut'));
    expect((await thrown(() => createStore(driver).put('k', 'v'))).outcome).toBe('unknown');
  });
});

describe('refused before anything is sent', () => {
  type Call = (store: ConfigStore) => unknown;
  const bad = (value: unknown) => value as never;
  const invalid: [string, Call][] = [
    ['an empty key', (s) => s.put('', 'v')],
    ['a lone surrogate', (s) => s.get('\ud800')],
    ['a value of another type', (s) => s.put('k', bad(5))],
    ['an unknown option: a misspelt guard', (s) => s.put('k', 'v', bad({ ifAbsnt: true }))],
    ['an undefined guard', (s) => s.put('k', 'v', bad({ ifModRevision: undefined }))],
    ['two guards', (s) => s.put('k', 'v', bad({ ifAbsent: true, ifValue: 'x' }))],
    ['a guard that is false', (s) => s.put('k', 'v', bad({ ifAbsent: false }))],
    ['options that are no object', (s) => s.get('k', bad('x'))],
    ['revision 0', (s) => s.get('k', { revision: 0 })],
    ['a negative revision', (s) => s.list('k', { revision: -1 })],
    ['a revision that is no number', (s) => s.list('k', { revision: bad('5') })],
    ['limit 0', (s) => s.list('k', { limit: 0 })],
    ['an unknown consistency', (s) => s.list('k', { consistency: bad('eventual') })],
    ['an unknown sort target', (s) => s.list('k', { sort: bad({ target: 'size', order: 'ascend' }) })],
    ['a consistency that JSON can not show', (s) => s.list('k', { consistency: bad(5n) })],
    ['a consistency that has no text', (s) => s.get('k', { consistency: bad(Object.create(null)) })],
    ['a time-out of 0', (s) => s.get('k', { timeoutMs: 0 })],
    ['a signal that is none', (s) => s.get('k', { signal: bad({}) })],
    ['a guarded delete of a range', (s) => s.delete(bad({ prefix: 'a' }), { ifValue: 'x' })],
    ['ignoreValue with a value', (s) => s.put('k', 'v', { ignoreValue: true })],
    ['a flag that is no boolean', (s) => s.list('k', { keysOnly: bad(1) })],
    ['compacting at 0', (s) => s.compact(0)],
    ['an unknown operation', (s) => s.txn({ then: [bad({ type: 'move' })] })],
    ['a compare on nothing', (s) => s.txn({ if: [bad({ target: 'version', op: '=', value: 0 })] })],
    ['an unknown operator', (s) => s.txn({ if: [bad({ key: 'k', target: 'version', op: '>=', value: 0 })] })],
    ['an operation that JSON can not show', (s) => s.txn({ then: [bad({ type: 5n })] })],
    [
      'an operator that JSON can not show',
      (s) => s.txn({ if: [bad({ key: 'k', target: 'version', op: 5n, value: 0 })] }),
    ],
    ['a target that JSON can not show', (s) => s.txn({ if: [bad({ key: 'k', target: 5n, op: '=', value: 0 })] })],
    ['a negative version', (s) => s.txn({ if: [{ key: 'k', target: 'version', op: '=', value: -1 }] })],
    ['no transaction', (s) => s.txn(bad(undefined))],
    ['a scan of a bad range', (s) => s.scan('')[Symbol.asyncIterator]().next()],
  ];
  test.each(invalid)('%s', async (_, call) => {
    const driver = new ScriptDriver();
    const error = await thrown(() => call(createStore(driver)));
    expect(error.code).toBe('invalid-argument');
    expect(driver.calls).toEqual([]);
  });

  test.each<[string, Partial<StoreDriver['capabilities']>, Call]>([
    ['past reads', { historicalReads: false }, (s) => s.get('k', { revision: 1 })],
    ['delta reads', { deltaReads: false }, (s) => s.list('k', { minModRevision: 1 })],
    ['sorting by version', { versions: false }, (s) => s.list('k', { sort: { target: 'version', order: 'ascend' } })],
    ['leases', {}, (s) => s.leases.grant(5)],
    ['a lease', {}, (s) => s.put('k', 'v', { lease: '5' })],
    ['ttl', {}, (s) => s.put('k', 'v', { ttl: 5 })],
    ['previous values', { previousValues: false }, (s) => s.put('k', 'v', { previous: true })],
    ['transactions without a driver for them', {}, (s) => s.txn({})],
    ['compaction', { compaction: false }, (s) => s.compact(1)],
    [
      'version compares',
      { versions: false },
      (s) => s.txn({ if: [{ key: 'k', target: 'version', op: '=', value: 2 }] }),
    ],
  ])('unsupported: %s', async (_, capabilities, call) => {
    const driver = new ScriptDriver(capabilities);
    const error = await thrown(() => call(createStore(driver)));
    expect(error).toMatchObject({ code: 'unsupported', outcome: expect.anything() });
    expect(driver.calls).toEqual([]);
  });

  test('presence checks by version pass where versions are not told', async () => {
    const driver = new ScriptDriver({ versions: false });
    const txn = jest.fn(() => Promise.resolve({ succeeded: true, revision: BOOKMARK.revision, results: [] }));
    await createStore(Object.assign(driver, { txn })).txn({ if: [{ key: 'k', target: 'version', op: '=', value: 0 }] });
    expect(txn).toHaveBeenCalledTimes(1);
  });

  test.each(['a', 'a/b', '/', '/a/', '//a', '/a//b', '/a/./b', '/a/../b', '/_a', '/a/_b'])(
    'a path store refuses the key %p, which it would change or hide',
    async (key) => {
      const store = createStore(new ScriptDriver({ keySyntax: 'path' }));
      expect((await thrown(() => store.put(key, 'v'))).code).toBe('invalid-argument');
      expect((await thrown(() => store.get(key))).code).toBe('invalid-argument');
      // In a transaction too, where the driver would ask for another key.
      const compare = { target: 'modRevision', op: '=', value: 0 } as const;
      for (const txn of [
        { then: [{ type: 'get', key }] },
        { else: [{ type: 'delete', range: { key } }] },
        { if: [{ range: key, ...compare }] },
      ] satisfies Txn[]) {
        expect((await thrown(() => store.txn(txn))).code).toBe('invalid-argument');
      }
    },
  );

  test('a text store refuses bytes that are not UTF-8', async () => {
    const store = createStore(new ScriptDriver({ binaryValues: false }));
    expect((await thrown(() => store.put('k', Uint8Array.of(0xff)))).message).toMatch(/base64/);
    await store.put('k', Uint8Array.of(0x41));
  });

  test('a text store refuses to compare with bytes that no key of it can have', async () => {
    const driver = new ScriptDriver({ binaryValues: false });
    const store = createStore(driver);
    const bytes = Uint8Array.of(0xff);
    for (const call of [
      () => store.put('k', 'v', { ifValue: bytes }),
      () => store.delete('k', { ifValue: bytes }),
      () => store.txn({ if: [{ key: 'k', target: 'value', op: '!=', value: bytes }] }),
    ]) {
      expect(await thrown(call)).toMatchObject({ code: 'invalid-argument', outcome: 'not-applied' });
    }
    expect(driver.calls).toEqual([]);
  });
});

describe('a call beside the contract', () => {
  class Extended extends GuardedStore {
    readonly sent: (AbortSignal | undefined)[] = [];

    rename(to: string, options?: object, run: (call: DriverCall) => Promise<string> = () => Promise.resolve(to)) {
      return this.call('write', [options, [...CALL_OPTIONS, 'force'], 'rename()'], (given) => {
        if (to === '') throw invalidArgument('a name must not be empty');
        const force = checkFlag(given, 'force');
        return async (call) => {
          this.sent.push(call.signal);
          return `${await run(call)}${force ? '!' : ''}`;
        };
      });
    }
  }

  test('has its arguments and the names of its options checked, before anything is sent', async () => {
    const store = new Extended(new ScriptDriver());
    expect(await store.rename('b', { force: true })).toBe('b!');
    for (const call of [
      () => store.rename(''),
      () => store.rename('b', { forced: true }),
      () => store.rename('b', { force: 1 }),
      () => store.rename('b', { timeoutMs: -1 }),
      () => store.rename('b', { signal: 'soon' }),
      () => store.rename('b', [] as object),
    ]) {
      const error = await thrown(call);
      expect(error).toMatchObject({ code: 'invalid-argument', outcome: 'not-applied' });
      expect(isRefusedLocally(error)).toBe(true);
    }
    expect(store.sent).toHaveLength(1);
  });

  test('ends with its signal, its time-out and the store, even if it takes no notice', async () => {
    const hangs = () => new Promise<string>(() => undefined);
    const store = new Extended(new ScriptDriver(), { timeoutMs: 20 });
    expect(await thrown(() => store.rename('b', {}, hangs))).toMatchObject({ code: 'timeout', outcome: 'unknown' });
    const aborted = store.rename('b', { signal: AbortSignal.timeout(1), timeoutMs: 10_000 }, hangs);
    expect(await thrown(() => aborted)).toMatchObject({ code: 'aborted', outcome: 'unknown' });
    const pending = thrown(() => store.rename('b', { timeoutMs: 10_000 }, untilAborted));
    await store.close();
    expect(await pending).toMatchObject({ code: 'closed', outcome: 'unknown' });
    expect(await thrown(() => store.rename('b'))).toMatchObject({ code: 'closed', outcome: 'not-applied' });
    expect(store.sent).toHaveLength(3);
  });

  test('makes an error of the contract of whatever is thrown', async () => {
    const store = new Extended(new ScriptDriver());
    const broken = () => Promise.reject(new TypeError('x is not a function'));
    const error = await thrown(() => store.rename('b', {}, broken));
    expect(error).toMatchObject({ code: 'internal', outcome: 'unknown' });
    expect(error.message).toContain('x is not a function');
  });
});

describe('derived from list', () => {
  test('get is a list of one key', async () => {
    const driver = new ScriptDriver();
    driver.list = (range) => Promise.resolve({ ...EMPTY, items: range.key === 'k' ? [item('k')] : [] });
    const store = createStore(driver);
    expect(await store.get('k')).toEqual(item('k'));
    expect(await store.get('other')).toBeUndefined();
  });

  test('scan pages at the revision of its first page, and does not skip undecodable keys', async () => {
    const driver = new ScriptDriver();
    const asked: unknown[] = [];
    const answers: ListResult[] = [
      { ...EMPTY, items: [item('a')], count: 3, more: true },
      {
        ...EMPTY,
        undecodable: [{ rawKey: Uint8Array.of(0x62, 0xff), revision: toRevision(3), deleted: false }],
        count: 2,
        more: true,
      },
      { ...EMPTY, items: [item('c')], count: 1 },
    ];
    driver.list = (range, { revision }) => {
      asked.push([Buffer.from(range.start).toString('latin1'), revision]);
      return Promise.resolve(answers.shift() ?? EMPTY);
    };
    const pages: unknown[] = [];
    for await (const page of createStore(driver).scan({ prefix: '' })) {
      pages.push([page.total, page.more, page.length, page.undecodable.length]);
    }
    expect(asked).toEqual([
      ['\0', undefined],
      ['a\0', 7],
      ['b\xff\0', 7],
    ]);
    expect(pages).toEqual([
      [3, true, 1, 0],
      [3, true, 0, 1],
      [3, false, 1, 0],
    ]);
  });

  test.each(['b', 'ab', '0'])(
    'a driver that says more follows %p, in a range that ends there, is in error',
    async (last) => {
      const driver = new ScriptDriver();
      driver.list = () => Promise.resolve({ ...EMPTY, items: [item(last)], count: 2, more: true });
      const error = await thrown(async () => {
        for await (const _ of createStore(driver).scan({ start: 'a', end: 'ab\0' }));
      });
      expect(error).toMatchObject({ code: 'internal', retryable: true });
    },
  );

  test('a scan of nothing is one empty page', async () => {
    const pages: number[] = [];
    for await (const page of createStore(new ScriptDriver()).scan('k')) pages.push(page.length);
    expect(pages).toEqual([0]);
  });

  test('abandoning a scan ends what is in flight at the driver', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const driver = Object.assign(new ScriptDriver(), {
      async *scan(_range: KeyRange, _options: unknown, { signal }: DriverCall) {
        signals.push(signal);
        yield await Promise.reject(new StoreError('internal', 'not reached'));
      },
    });
    await thrown(() => createStore(driver).scan('k')[Symbol.asyncIterator]().next());
    expect(signals[0]?.aborted).toBe(true);
  });
});

describe('guards derived from txn', () => {
  function guarded(answer: TxnResult) {
    const asked: DriverTxn[] = [];
    const driver = Object.assign(new ScriptDriver(), {
      txn: (txn: DriverTxn) => {
        asked.push(txn);
        return Promise.resolve(answer);
      },
    });
    return { store: createStore(driver), asked };
  }

  test.each([
    [{ ifAbsent: true }, { target: 'createRevision', op: '=', value: 0 }],
    [{ ifPresent: true }, { target: 'createRevision', op: '>', value: 0 }],
    [{ ifModRevision: 4 }, { target: 'modRevision', op: '=', value: 4 }],
    [{ ifValue: 'A' }, { target: 'value', op: '=', value: Uint8Array.of(0x41) }],
  ] as const)('%p is one compare', async (guard, compare) => {
    const { store, asked } = guarded({
      succeeded: true,
      revision: BOOKMARK.revision,
      results: [{ type: 'put', revision: BOOKMARK.revision }],
    });
    expect(await store.put('k', 'v', guard)).toEqual({ succeeded: true, revision: 7 });
    expect(asked[0]?.if).toEqual([{ range: KeyRange.ofKey('k'), ...compare }]);
  });

  test('one that does not hold is a result, with what it was held against', async () => {
    const answer = (current?: ReturnType<typeof item>): TxnResult => ({
      succeeded: false,
      revision: BOOKMARK.revision,
      results: [{ type: 'get', item: current }],
    });
    expect(await guarded(answer(item('k'))).store.put('k', 'v', { ifAbsent: true })).toEqual({
      succeeded: false,
      current: item('k'),
    });
    expect(await guarded(answer()).store.delete('k', { ifValue: 'x' })).toEqual({ succeeded: false });
  });
});

describe('a time to live on a store with leases', () => {
  function leased(put: () => Promise<PutResult>) {
    const log: string[] = [];
    const leases: DriverLeases = {
      grant: (ttl) => Promise.resolve({ id: '77', ttl: ttl + 1 }),
      revoke: (id) => {
        log.push(`revoke ${id}`);
        return Promise.resolve();
      },
      keepAlive: () => Promise.reject(new Error('not used')),
      timeToLive: () => Promise.reject(new Error('not used')),
      list: () => Promise.resolve([]),
    };
    const driver = Object.assign(new ScriptDriver({ leases: true, ttl: true }), { leases });
    driver.put = (_key, _value, { lease }) => {
      log.push(`put on ${lease ?? 'none'}`);
      return put();
    };
    return { store: createStore(driver), log };
  }

  test('is a lease of its own, and the granted time comes back', async () => {
    const { store, log } = leased(() => Promise.resolve({ revision: BOOKMARK.revision }));
    expect(await store.put('k', 'v', { ttl: 5 })).toEqual({ revision: 7, ttl: 6, lease: '77' });
    expect(log).toEqual(['put on 77']);
  });

  test('is revoked when the put is certainly not applied', async () => {
    const { store, log } = leased(() => Promise.reject(new StoreError('too-large', 'no', { outcome: 'not-applied' })));
    await thrown(() => store.put('k', 'v', { ttl: 5 }));
    expect(log).toEqual(['put on 77', 'revoke 77']);
  });

  test('is left to expire when that is unknown', async () => {
    const { store, log } = leased(() => Promise.reject(new StoreError('unavailable', 'cut')));
    await thrown(() => store.put('k', 'v', { ttl: 5 }));
    expect(log).toEqual(['put on 77']);
  });

  test.each([0, -1, 1.5, NaN, '5'])('ttl %p is refused', async (ttl) => {
    const { store, log } = leased(() => Promise.resolve({ revision: BOOKMARK.revision }));
    expect((await thrown(() => store.put('k', 'v', { ttl: ttl as number }))).code).toBe('invalid-argument');
    expect(log).toEqual([]);
  });
});
