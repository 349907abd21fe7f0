import { describe, expect, test } from '@jest/globals';
import { fenced, withPrefix, type ConfigStore } from '@holdfast/store';
import { createStore, nextTurn } from '@holdfast/store/adapter';
import { memoryStore } from '@holdfast/memory';
import { ScriptDriver } from './support/script-driver.js';
import { thrown } from './support/thrown.js';

const FENCE = '/holdfast/fence';

const WRITES: readonly [string, (store: ConfigStore, lease: string) => Promise<unknown>][] = [
  ['put', (store) => store.put('/k', 'x')],
  ['put with a ttl', (store) => store.put('/k', 'x', { ttl: 60 })],
  ['put ifAbsent', (store) => store.put('/new', 'x', { ifAbsent: true })],
  ['put ifPresent', (store) => store.put('/k', 'x', { ifPresent: true })],
  ['put ifModRevision', (store) => store.put('/k', 'x', { ifModRevision: 1 })],
  ['put ifValue that holds', (store) => store.put('/k', 'x', { ifValue: 'is' })],
  ['put ifValue that does not', (store) => store.put('/k', 'x', { ifValue: 'other' })],
  ['put of the fence itself', (store) => store.put(FENCE, 'mine')],
  ['delete', (store) => store.delete('/k')],
  ['delete of a range', (store) => store.delete({ prefix: '/' })],
  ['delete ifValue', (store) => store.delete('/k', { ifValue: 'is' })],
  ['delete of the fence itself', (store) => store.delete(FENCE)],
  ['txn', (store) => store.txn({ then: [{ type: 'put', key: '/k', value: 'x' }] })],
  [
    'txn that writes in its else',
    (store) => store.txn({ if: [NEVER], else: [{ type: 'put', key: '/k', value: 'x' }] }),
  ],
  [
    'txn with a write inside another',
    (store) => store.txn({ then: [{ type: 'txn', txn: { then: [{ type: 'delete', range: { prefix: '/' } }] } }] }),
  ],
  ['leases.revoke', (store, lease) => store.leases.revoke(lease)],
];

const NEVER = { key: '/k', target: 'version', op: '=', value: 999 } as const;

describe('a fenced view', () => {
  test.each(WRITES)('refuses %s while the fence is there, and lets it pass otherwise', async (_name, write) => {
    const store = memoryStore();
    const view = fenced(store, { key: FENCE });
    const { id } = await store.leases.grant(600);
    await store.put('/k', 'is', { lease: id });
    await store.put(FENCE, '');
    const before = await store.list({ prefix: '' });
    const error = await thrown(() => write(view, id));
    expect(error).toMatchObject({ code: 'conflict', outcome: 'not-applied', retryable: false });
    expect(error.message).toContain(FENCE);
    expect((await store.list({ prefix: '' })).items).toEqual(before.items);
    expect(await store.leases.list()).toEqual([id]);
    await store.delete(FENCE);
    await write(view, id);
    await store.close();
  });

  test('gives the results of the store', async () => {
    const store = memoryStore();
    const view = fenced(store, { key: FENCE });
    const put = await view.put('/k', '1', { ttl: 60 });
    expect(put).toMatchObject({ revision: 2, ttl: 60, lease: expect.any(String) });
    expect(await view.put('/k', '2', { previous: true })).toMatchObject({ previous: { key: '/k', version: 1 } });
    expect(await view.put('/k', '3', { ifAbsent: true })).toMatchObject({ succeeded: false, current: { key: '/k' } });
    expect(await view.put('/k', '3', { ifValue: '2' })).toMatchObject({ succeeded: true, revision: 4 });
    expect(await view.delete('/never', { ifModRevision: 9 })).toEqual({ succeeded: false });
    expect(
      await view.txn({
        if: [NEVER],
        then: [],
        else: [
          { type: 'put', key: '/a', value: '1' },
          { type: 'get', key: '/a' },
        ],
      }),
    ).toMatchObject({
      succeeded: false,
      revision: 5,
      results: [{ type: 'put' }, { type: 'get', item: { key: '/a' } }],
    });
    expect(await view.delete({ prefix: '/' }, { previous: true })).toMatchObject({ deleted: 2 });
    await store.close();
  });

  test('reads, watches, and transactions that only read, pass', async () => {
    const store = memoryStore();
    const view = fenced(store, { key: FENCE });
    await store.put(FENCE, 'x');
    expect((await view.get(FENCE))?.key).toBe(FENCE);
    expect((await view.txn({ then: [{ type: 'get', key: FENCE }] })).succeeded).toBe(true);
    const watch = view.watch({ prefix: '' });
    await watch.ready;
    await store.put('/k', '1');
    for await (const { events } of watch) {
      expect(events).toMatchObject([{ current: { key: '/k' } }]);
      break;
    }
    expect(await view.leases.keepAlive((await view.leases.grant(60)).id)).toMatchObject({ ttl: 60 });
    await store.close();
  });

  test('lets nothing in after the fence, however many write while it is put up', async () => {
    const store = memoryStore();
    const view = fenced(store, { key: FENCE });
    let isFenced = false;
    const write = async (name: string): Promise<void> => {
      for (let n = 0; ; n += 1) {
        try {
          await view.put(`/${name}/${n}`, 'x');
          await nextTurn();
        } catch (error) {
          expect(error).toMatchObject({ code: 'conflict' });
          expect(isFenced).toBe(true);
          return;
        }
      }
    };
    const writers = ['a', 'b', 'c'].map(write);
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    isFenced = true;
    const { revision } = await store.put(FENCE, '');
    await Promise.all(writers);
    const { items } = await store.list({ prefix: '/' }, { sort: { target: 'modRevision', order: 'descend' } });
    expect(items[0]).toMatchObject({ key: FENCE, modRevision: revision });
    expect(items.length).toBeGreaterThan(3);
    await store.close();
  });

  test('of a view of a prefix has its fence in that prefix', async () => {
    const store = memoryStore();
    const view = fenced(withPrefix(store, '/app'), { key: '/fence' });
    await store.put('/fence', 'of others');
    await view.put('/k', '1');
    await store.put('/app/fence', '');
    expect(await thrown(() => view.put('/k', '2'))).toMatchObject({ code: 'conflict' });
    await store.close();
  });

  test('where its store has transactions, compares the fence in the one of the write: nothing is sent before it', async () => {
    const store = memoryStore();
    const sent: string[] = [];
    const noting = new Proxy(store, {
      get: (target, name: keyof ConfigStore) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          sent.push(name.toString());
          return Reflect.apply(value, target, args);
        };
      },
    });
    const view = fenced(noting, { key: FENCE });
    await view.put('/k', '1');
    await view.put('/k', '2', { ifPresent: true });
    await view.delete('/k', { ifValue: '2' });
    await view.delete({ prefix: '/' });
    expect(sent).toEqual(['txn', 'txn', 'txn', 'txn']);
    await store.close();
  });

  test('on a store without transactions asks before each write, and says of a failed question that nothing was written', async () => {
    const driver = new ScriptDriver({ transactions: 'single-key' });
    const view = fenced(createStore(driver), { key: FENCE });
    await view.put('/k', 'x');
    expect(driver.calls.map(([name]) => name)).toEqual(['list', 'put']);
    driver.list = () => Promise.reject(new Error('no answer'));
    const before = driver.calls.length;
    expect(await thrown(() => view.put('/k', 'x'))).toMatchObject({ outcome: 'not-applied' });
    expect(driver.calls.slice(before)).toEqual([]);
  });

  test('takes no fence that its store could not have, and no ttl that it could not keep', () => {
    const paths = createStore(new ScriptDriver({ keySyntax: 'path' }));
    expect(() => fenced(paths, { key: 'fence' })).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    expect(fenced(paths, { key: '/fence' }).capabilities.keySyntax).toBe('path');
    const withoutLeases = createStore(new ScriptDriver({ ttl: true, leases: false }));
    expect(fenced(withoutLeases, { key: '/fence' }).capabilities.ttl).toBe(false);
  });

  test('closes its store only if it owns it', async () => {
    const store = memoryStore();
    await fenced(store, { key: FENCE }).close();
    await store.put('/k', 'x');
    await fenced(store, { key: FENCE, owned: true }).close();
    expect(await thrown(() => store.get('/k'))).toMatchObject({ code: 'closed' });
  });

  test.each([
    [undefined, /a key must be a string/],
    [{}, /a key must be a string/],
    [{ key: '' }, /must not be empty/],
    [{ key: 5 }, /a key must be a string/],
    [{ key: FENCE, owned: 1 }, /owned must be true or false/],
    [{ key: FENCE, prefix: '/' }, /no option "prefix"/],
  ])('is refused for options that can not be: %j', (options, message) => {
    expect(() => fenced(memoryStore(), options as never)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(message) }),
    );
    expect(() => fenced({} as never, { key: FENCE })).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });
});
