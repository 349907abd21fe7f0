import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import type { ListResult } from '@holdfast/store';
import {
  DelegatingDriver,
  type DriverCall,
  type DriverListOptions,
  GuardedStore,
  type KeyRange,
} from '@holdfast/store/adapter';
import { held, pair, type Pair, TO } from './support.js';

let world: Pair;
let other: MemoryStore;

beforeEach(() => {
  world = pair();
  other = memoryStore({ clock: world.clock, identity: 'other' });
});

afterEach(async () => {
  await world.close();
  await other.close();
});

/** Copies three keys, and ends. */
async function copied(): Promise<void> {
  const { source, run } = world;
  for (const key of ['1', '2', '3']) await source.put(`/a/${key}`, 'x');
  const replication = await world.start();
  await run(replication.close());
}

describe('a source with another history', () => {
  it('deletes nothing while it was down, until that is accepted', async () => {
    const { target, run } = world;
    await copied();
    // As many keys, as many revisions: only the identity tells.
    for (const key of ['7', '8', '9']) await other.put(`/a/${key}`, 'new');
    const second = pair({ source: other, target });
    const error = { code: 'history-changed', message: expect.stringMatching(/acceptHistory: true/) };
    await expect(second.start()).rejects.toMatchObject(error);
    expect(await held(target, TO)).toEqual({ 1: 'x', 2: 'x', 3: 'x' });
    const replication = await second.start({ acceptHistory: true });
    expect(await held(target, TO)).toEqual({ 7: 'new', 8: 'new', 9: 'new' });
    await run(replication.close());
    await second.close();
  });

  it('deletes nothing while it follows, until that is accepted', async () => {
    const { source, target, run } = world;
    await source.put('/a/1', 'old');
    await source.put('/a/2', 'old');
    const saved = source.snapshot();
    await source.put('/a/3', 'newer');
    const replication = await world.start();
    source.restore(saved, { identity: 'new' });
    await expect(run(replication.sync())).rejects.toMatchObject({ code: 'history-changed' });
    expect(replication.state).toMatchObject({ status: 'stopped', error: { code: 'history-changed' } });
    expect(await held(target, TO)).toEqual({ 1: 'old', 2: 'old', 3: 'newer' });
    await world.start({ acceptHistory: true });
    expect(await held(target, TO)).toEqual({ 1: 'old', 2: 'old' });
  });

  it('follows it at once where it was accepted beforehand', async () => {
    const { source, target, run } = world;
    await source.put('/a/1', 'old');
    const saved = source.snapshot();
    await source.put('/a/3', 'newer');
    const replication = await world.start({ acceptHistory: true });
    source.restore(saved, { identity: 'new' });
    await source.put('/a/4', 'after');
    await run(replication.sync());
    expect(await held(target, TO)).toEqual({ 1: 'old', 4: 'after' });
  });

  it('notices one of the same identity that has overtaken the bookmark', async () => {
    const { target } = world;
    await copied();
    const twin = memoryStore({ clock: world.clock, identity: 'source' });
    for (let n = 0; n < 20; n += 1) await twin.put('/c/1', `${n}`);
    await twin.put('/a/1', 'x');
    const second = pair({ source: twin, target });
    await expect(second.start()).rejects.toMatchObject({ code: 'history-changed' });
    const { revision } = await twin.put('/a/2', 'x');
    await twin.compact(revision);
    await expect(second.start()).rejects.toMatchObject({ code: 'history-changed' });
    expect(await held(target, TO)).toEqual({ 1: 'x', 2: 'x', 3: 'x' });
    await second.close();
    await twin.close();
  });

  it('notices one that is put in its place while it starts', async () => {
    const { source, target } = world;
    const empty = source.snapshot();
    await copied();
    class Restored extends DelegatingDriver {
      override async list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
        // The mirror has read it by then.
        if (options.countOnly === true && options.revision !== undefined) source.restore(empty, { identity: 'new' });
        return super.list(range, options, call);
      }
    }
    const second = pair({ source: new GuardedStore(new Restored(source)), target });
    await expect(second.start()).rejects.toMatchObject({ code: 'history-changed' });
    expect(await held(target, TO)).toEqual({ 1: 'x', 2: 'x', 3: 'x' });
    await second.close();
  });
});
