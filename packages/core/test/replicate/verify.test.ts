// Comparing both stores while applications write: what changes between two reads is no difference.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ConfigStore, KeyValue, ListResult } from '@holdfast/store';
import {
  DelegatingDriver,
  type DriverCall,
  type DriverGetOptions,
  type DriverListOptions,
  GuardedStore,
  type KeyRange,
} from '@holdfast/store/adapter';
import { migrate, type Migration, type Verification } from '../../src/replicate/index.js';
import { FROM, pair, type Pair, TO } from './support.js';

/** A store at which something happens before and after a read. */
class WatchedReads extends DelegatingDriver {
  beforeList: (() => Promise<void>) | undefined;
  aroundGet: ((key: string, read: () => Promise<KeyValue | undefined>) => Promise<KeyValue | undefined>) | undefined;

  override async list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    if (range.contains(TO)) await this.beforeList?.();
    return super.list(range, options, call);
  }

  override async get(key: string, options: DriverGetOptions, call: DriverCall): Promise<KeyValue | undefined> {
    const read = () => super.get(key, options, call);
    return this.aroundGet === undefined ? read() : this.aroundGet(key, read);
  }
}

let world: Pair;
let reads: WatchedReads;
let moving: Migration;

beforeEach(async () => {
  world = pair();
  const { source, target, clock, run } = world;
  reads = new WatchedReads(target);
  moving = migrate(source, new GuardedStore(reads), {
    prefix: FROM,
    targetPrefix: TO,
    name: 'move',
    clock,
    random: () => 0.5,
  });
  await source.put('/a/1', 'one');
  await source.put('/a/2', 'two');
  await run(moving.copy());
});

afterEach(async () => {
  await world.run(moving.close());
  await world.close();
});

/** Waits until the target has a key, or has it no more. */
async function arrived(store: ConfigStore, key: string, isThere: boolean): Promise<void> {
  while (((await store.get(key)) !== undefined) !== isThere) await new Promise((done) => setImmediate(done));
}

/** What `verify()` finds if this happens after the source's keys were read, and before the target's are. */
async function verifyAfter(change: () => Promise<void>): Promise<Verification> {
  let isDone = false;
  reads.beforeList = async () => {
    if (isDone) return;
    isDone = true;
    await change();
  };
  const found = await world.run(moving.verify());
  expect(isDone).toBe(true);
  return found;
}

describe('verify(), while applications write', () => {
  it('takes no key that was made between the two reads for a surplus', async () => {
    const { source, target } = world;
    const found = await verifyAfter(async () => {
      await source.put('/a/new', 'x');
      await arrived(target, '/b/new', true);
    });
    expect(found).toMatchObject({ isEqual: true, differences: [] });
  });

  it('takes no copy of a key that the source had for a moment for a surplus', async () => {
    const { source, target } = world;
    let isOver = false;
    reads.aroundGet = async (key, read) => {
      if (key !== '/b/1' || isOver) return read();
      isOver = true;
      await source.put('/a/1', 'for a moment');
      await arrived(target, key, true);
      const copy = await read();
      await source.delete('/a/1');
      return copy;
    };
    const found = await verifyAfter(async () => {
      await source.delete('/a/1');
      await arrived(target, '/b/1', false);
    });
    expect(isOver).toBe(true);
    expect(found).toMatchObject({ isEqual: true, differences: [] });
  });

  it('takes a key of others for no difference where the source has deleted its own', async () => {
    const { source, target } = world;
    const found = await verifyAfter(async () => {
      await source.delete('/a/1');
      await arrived(target, '/b/1', false);
      await target.put('/b/1', 'theirs');
    });
    expect(found).toMatchObject({ isEqual: true, differences: [] });
  });
});
