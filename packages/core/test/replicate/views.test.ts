// Views of stores as the source and the target of replicate().
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { type ConfigStore, fenced, readOnly, withPrefix } from '@holdfast/store';
import { DelegatingDriver, GuardedStore } from '@holdfast/store/adapter';
import { migrate, replicate } from '../../src/replicate/index.js';
import { FROM, held, pair, type Pair, TO } from './support.js';

const FENCE = '/fence';

/** The same store again, as by another connection to its server: nothing tells that it is the same. */
function openedAgain(store: ConfigStore): ConfigStore {
  return new GuardedStore(Object.defineProperty(new DelegatingDriver(store), 'view', { value: undefined }));
}

let world: Pair;
let viewed: Pair | undefined;

beforeEach(() => {
  world = pair();
});

afterEach(async () => {
  await viewed?.close();
  viewed = undefined;
  await world.close();
});

/** Moves the clock of both stores, while the source's lease is renewed. */
async function pass(seconds: number, lease: string): Promise<void> {
  for (let n = 0; n < seconds * 2; n += 1) {
    await world.source.leases.keepAlive(lease);
    await world.clock.advance(500);
  }
}

/** Copies, follows through a change, a deletion and a lease, starts again, and repairs. The stores are as the views show them. */
async function carry(source: ConfigStore, target: ConfigStore, shown: { from: string; to: string }): Promise<void> {
  viewed = pair({ source, target, clock: world.clock });
  const { run } = viewed;
  const { source: data, target: copies } = world;
  const { from, to } = shown;
  const lease = await data.leases.grant(6);
  await data.put(`${from}1`, 'one');
  await data.put(`${from}2`, 'two', { lease: lease.id });
  await data.put(`${from}3`, 'three');
  const first = await viewed.start();
  await data.txn({
    then: [
      { type: 'put', key: `${from}1`, value: 'changed' },
      { type: 'delete', range: { key: `${from}3` } },
    ],
  });
  await run(first.sync());
  await pass(10, lease.id);
  expect(await held(copies, to)).toEqual({ 1: 'changed', 2: 'two' });
  await run(first.close());
  const second = await viewed.start();
  await copies.leases.revoke((await copies.get(`${to}2`))?.lease ?? '');
  await pass(4, lease.id);
  await data.delete(`${from}1`);
  await run(second.sync());
  expect(await held(copies, to)).toEqual({ 2: 'two' });
  expect(second.conflicts()).toEqual([]);
}

describe('the source is a view', () => {
  it('of a part of a store', async () => {
    await world.source.put('/a/outside', 'x');
    await carry(withPrefix(world.source, '/app'), world.target, { from: '/app/a/', to: TO });
  });

  it('that can only be read', async () => {
    await carry(readOnly(world.source), world.target, { from: FROM, to: TO });
  });

  it('that is fenced', async () => {
    await world.source.put(FENCE, 'up');
    await carry(fenced(world.source, { key: FENCE }), world.target, { from: FROM, to: TO });
  });
});

describe('the target is a view', () => {
  it('of a part of a store', async () => {
    await world.target.put('/b/outside', 'x');
    await carry(world.source, withPrefix(world.target, '/app'), { from: FROM, to: '/app/b/' });
    const { items } = await world.target.list({ prefix: '' }, { keysOnly: true });
    expect(items.filter(({ key }) => !key.startsWith('/app/')).map(({ key }) => key)).toEqual(['/b/outside']);
  });

  it('of a view of a part of a store', async () => {
    const view = fenced(withPrefix(withPrefix(world.target, '/app'), '/eu'), { key: FENCE });
    await carry(world.source, view, { from: FROM, to: '/app/eu/b/' });
  });

  it('that can be fenced', async () => {
    await carry(world.source, fenced(world.target, { key: FENCE }), { from: FROM, to: TO });
  });

  it('that can be fenced: it ends when it is, with what to do, and goes on when it is not', async () => {
    const { source, target } = world;
    const view = fenced(target, { key: FENCE });
    viewed = pair({ source, target: view, clock: world.clock });
    const { run } = viewed;
    const following = await viewed.start();
    await target.put(FENCE, 'up');
    await source.put('/a/4', 'late');
    const error = { code: 'conflict', message: expect.stringMatching(/fenced.*"\/fence"/) };
    await expect(run(following.sync())).rejects.toMatchObject(error);
    expect(following.state).toMatchObject({ status: 'stopped', error });
    await expect(viewed.start()).rejects.toMatchObject(error);
    expect(await held(target, TO)).toEqual({});
    await target.delete(FENCE);
    await viewed.start();
    expect(await held(target, TO)).toEqual({ 4: 'late' });
  });

  it('that can be fenced, of a store with small transactions', async () => {
    const small = memoryStore({ clock: world.clock, maxTxnOperations: 6 });
    viewed = pair({ source: world.source, target: fenced(small, { key: FENCE }), clock: world.clock });
    const { run } = viewed;
    const replication = await viewed.start();
    const keys = Array.from({ length: 9 }, (_, n) => `/a/${n}`);
    await world.source.txn({ then: keys.map((key) => ({ type: 'put', key, value: 'x' })) });
    await run(replication.sync());
    expect(Object.keys(await held(small, TO))).toHaveLength(9);
    await run(replication.close());
    await small.close();
  });

  it('that can only be read: it is refused at once', async () => {
    const { source, target, clock } = world;
    await source.put('/a/1', 'one');
    viewed = pair({ source, target: readOnly(target), clock });
    const before = clock.now();
    await expect(viewed.start()).rejects.toMatchObject({ code: 'permission-denied' });
    expect(clock.now() - before).toBeLessThan(1_000);
    expect((await target.list({ prefix: '' })).items).toEqual([]);
  });
});

describe('two views of one store', () => {
  it('are refused where the copy would be copied', async () => {
    const { source } = world;
    const start = (from: ConfigStore, to: ConfigStore, prefix: string, targetPrefix: string) =>
      replicate(from, to, { prefix, targetPrefix, name: 'test', clock: world.clock });
    const refused = { code: 'invalid-argument', message: expect.stringMatching(/overlaps/) };
    await source.put('/a/1', 'one');
    await expect(start(source, withPrefix(source, '/a'), FROM, '/b/')).rejects.toMatchObject(refused);
    await expect(start(withPrefix(source, '/a'), readOnly(source), '/', '/a/')).rejects.toMatchObject(refused);
    await expect(start(readOnly(source), fenced(source, { key: FENCE }), FROM, '/a/copy/')).rejects.toMatchObject(
      refused,
    );
    await expect(start(source, source, '/holdfast/', '/a/')).rejects.toMatchObject(refused);
    expect((await source.list({ prefix: '' })).count).toBe(1);
  });

  it('are copied where they are apart', async () => {
    const { source } = world;
    await source.put('/x/a/1', 'one');
    viewed = pair({ source: withPrefix(source, '/x'), target: withPrefix(source, '/y'), clock: world.clock });
    await viewed.start({ targetPrefix: FROM });
    expect(await held(source, '/y/a/')).toEqual({ 1: 'one' });
  });

  it('are refused by every step of a migration too', async () => {
    const { source, clock } = world;
    await source.put('/a/1', 'one');
    const before = (await source.list({ prefix: '' })).bookmark.revision;
    const move = (from: ConfigStore, to: ConfigStore, targetPrefix: string, fenceKey = FENCE) =>
      migrate(from, to, { prefix: FROM, targetPrefix, name: 'move', fenceKey, clock });
    const refused = (message: RegExp) =>
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(message) });
    const view = withPrefix(source, '/a');
    expect(() => move(source, view, '/b/')).toThrow(refused(/overlaps/));
    expect(() => move(readOnly(source), view, '/sub/')).toThrow(refused(/overlaps/));
    expect(() => move(fenced(source, { key: FENCE }), withPrefix(source, '/x'), '/b/')).not.toThrow();
    // The fences of both would be one.
    expect(() => move(source, fenced(source, { key: FENCE }), '/b/')).toThrow(refused(/two stores/));
    expect(() => move(source, withPrefix(source, '/x'), '/b/', '/a/fence')).toThrow(refused(/fenceKey/));
    expect(() => move(source, withPrefix(source, '/x'), '/b/', '/b/fence')).toThrow(refused(/fenceKey/));
    expect(() => move(source, withPrefix(source, '/f'), '/b/', '/f/b/fence')).toThrow(refused(/fenceKey/));
    expect((await source.list({ prefix: '' })).bookmark.revision).toBe(before);
  });

  it('are refused where the store was opened twice, and nothing of the copy is left', async () => {
    const { source, clock, run } = world;
    await source.put('/a/1', 'one');
    const again = openedAgain(source);
    const refused = { code: 'invalid-argument', message: expect.stringMatching(/same store.*overlaps/) };
    // It would have no end.
    const mapKey = (key: string) => (key.length < 30 ? key : undefined);
    const options = { prefix: FROM, targetPrefix: '/a/copy/', name: 'test', mapKey, clock };
    await expect(run(replicate(source, again, options))).rejects.toMatchObject(refused);
    const moving = migrate(fenced(source, { key: FENCE }), withPrefix(again, '/a'), {
      ...options,
      targetPrefix: '/sub/',
    });
    for (const step of ['copy', 'verify', 'cutOver'] as const) {
      await expect(run<unknown>(moving[step]())).rejects.toMatchObject(refused);
    }
    expect(await held(source, '')).toEqual({ '/a/1': 'one' });
    await again.close();
  });

  it('are refused where a migration is gone on with, its target being the source by now', async () => {
    const { source, target, clock, run } = world;
    await source.put('/a/1', 'one');
    const options = { prefix: FROM, targetPrefix: FROM, name: 'move', clock };
    const first = migrate(source, target, options);
    await run(first.copy());
    await first.close();
    const again = openedAgain(target);
    const resumed = migrate(target, again, { ...options, acceptHistory: true });
    await expect(run(resumed.copy())).rejects.toMatchObject({ message: expect.stringMatching(/same store/) });
    expect(await held(target, FROM)).toEqual({ 1: 'one' });
    expect((await target.get('/a/1'))?.version).toBe(1);
    await again.close();
  });

  it('are copied where they are apart, though the store was opened twice', async () => {
    const { source } = world;
    await source.put('/a/1', 'one');
    const again = openedAgain(source);
    viewed = pair({ source, target: again, clock: world.clock });
    await viewed.start();
    expect(await held(source, TO)).toEqual({ 1: 'one' });
    await again.close();
  });
});
