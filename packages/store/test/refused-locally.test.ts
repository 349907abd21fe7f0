import { describe, expect, test } from '@jest/globals';
import { readOnly, STORE_ERROR_CODES, StoreError, withPrefix } from '@holdfast/store';
import { createStore, isRefusedLocally, refusedLocally, withOutcome } from '@holdfast/store/adapter';
import { BOOKMARK, ScriptDriver } from './support/script-driver.js';
import { thrown } from './support/thrown.js';

const nextOf = (watch: AsyncIterable<unknown>) => watch[Symbol.asyncIterator]().next();

describe('a refusal of this process is told from what was said elsewhere:', () => {
  test.each<[string, (store: ReturnType<typeof createStore>) => unknown]>([
    ['a bad argument', (store) => store.get('')],
    ['a bad option', (store) => store.list({ prefix: '' }, { limit: 0 })],
    ['a bad option of a write', (store) => store.put('a', 'b', { lease: 'x' })],
    ['a bad range of a scan', (store) => nextOf(store.scan({ prefix: '\ud800' }))],
    ['a bad bookmark', (store) => nextOf(store.watch({ prefix: '' }, { after: { ...BOOKMARK, identity: '' } }))],
    ['a capability that is not there', (store) => store.list({ prefix: '' }, { revision: 1 })],
    ['leases that are not there', (store) => store.leases.grant(1)],
    ['a transaction that is not there', (store) => store.txn({ then: [] })],
    ['a guard that is not there', (store) => store.put('a', 'b', { ifAbsent: true })],
    ['a view that is read only', (store) => readOnly(store).put('a', 'b')],
    ['a view that can not compact', (store) => withPrefix(store, '/a').compact(1)],
  ])('%s is one', async (_what, run) => {
    const store = createStore(new ScriptDriver({ historicalReads: false }));
    expect(isRefusedLocally(await thrown(() => run(store)))).toBe(true);
  });

  test('a store that is closed, or is being closed, refuses like that', async () => {
    class Hanging extends ScriptDriver {
      override list(): Promise<never> {
        return new Promise(() => undefined);
      }
    }
    const store = createStore(new Hanging());
    const view = withPrefix(store, '/a');
    const open = [
      thrown(() => store.list({ prefix: '' }, { timeoutMs: 60_000 })),
      thrown(() => view.list({ prefix: '' }, { timeoutMs: 60_000 })),
      thrown(() => nextOf(store.scan({ prefix: '' }, { timeoutMs: 60_000 }))),
      thrown(() => nextOf(store.watch({ prefix: '' }))),
      thrown(() => nextOf(view.watch({ prefix: '' }))),
    ];
    await store.close();
    const late = [
      thrown(() => store.get('a')),
      thrown(() => store.put('a', 'b')),
      thrown(() => nextOf(store.scan({ prefix: '' }))),
      thrown(() => nextOf(store.watch({ prefix: '' }))),
      thrown(() => view.get('a')),
    ];
    for (const error of await Promise.all([...open, ...late])) {
      expect(error.code).toBe('closed');
      expect(isRefusedLocally(error)).toBe(true);
    }
  });

  test.each(STORE_ERROR_CODES)('%s from a driver is none, by whatever way it comes', async (code) => {
    class Failing extends ScriptDriver {
      override list(): Promise<never> {
        return Promise.reject(new StoreError(code, 'said by a proxy'));
      }
    }
    const driver = new Failing();
    const store = createStore(driver);
    const view = withPrefix(store, '/a');
    const watch = store.watch({ prefix: '' });
    driver.sinks[0]?.fail(new StoreError(code, 'said by a proxy'));
    const errors = [
      thrown(() => store.list({ prefix: '' })),
      thrown(() => store.get('a')),
      thrown(() => nextOf(store.scan({ prefix: '' }))),
      thrown(() => nextOf(view.scan({ prefix: '' }))),
      thrown(() => nextOf(watch)),
    ];
    for (const error of await Promise.all(errors)) {
      expect(error.code).toBe(code);
      expect(isRefusedLocally(error)).toBe(false);
    }
  });

  test('the mark survives an outcome, and is known to another copy of the package', () => {
    const error = refusedLocally(new StoreError('closed', 'no more'));
    expect(isRefusedLocally(withOutcome(error, 'not-applied'))).toBe(true);
    const foreign = Object.assign(new Error('from another copy'), {
      code: 'closed',
      [Symbol.for('holdfast.StoreError')]: true,
      [Symbol.for('holdfast.StoreError.refusedLocally')]: true,
    });
    expect(isRefusedLocally(foreign)).toBe(true);
    expect(isRefusedLocally(new Error('closed'))).toBe(false);
    expect(Object.keys(error)).not.toContain('refusedLocally');
  });
});
