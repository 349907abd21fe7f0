// The times to live at a cut over, on a machine or a network that takes its time.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import type { ConfigStore, LeaseId, TxnResult } from '@holdfast/store';
import {
  DelegatingDriver,
  type DriverCall,
  type DriverLeases,
  type DriverTxn,
  GuardedStore,
  sleep,
} from '@holdfast/store/adapter';
import type { VirtualClock } from '@holdfast/testkit';
import { type Migration, migrate } from '../../src/replicate/index.js';
import { FROM, pair, type Pair, TO } from './support.js';
import { timedStore } from './timed-store.js';

/** How long calls take, in milliseconds. Those about a lease: how long the answer takes, or the request. */
interface Delays {
  txn?: number;
  keepAlive?: number;
  timeToLive?: (id: LeaseId) => number;
}

class SlowStore extends DelegatingDriver {
  override readonly leases: DriverLeases;
  readonly #clock: VirtualClock;
  readonly #delays: Delays;

  constructor(store: ConfigStore, clock: VirtualClock, delays: Delays) {
    super(store);
    this.#clock = clock;
    this.#delays = delays;
    const leases = this.delegateLeases(store);
    this.leases = {
      ...leases,
      keepAlive: async (id, call) => {
        await this.#wait(delays.keepAlive, call);
        return leases.keepAlive(id, call);
      },
      timeToLive: async (id, options, call) => {
        const status = await leases.timeToLive(id, options, call);
        await this.#wait(delays.timeToLive?.(id), call);
        return status;
      },
    };
  }

  override async txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    await this.#wait(this.#delays.txn, call);
    return super.txn(txn, call);
  }

  async #wait(ms = 0, { signal }: DriverCall): Promise<void> {
    if (ms > 0) await sleep(this.#clock, ms, signal);
  }
}

let world: Pair;
let data: MemoryStore;
let delays: Delays;
const open: Migration[] = [];

beforeEach(() => {
  world = pair();
  data = memoryStore({ clock: world.clock, identity: 'data' });
  delays = {};
});

afterEach(async () => {
  delays = Object.assign(delays, { txn: 0, keepAlive: 0, timeToLive: undefined });
  await world.run(Promise.all(open.splice(0).map((each) => each.close())));
  await world.close();
  await data.close();
});

function migration(source: ConfigStore, target: ConfigStore, drainMs: number): Migration {
  const options = { prefix: FROM, targetPrefix: TO, name: 'move', drainMs, clock: world.clock, random: () => 0.5 };
  const made = migrate(source, target, options);
  open.push(made);
  return made;
}

const slow = (store: ConfigStore) => new GuardedStore(new SlowStore(store, world.clock, delays));

/** When a key ends, in seconds from now. */
async function left(store: ConfigStore, key: string): Promise<number> {
  const item = await store.get(key);
  if (item?.lease !== undefined) return (await store.leases.timeToLive(item.lease)).ttl;
  return ((item?.expiresAt ?? Infinity) - world.clock.now()) / 1_000;
}

/** By how much a copy ends later than its original, in seconds: a lease tells whole ones, rounded up. */
const later = async (target: ConfigStore, name: string) =>
  (await left(target, TO + name)) - (await left(world.source, FROM + name));

const names = Array.from({ length: 40 }, (_, n) => String(n).padStart(2, '0'));

describe('the times to live after a cut over', () => {
  it.each([
    ['writes are slow', { txn: 500 }, 1_000],
    ['renewals are slow', { keepAlive: 10_000 }, 6_000],
    ['the renewal of a full lease is slow', { keepAlive: 5_000 }, 500],
  ])('are those of the source, although %s, and leases are kept alive beside', async (_, slowly, drainMs) => {
    const { source, target, run, clock } = world;
    for (const name of names) await source.put(FROM + name, name, { ttl: 300 });
    const moving = migration(source, slow(target), drainMs);
    await run(moving.copy());
    // Each 100 s the leases of the target are kept alive: soon after it has begun.
    await clock.advance(194_000);
    // Every fourth lease is full.
    for (const name of names.filter((_, n) => n % 4 === 0)) await source.put(FROM + name, name, { ttl: 300 });
    await run(moving.copy());
    Object.assign(delays, slowly);
    expect(await run(moving.cutOver())).toMatchObject({ stage: 'cut-over', late: [] });
    for (const name of names) {
      expect(await later(target, name)).toBeGreaterThan(-1);
      expect(await later(target, name)).toBeLessThanOrEqual(2);
    }
  });

  it('are off by no more than the read of a lease took, and never sooner', async () => {
    const { source, run } = world;
    const timed = timedStore(data);
    const quick = await source.leases.grant(300);
    await source.put('/a/00', 'first', { lease: quick.id });
    for (const name of names.slice(1, 39)) await source.put(FROM + name, name, { ttl: 300 });
    await source.put('/a/39', 'last', { lease: quick.id });
    const moving = migration(slow(source), timed, 1_000);
    await run(moving.copy());
    delays.timeToLive = (id) => (id === quick.id ? 0 : 10_000);
    expect(await run(moving.cutOver())).toMatchObject({ stage: 'cut-over', late: [] });
    for (const name of names) {
      expect(await later(timed, name)).toBeGreaterThan(-1);
      expect(await later(timed, name)).toBeLessThanOrEqual(name === '00' || name === '39' ? 2 : 12);
    }
    await timed.close();
  });
});
