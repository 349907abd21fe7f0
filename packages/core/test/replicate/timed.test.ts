// Keys that end by themselves, in stores without leases, such as etcd v2.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import type { Clock, ConfigStore, GuardedDeleteResult } from '@holdfast/store';
import {
  DelegatingDriver,
  type DriverCall,
  type DriverDeleteOptions,
  type DriverGuard,
  GuardedStore,
  sleep,
} from '@holdfast/store/adapter';
import { type Migration, migrate } from '../../src/replicate/index.js';
import { faultyStore, type Faults } from './faulty-store.js';
import { FROM, held, pair, type Pair, TO } from './support.js';
import { timedStore } from './timed-store.js';

/** A store whose deletions take a second. */
class SlowDeletions extends DelegatingDriver {
  readonly #clock: Clock;

  constructor(store: ConfigStore, clock: Clock) {
    super(store);
    this.#clock = clock;
  }

  override async guardedDelete(
    key: string,
    guard: DriverGuard,
    options: DriverDeleteOptions,
    call: DriverCall,
  ): Promise<GuardedDeleteResult> {
    await sleep(this.#clock, 1_000, call.signal);
    return super.guardedDelete(key, guard, options, call);
  }
}

let world: Pair;
let data: MemoryStore;
/** Has times to live, and no leases. */
let timed: ConfigStore;
let faults: Faults;
const open: Migration[] = [];

beforeEach(() => {
  world = pair();
  data = memoryStore({ clock: world.clock, identity: 'timed' });
  const faulty = faultyStore(timedStore(data));
  ({ faults } = faulty);
  timed = faulty.store;
});

afterEach(async () => {
  faults.end();
  await world.run(Promise.all(open.splice(0).map((each) => each.close())));
  await world.close();
  await timed.close();
  await data.close();
});

function migration(source: ConfigStore, target: ConfigStore): Migration {
  const options = { prefix: FROM, targetPrefix: TO, name: 'move', clock: world.clock, random: () => 0.5 };
  const made = migrate(source, target, options);
  open.push(made);
  return made;
}

/** Seconds until a key ends. */
async function left(store: ConfigStore, key: string): Promise<number> {
  const { expiresAt = Infinity } = (await store.get(key)) ?? { expiresAt: 0 };
  return (expiresAt - world.clock.now()) / 1_000;
}

describe('a store with times to live, and without leases', () => {
  it('keeps a key on the way back whose old time runs out meanwhile', async () => {
    const { target, run } = world;
    await timed.put('/a/1', 'one', { ttl: 100 });
    const moving = migration(timed, target);
    await run(moving.cutOver());
    // Renewed where the applications are by now. The old time ends while the way back waits for late writes.
    await target.put('/b/1', 'one', { ttl: 500 });
    expect(await run(moving.retreat())).toMatchObject({ stage: 'retreated', late: [] });
    expect(await held(timed, FROM)).toEqual({ 1: 'one' });
    expect(Math.abs((await left(timed, '/a/1')) - (await left(target, '/b/1')))).toBeLessThanOrEqual(2);
  });

  it('gets a key again whose old time ran out between a read and the write over it', async () => {
    const { target, run, clock } = world;
    await timed.put('/a/1', 'one', { ttl: 100 });
    const moving = migration(timed, target);
    await run(moving.cutOver());
    await target.put('/b/1', 'one', { ttl: 500 });
    let writes = 0;
    // The record, its next state and the mark pass.
    faults.next = (kind) => (kind === 'write' && (writes += 1) === 4 ? 'wait' : 'pass');
    const back = moving.retreat();
    for (let waited = 0; faults.waiting === 0 && waited < 1_000; waited += 20) await clock.advance(20);
    await clock.advance(100_000);
    expect(await data.get('/a/1')).toBeUndefined();
    faults.release();
    expect(await run(back)).toMatchObject({ stage: 'retreated' });
    expect(await held(timed, FROM)).toEqual({ 1: 'one' });
  });

  it('is cut over to with the times that are left, in few writes of the record, and tells of no end as of a late write', async () => {
    const { source, run, clock } = world;
    const short = await source.leases.grant(30);
    await source.put('/a/short', 'short', { lease: short.id });
    for (let n = 0; n < 40; n += 1) await source.put(`/a/${n}`, `${n}`, { ttl: 300 + n });
    const moving = migration(source, timed);
    await run(moving.copy());
    const written: number[] = [];
    const { bookmark: after } = await data.list({ prefix: '' });
    await using watch = data.watch({ key: '/holdfast/replicate/move' }, { after });
    const reading = (async () => {
      for await (const { events } of watch) written.push(...events.map(({ revision }) => revision));
    })();
    // `short` ends while it is fenced.
    expect(await run(moving.cutOver())).toMatchObject({ stage: 'cut-over', late: [] });
    await watch.close();
    await reading;
    expect(written.length).toBeLessThan(10);
    expect(Object.keys(await held(timed, TO))).toHaveLength(40);
    for (let n = 0; n < 40; n += 1)
      expect(Math.abs((await left(timed, `/b/${n}`)) - (await left(source, `/a/${n}`)))).toBeLessThanOrEqual(2);
    await clock.advance(400_000);
    expect(await held(timed, TO)).toEqual({});
  });

  it('lets nothing live on that ends while the times to live are set on the way back', async () => {
    const { target, run, clock } = world;
    const moving = migration(new GuardedStore(new SlowDeletions(timed, clock)), target);
    await run(moving.cutOver());
    // More than are set at once, and the last one ends meanwhile.
    for (let n = 100; n < 180; n += 1) await target.put(`/b/${n}`, `${n}`, { ttl: 500 });
    await target.put('/b/ending', 'ends', { ttl: 90 });
    const fenced = clock.now();
    faults.next = (kind) => (kind === 'write' && clock.now() >= fenced + 60_000 ? 'wait' : 'pass');
    const back = moving.retreat();
    while (faults.waiting === 0 && clock.now() < fenced + 70_000) await clock.advance(200);
    await clock.advance(40_000);
    expect(await target.get('/b/ending')).toBeUndefined();
    faults.end();
    expect(await run(back)).toMatchObject({ stage: 'retreated' });
    await clock.advance(2_000);
    expect(await timed.get('/a/ending')).toBeUndefined();
    expect(Object.keys(await held(timed, FROM))).toHaveLength(80);
  });

  it('leaves a key of others that ends, though it has the same value', async () => {
    const { source, run } = world;
    await source.put('/a/1', 'same');
    await timed.put('/b/1', 'same', { ttl: 100 });
    const moving = migration(source, timed);
    expect(await run(moving.plan())).toMatchObject({ conflicts: [{ key: '/a/1', reason: 'exists' }] });
    await expect(run(moving.copy())).rejects.toMatchObject({ conflicts: [{ key: '/a/1', reason: 'exists' }] });
    expect(await left(timed, '/b/1')).toBeLessThanOrEqual(100);
  });
});
