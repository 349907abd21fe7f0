import { describe, expect, test } from '@jest/globals';
import { StoreError, withPrefix, type Capabilities, type StoreErrorCode } from '@holdfast/store';
import { createStore, type ReadingDriver } from '@holdfast/store/adapter';
import { BOOKMARK, CAPABILITIES, EMPTY, ScriptDriver } from './support/script-driver.js';
import { thrown } from './support/thrown.js';

/** An adapter whose writes fail with an error that says nothing of the outcome. */
class Refusing extends ScriptDriver {
  readonly #code: StoreErrorCode;

  constructor(code: StoreErrorCode) {
    super();
    this.#code = code;
  }

  override put() {
    return Promise.reject(new StoreError(this.#code, 'no'));
  }
}

describe('the outcome of a failed write, where the adapter does not say it', () => {
  test.each([
    'unauthenticated',
    'permission-denied',
    'lease-not-found',
    'invalid-argument',
    'unsupported',
    'not-found',
    'conflict',
    'compacted',
    'future-revision',
  ] as const)('is not-applied after %s: a refusal', async (code) => {
    const error = await thrown(() => createStore(new Refusing(code)).put('/a', '1'));
    expect([error.code, error.outcome]).toEqual([code, 'not-applied']);
  });

  test.each(['unavailable', 'timeout', 'internal', 'history-changed', 'too-large'] as const)(
    'is unknown after %s: the write may have been applied',
    async (code) => {
      expect((await thrown(() => createStore(new Refusing(code)).put('/a', '1'))).outcome).toBe('unknown');
    },
  );

  test('is what the adapter says, where it says it', async () => {
    class Careful extends ScriptDriver {
      override put() {
        return Promise.reject(new StoreError('conflict', 'at the second of two requests', { outcome: 'unknown' }));
      }
    }
    expect((await thrown(() => createStore(new Careful()).put('/a', '1'))).outcome).toBe('unknown');
  });

  test('is the same for a write that was given up while the adapter refused it', async () => {
    class Slow extends ScriptDriver {
      override put() {
        return new Promise<never>((_, reject) => {
          setImmediate(() => {
            reject(new StoreError('permission-denied', 'no'));
          });
        });
      }
    }
    const controller = new AbortController();
    const put = thrown(() => createStore(new Slow()).put('/a', '1', { signal: controller.signal }));
    controller.abort();
    expect(await put).toMatchObject({ code: 'aborted', outcome: 'not-applied' });
  });
});

describe('a capability that an adapter does not declare', () => {
  test('means what all stores did before it existed', () => {
    expect(createStore(new ScriptDriver()).capabilities).toEqual({
      ...CAPABILITIES,
      writes: true,
      rangeDeleteEvents: 'delete',
    });
    expect(createStore(new ScriptDriver({ rangeDeletes: 'directory' })).capabilities.rangeDeleteEvents).toBe(
      'delete-range',
    );
  });

  test('is one object for one declaration, and a declared one is kept', () => {
    const driver = new ScriptDriver({ writes: false, rangeDeleteEvents: 'delete-range' });
    const store = createStore(driver);
    expect(store.capabilities).toBe(store.capabilities);
    expect(store.capabilities).toMatchObject({ writes: false, rangeDeleteEvents: 'delete-range' });
  });
});

const readOnlyCapabilities = { ...CAPABILITIES, writes: false } as const;

/** All that a read-only adapter needs. */
const reading: ReadingDriver = {
  name: 'reading',
  capabilities: readOnlyCapabilities,
  list: () => Promise.resolve(EMPTY),
  txn: () => Promise.resolve({ succeeded: true, revision: BOOKMARK.revision, results: [] }),
  watch: () => ({ resume: () => undefined, close: () => Promise.resolve() }),
  status: () => Promise.resolve({ version: '1', members: [], ...BOOKMARK }),
  close: () => Promise.resolve(),
};

describe('a read-only adapter', () => {
  test('may leave put and delete out: every write is unsupported, and reads work', async () => {
    const store = createStore(reading);
    const writes = [
      () => store.put('/a', '1'),
      () => store.put('/a', '1', { ifAbsent: true }),
      () => store.delete('/a'),
      () => store.delete('/a', { ifValue: '1' }),
      () => store.txn({ then: [{ type: 'put', key: '/a', value: '1' }] }),
    ];
    for (const write of writes) {
      const error = await thrown(write);
      expect([error.code, error.outcome]).toEqual(['unsupported', 'not-applied']);
      expect(error.message).toBe("the reading store can't do writes (see its capabilities.writes)");
    }
    expect(await store.get('/a')).toBeUndefined();
    expect((await store.txn({ then: [{ type: 'get', key: '/a' }] })).succeeded).toBe(true);
  });

  test('must declare it: otherwise the missing method is named, with what to do', async () => {
    const driver = { ...reading, capabilities: CAPABILITIES };
    const error = await thrown(() => createStore(driver as never));
    expect(error.message).toBe(
      'createStore() takes a driver, and this has no method put(); a store without writes declares capabilities.writes: false',
    );
  });
});

describe('limits of keys and values', () => {
  const limited = (limits: Partial<Capabilities>) => createStore(new ScriptDriver(limits));

  test('a key is measured in bytes of UTF-8, and a longer one is too-large in every call that names it', async () => {
    const store = limited({ maxKeyBytes: 4 });
    await store.put('éé', '1');
    const calls = [
      () => store.put('ééa', '1'),
      () => store.get('ééa'),
      () => store.delete('ééa'),
      () => store.txn({ then: [{ type: 'put', key: 'ééa', value: '1' }] }),
      () => store.txn({ if: [{ key: 'ééa', target: 'value', op: '=', value: '1' }] }),
    ];
    for (const call of calls) expect((await thrown(call)).code).toBe('too-large');
    expect(await thrown(() => store.put('ééa', '1'))).toMatchObject({
      outcome: 'not-applied',
      message: 'key "ééa" has 5 bytes, and this store takes keys of 4 (see its capabilities.maxKeyBytes); shorten it',
    });
  });

  test('a longer value is too-large, also in a transaction, and is not written', async () => {
    const store = limited({ maxValueBytes: 3 });
    await store.put('/a', 'abc');
    for (const call of [
      () => store.put('/a', 'abcd'),
      () => store.txn({ then: [{ type: 'put', key: '/a', value: 'abcd' }] }),
    ]) {
      expect(await thrown(call)).toMatchObject({ code: 'too-large', outcome: 'not-applied' });
    }
  });

  test('a view of a prefix leaves as many bytes as its prefix does', async () => {
    const store = withPrefix(limited({ maxKeyBytes: 10 }), '/app/');
    expect(store.capabilities.maxKeyBytes).toBe(5);
    await store.put('abcde', '1');
    expect((await thrown(() => store.put('abcdef', '1'))).message).toContain('takes keys of 5');
  });
});
