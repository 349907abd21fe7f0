// JavaScript callers, and casts, pass anything. Each mistake is told as what it is, and what to write instead.
import { memory, memoryStore, type MemoryStore } from '@holdfast/memory';
import { openStore, readOnly, withPrefix, type ConfigStore } from '@holdfast/store';
import { createStore } from '@holdfast/store/adapter';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ScriptDriver } from './support/script-driver.js';

const NO_STORES: readonly (readonly [what: string, given: () => unknown, said: RegExp])[] = [
  ['nothing', () => undefined, /such as memoryStore\(\)\. This is undefined/],
  ['null', () => null, /This is null/],
  ['a URL', () => 'etcd-v3://root:s3cret@h', /This is a string: .*await openStore\(url\)/],
  ['a forgotten await', () => openStore('memory:', { adapters: [memory] }), /This is a promise: write await openStore/],
  ['the function that makes one', () => memoryStore, /This is a function: call it, memoryStore\(…\)/],
  ['an adapter', () => memory, /This is an adapter: write await openStore\(url, \{ adapters/],
  ['options of one', () => ({ endpoints: ['http://h:1'] }), /These are options of a store/],
  ['something else', () => ({}), /This is another object/],
];

describe.each<[string, (store: ConfigStore) => unknown]>([
  ['withPrefix()', (store) => withPrefix(store, '/app/')],
  ['readOnly()', (store) => readOnly(store)],
])('%s', (name, make) => {
  test.each(NO_STORES)('is told that it got %s', (_what, given, said) => {
    const act = () => make(given() as ConfigStore);
    expect(act).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    expect(act).toThrow(said);
    expect(act).toThrow(name);
    expect(act).not.toThrow(/s3cret/);
  });
});

describe('the other arguments', () => {
  const store = memoryStore();
  test.each<[string, () => unknown, RegExp]>([
    ['no prefix', () => withPrefix(store, undefined as never), /withPrefix\(\) takes a prefix such as \/app\//],
    ['a range for a prefix', () => withPrefix(store, { prefix: '/a' } as never), /takes a prefix such as/],
    ['an empty prefix', () => withPrefix(store, ''), /must not be empty/],
    ['a misspelt option', () => withPrefix(store, '/a', { own: true } as never), /no option "own"; it takes owned/],
    ['an option of another kind', () => readOnly(store, { owned: 'yes' } as never), /owned must be true or false/],
    ['options that are none', () => readOnly(store, true as never), /readOnly\(\) takes an object/],
    ['no driver', () => createStore(undefined as never), /createStore\(\) takes a driver/],
    ['half a driver', () => createStore({ list: () => 0 } as never), /no method put\(\)/],
    ['options of createStore', () => createStore(new ScriptDriver(), null as never), /takes an object/],
    [
      'a clock that is none',
      () => createStore(new ScriptDriver(), { clock: Date as never }),
      /clock must be an object with the methods now/,
    ],
    ['a clock of a memory store', () => memoryStore({ clock: 5 as never }), /clock must be an object/],
    ['options of a memory store', () => memoryStore(null as never), /memoryStore\(\) takes an object/],
    ['a text for them', () => memoryStore('memory:' as never), /memoryStore\(\) takes an object/],
    ['options of another handle', () => store.connect({ names: 'x' } as never), /connect\(\) has no option "names"/],
  ])('%s', (_what, act, said) => {
    expect(act).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    expect(act).toThrow(said);
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'a controller for its signal',
      () => store.get('a', { signal: new AbortController() as never }),
      /pass controller\.signal/,
    ],
    ['a promise for a key', () => store.get(Promise.resolve('a') as never), /a key must be a string/],
    ['a promise for a value', () => store.put('a', Promise.resolve('a') as never), /a string or a Uint8Array/],
    ['a prefix for options', () => store.list('a', '/app' as never), /list\(\) takes an object/],
    ['no range', () => store.list(undefined as never), /a range is a key/],
    ['a list of keys', () => store.delete(['a', 'b'] as never), /a range is a key/],
    ['a transaction that is none', () => store.txn(null as never), /transaction/],
    ['a number as text', () => store.leases.grant('5' as never), /ttl/],
  ])('%s', async (_what, act, said) => {
    await expect(act()).rejects.toMatchObject({ code: 'invalid-argument', message: expect.stringMatching(said) });
  });
});

describe('a bare key that ends in a slash', () => {
  const warn = jest.fn<(message: string) => void>();
  let store: MemoryStore;
  beforeEach(() => {
    warn.mockClear();
    store = memoryStore({ logger: { ...console, warn } });
  });
  afterEach(() => store.close());

  test.each<[string, (on: ConfigStore) => unknown]>([
    ['list()', (on) => on.list('/a/')],
    ['delete()', (on) => on.delete('/a/')],
    ['scan()', async (on) => on.scan('/a/')[Symbol.asyncIterator]().next()],
    ['watch()', (on) => on.watch('/a/').close()],
    ['txn()', (on) => on.txn({ then: [{ type: 'delete', range: '/a/' }] })],
    ['txn()', (on) => on.txn({ then: [{ type: 'txn', txn: { else: [{ type: 'list', range: '/a/' }] } }] })],
  ])('is one key for %s, which warns once, and so does that of a view', async (call, act) => {
    await store.put('/a/', '1');
    await store.put('/a/b', '1');
    for (const on of [store, readOnly(store), withPrefix(store, '/v')]) {
      warn.mockClear();
      for (let times = 0; times < 2; times++) await (act(on) as Promise<unknown>).catch(() => undefined);
      expect(warn.mock.calls.map(([message]) => message)).toEqual([
        expect.stringMatching(/of "\/a\/" is about this one key.*pass \{ prefix: "\/a\/" \}.*\{ key: "\/a\/" \}/),
      ]);
      expect(warn.mock.calls[0]?.[0]).toContain(call);
    }
    expect((await store.get('/a/b'))?.key).toBe('/a/b');
  });

  test('that is written as { key }, a prefix, and any other key, are what was meant', async () => {
    await store.list({ key: '/a/' });
    await store.list({ prefix: '/a/' });
    await store.delete('/a');
    await store.get('/a/');
    expect(warn).not.toHaveBeenCalled();
  });
});

test('in a view of a prefix without a slash, keys follow it directly', async () => {
  const store = memoryStore();
  await withPrefix(store, '/app-').put('limits', '1');
  expect((await store.get('/app-limits'))?.key).toBe('/app-limits');
  await store.close();
});
