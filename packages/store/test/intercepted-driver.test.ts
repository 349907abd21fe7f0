import { describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { StoreError, type ConfigStore } from '@holdfast/store';
import { createStore, InterceptedDriver, type DriverCall, type DriverRequest } from '@holdfast/store/adapter';

/** Tells of each call, and makes it or not. */
class Gate extends InterceptedDriver {
  readonly passed: string[] = [];
  isShut = false;

  protected override intercept<T>(kind: 'read' | 'write', call: DriverCall, request: DriverRequest<T>): Promise<T> {
    this.passed.push(kind);
    if (this.isShut) return Promise.reject(new StoreError('unavailable', 'the gate is shut'));
    return request(this.direct, call);
  }
}

const calls: readonly (readonly [string, 'read' | 'write', (store: ConfigStore) => Promise<unknown>])[] = [
  ['get', 'read', (store) => store.get('a')],
  ['list', 'read', (store) => store.list({ prefix: '' })],
  ['status', 'read', (store) => store.status()],
  ['put', 'write', (store) => store.put('a', 'x')],
  ['put with a guard', 'write', (store) => store.put('new', 'x', { ifAbsent: true })],
  ['delete', 'write', (store) => store.delete('none')],
  ['delete with a guard', 'write', (store) => store.delete('none', { ifModRevision: 1 })],
  ['txn', 'write', (store) => store.txn({ then: [{ type: 'put', key: 'b', value: 'y' }] })],
  ['compact', 'write', async (store) => store.compact((await store.put('a', 'z')).revision)],
  ['leases.grant', 'write', (store) => store.leases.grant(60)],
  ['leases.list', 'read', (store) => store.leases.list()],
];

describe('a driver whose calls all pass one place', () => {
  test.each(calls)('makes %s there', async (_name, kind, call) => {
    await using below = memoryStore();
    const gate = new Gate(below);
    await using store = createStore(gate);
    await call(store);
    expect(gate.passed.at(-1)).toBe(kind);
  });

  test.each(calls)('fails %s there, and nothing comes of it', async (_name, _kind, call) => {
    await using below = memoryStore();
    const gate = new Gate(below);
    gate.isShut = true;
    await using store = createStore(gate);
    await expect(call(store)).rejects.toMatchObject({ code: 'unavailable' });
    const { items } = await below.list({ prefix: '' });
    expect([items, await below.leases.list()]).toEqual([[], []]);
  });
});
