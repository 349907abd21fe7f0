import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { withPrefix, type ConfigStore, type Range } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { availableEtcds, conformanceCases, runConformance, startEtcd, type Etcd } from '@holdfast/testkit';

// All of them hold nothing. What they come to once '' is the first key is etcd's spelling of "everything".
const NOTHING: readonly Range[] = [
  { start: '', end: '\0' },
  { start: Uint8Array.of(), end: Uint8Array.of(0) },
  { start: '', end: Uint8Array.of(0) },
  { start: '\0', end: '\0' },
  { end: '\0' },
];

describe.each(availableEtcds().map(({ version }) => version))('etcd %s', (version) => {
  let etcd: Etcd;
  let store: ConfigStore;

  beforeAll(async () => {
    etcd = await startEtcd({ version });
    store = etcdV3Store({ endpoints: [...etcd.endpoints] });
  });
  afterAll(async () => {
    await store.close();
    await etcd.close();
  });

  const codeOf = async (call: () => Promise<unknown>) =>
    call().then(
      (result) => result,
      ({ code, outcome }: { code?: string; outcome?: string }) => [code, outcome].filter(Boolean).join(', '),
    );

  test.each(NOTHING)('trap 19: bounds that hold nothing are never sent as everything: %p', async (range) => {
    await store.put('/mine', '1');
    await store.put('/others', '2');
    expect(await codeOf(() => store.delete(range))).toBe('invalid-argument, not-applied');
    expect(await codeOf(() => store.list(range))).toBe('invalid-argument');
    expect(await codeOf(async () => store.scan(range)[Symbol.asyncIterator]().next())).toBe('invalid-argument');
    expect(await codeOf(async () => store.watch(range).ready)).toBe('invalid-argument');
    const compare = { range, target: 'version', op: '>', value: 0 } as const;
    expect(await codeOf(() => store.txn({ if: [compare] }))).toBe('invalid-argument, not-applied');
    expect(await codeOf(() => store.txn({ then: [{ type: 'delete', range }] }))).toBe('invalid-argument, not-applied');
    expect(await codeOf(() => store.txn({ then: [{ type: 'list', range }] }))).toBe('invalid-argument, not-applied');
    const view = withPrefix(store, '/mi');
    expect(await codeOf(() => view.delete(range))).toBe('invalid-argument, not-applied');
    expect((await store.list({ prefix: '' })).items.map(({ key }) => key)).toEqual(['/mine', '/others']);
  });

  test('trap 19: what got past the checks is still not sent', async () => {
    await store.put('/mine', '1');
    // A range as only a bug could make it: its own class says that it was checked.
    const broken = Object.create(KeyRange.prototype, {
      start: { value: Uint8Array.of(0) },
      end: { value: Uint8Array.of(0) },
    }) as unknown as Range;
    expect(await codeOf(() => store.delete(broken))).toBe('internal, not-applied');
    expect(await codeOf(() => store.list(broken))).toBe('internal, not-applied');
    expect(await codeOf(async () => store.watch(broken).ready)).toBe('internal, not-applied');
    expect(await store.get('/mine')).toBeDefined();
  });

  test('random bounds in a view mean what they mean in a store', async () => {
    const backend = {
      open: () => withPrefix(etcdV3Store({ endpoints: [...etcd.endpoints] }), '/view', { owned: true }),
      hooks: {},
    };
    const cases = conformanceCases.filter(({ id }) => id.startsWith('C2.random-bounds'));
    const reports = await runConformance(backend, cases);
    expect(reports.map(({ outcome }) => outcome.status)).toEqual(cases.map(() => 'passed'));
    expect(cases).toHaveLength(4);
  });

  test('bounds that are changed after the call was made are not what is sent', async () => {
    await store.put('/mine', '1');
    const bounds = { start: new Uint8Array(Buffer.from('/x')), end: new Uint8Array(Buffer.from('/y')) };
    const deleting = store.delete(bounds);
    bounds.start.set(Buffer.from('/a'));
    expect((await deleting).deleted).toBe(0);
    expect(await store.get('/mine')).toBeDefined();
  });
});
