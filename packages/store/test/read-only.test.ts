import { describe, expect, test } from '@jest/globals';
import { readOnly, withPrefix, type ConfigStore, type Op, type WatchBatch } from '@holdfast/store';
import { createStore } from '@holdfast/store/adapter';
import { memoryStore } from '@holdfast/memory';
import { ScriptDriver } from './support/script-driver.js';
import { thrown } from './support/thrown.js';

const PUT: Op = { type: 'put', key: '/k', value: 'x' };
const DELETE: Op = { type: 'delete', range: { prefix: '/' } };
const nested = (op: Op): Op => ({ type: 'txn', txn: { then: [op] } });

/** Every way there is to change something, each with arguments that the store itself would take. */
const WRITES: readonly [string, (store: ConfigStore) => Promise<unknown>][] = [
  ['put', (store) => store.put('/k', 'x')],
  ['put with a ttl', (store) => store.put('/k', 'x', { ttl: 60 })],
  ['put ifAbsent', (store) => store.put('/k', 'x', { ifAbsent: true })],
  ['put ifPresent', (store) => store.put('/k', 'x', { ifPresent: true })],
  ['put ifModRevision', (store) => store.put('/k', 'x', { ifModRevision: 1 })],
  ['put ifValue with a ttl', (store) => store.put('/k', 'x', { ifValue: 'y', ttl: 60 })],
  ['delete', (store) => store.delete('/k')],
  ['delete of a range', (store) => store.delete({ prefix: '/' })],
  ['delete ifModRevision', (store) => store.delete('/k', { ifModRevision: 1 })],
  ['delete ifValue', (store) => store.delete('/k', { ifValue: 'y' })],
  ['txn that writes if it succeeds', (store) => store.txn({ then: [PUT] })],
  ['txn that writes if it fails', (store) => store.txn({ else: [DELETE] })],
  ['txn with a write inside another', (store) => store.txn({ then: [nested(nested(DELETE))] })],
  ['compact', (store) => store.compact(1)],
  ['leases.grant', (store) => store.leases.grant(60)],
  ['leases.revoke', (store) => store.leases.revoke('1')],
  ['leases.keepAlive', (store) => store.leases.keepAlive('1')],
];

/** A driver that takes everything, so that what is refused is refused by the view, and that notes what reaches it. */
class TakesAll extends ScriptDriver {
  readonly leases = {
    grant: () => this.#note({ id: '1', ttl: 60 }),
    revoke: () => this.#note(undefined),
    keepAlive: () => this.#note({ id: '1', ttl: 60 }),
    timeToLive: () => this.#note({ id: '1', ttl: 60, grantedTtl: 60 }),
    list: () => this.#note(['1']),
  };

  constructor() {
    super({ leases: true, leaseListing: true, ttl: true });
  }

  txn() {
    return this.#note({ succeeded: true, revision: 1 as never, results: [] });
  }

  compact() {
    return this.#note(undefined);
  }

  #note<T>(answer: T): Promise<T> {
    this.calls.push(['noted']);
    return Promise.resolve(answer);
  }
}

describe('a read-only view', () => {
  test.each(WRITES)('refuses %s before anything is sent', async (_name, write) => {
    const driver = new TakesAll();
    const error = await thrown(() => write(readOnly(createStore(driver))));
    expect(error).toMatchObject({ code: 'permission-denied', retryable: false });
    expect(error.message).toContain('read-only');
    expect(driver.calls).toEqual([]);
  });

  test.each(WRITES.filter(([name]) => !name.includes('keepAlive')))(
    'says that %s was not applied',
    async (_name, write) => {
      expect(await thrown(() => write(readOnly(createStore(new TakesAll()))))).toMatchObject({
        outcome: 'not-applied',
      });
    },
  );

  test('is not got around by a view of the view, nor is a view of a prefix by it', async () => {
    const driver = new TakesAll();
    const store = createStore(driver);
    for (const view of [withPrefix(readOnly(store), '/app'), readOnly(withPrefix(store, '/app'))]) {
      for (const [, write] of WRITES.filter(([name]) => name !== 'compact'))
        expect(await thrown(() => write(view))).toMatchObject({ code: 'permission-denied' });
    }
    expect(driver.calls).toEqual([]);
  });

  test('reads as the store does, a past revision and a lease too', async () => {
    await using store = memoryStore();
    const { revision } = await store.put('/a', '1');
    const lease = await store.leases.grant(60);
    await store.put('/b', '2', { lease: lease.id });
    await using view = readOnly(store);
    expect([view.name, view.capabilities]).toEqual([store.name, store.capabilities]);
    expect(await view.get('/b')).toEqual(await store.get('/b'));
    expect(await view.list({ prefix: '/' }, { revision })).toEqual(await store.list({ prefix: '/' }, { revision }));
    expect(await view.leases.timeToLive(lease.id, { keys: true })).toMatchObject({ keys: ['/b'] });
    expect(await view.leases.list()).toEqual([lease.id]);
    expect(await view.status()).toEqual(await store.status());
    for await (const page of view.scan({ prefix: '/' })) expect([page.length, page.key(1)]).toEqual([2, '/b']);
  });

  test('lets a transaction pass that only reads, nested ones too', async () => {
    await using store = memoryStore();
    await store.put('/a', '1');
    const get: Op = { type: 'get', key: '/a' };
    const { succeeded, results } = await readOnly(store).txn({
      if: [{ key: '/a', target: 'value', op: '=', value: '1' }],
      then: [get, nested(get), { type: 'list', range: { prefix: '/' } }],
      else: [nested(get)],
    });
    expect(succeeded).toBe(true);
    expect(results.map(({ type }) => type)).toEqual(['get', 'txn', 'list']);
  });

  test('watches what others write', async () => {
    await using store = memoryStore();
    await using view = readOnly(store);
    const watch = view.watch({ prefix: '/' });
    const after = await watch.ready;
    const { revision } = await store.put('/a', '1');
    const batches: WatchBatch[] = [];
    for await (const batch of watch) {
      batches.push(batch);
      if (batch.kind === 'events') break;
    }
    expect(after.revision).toBe(revision - 1);
    expect(batches.at(-1)?.bookmark.revision).toBe(revision);
  });

  test('refuses wrong arguments as such, so that a mistake is not taken for a missing right', async () => {
    const view = readOnly(memoryStore());
    expect(await thrown(() => view.put('', 'x'))).toMatchObject({ code: 'invalid-argument' });
    expect(await thrown(() => view.put('/a', 'x', { ifAbsnt: true } as never))).toMatchObject({
      code: 'invalid-argument',
    });
  });

  test('closes alone, unless it owns the store', async () => {
    const store = memoryStore();
    const view = readOnly(store);
    const watch = view.watch({ prefix: '/' });
    await watch.ready;
    await view.close();
    expect(await thrown(() => view.get('/a'))).toMatchObject({ code: 'closed' });
    expect(watch.state.status).toBe('closed');
    await store.put('/a', '1');
    await readOnly(store, { owned: true }).close();
    expect(await thrown(() => store.get('/a'))).toMatchObject({ code: 'closed' });
  });
});
