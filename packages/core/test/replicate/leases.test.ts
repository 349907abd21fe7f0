import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { held, pair, type Pair, TO } from './support.js';

let world: Pair;

beforeEach(() => {
  world = pair();
});

afterEach(async () => {
  await world.close();
});

/** Moves the clock by small steps, while the source's leases are renewed. */
async function pass(seconds: number, renew: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
  for (let n = 0; n < seconds * 2; n += 1) {
    await renew();
    await world.clock.advance(500);
  }
}

describe('leased keys', () => {
  it('live in the target under a lease of the same id as long as in the source, and end with it', async () => {
    const { source, target, run } = world;
    const lease = await source.leases.grant(10);
    await source.put('/a/1', 'one', { lease: lease.id });
    const replication = await world.start();
    await source.put('/a/2', 'two', { lease: lease.id });
    await source.put('/a/3', 'for ever');
    await run(replication.sync());
    const { items } = await target.list({ prefix: TO });
    expect(items.map((item) => item.lease)).toEqual([lease.id, lease.id, undefined]);
    // Renewing makes no event, and yet the target's keys live.
    await pass(60, () => source.leases.keepAlive(lease.id));
    expect(Object.keys(await held(target, TO))).toEqual(['1', '2', '3']);
    await pass(15);
    await run(replication.sync());
    expect(Object.keys(await held(target, TO))).toEqual(['3']);
    expect(await target.leases.list()).toEqual([]);
  });

  it('get another lease where the id is taken', async () => {
    const { source, target } = world;
    const lease = await source.leases.grant(10);
    await source.put('/a/1', 'one', { lease: lease.id });
    await target.leases.grant(100, { id: lease.id });
    await target.put('/theirs', 'x', { lease: lease.id });
    await world.start();
    const copy = await target.get('/b/1');
    expect(copy?.lease).toBeDefined();
    expect(copy?.lease).not.toBe(lease.id);
  });

  it('move between leases with the source', async () => {
    const { source, target, run } = world;
    const one = await source.leases.grant(10);
    const two = await source.leases.grant(20);
    await source.put('/a/1', 'x', { lease: one.id });
    const replication = await world.start();
    await source.put('/a/1', 'x', { lease: two.id });
    await run(replication.sync());
    expect((await target.get('/b/1'))?.lease).toBe(two.id);
    await source.put('/a/1', 'x');
    await run(replication.sync());
    expect((await target.get('/b/1'))?.lease).toBeUndefined();
    expect(await target.leases.list()).toEqual([]);
  });

  it('are there again after the replicator was down for longer than they live', async () => {
    const { source, target, run } = world;
    const lease = await source.leases.grant(5);
    await source.put('/a/1', 'one', { lease: lease.id });
    const first = await world.start();
    await run(first.close());
    await pass(30, () => source.leases.keepAlive(lease.id));
    expect(await held(target, TO)).toEqual({});
    const second = await world.start();
    expect((await target.get('/b/1'))?.lease).toBe(lease.id);
    expect(second.conflicts()).toEqual([]);
  });

  it('are there again after the target was cut off for longer than they live', async () => {
    const { source, target, targetFaults, run } = world;
    const lease = await source.leases.grant(5);
    await source.put('/a/1', 'one', { lease: lease.id });
    const replication = await world.start();
    targetFaults.next = () => 'lost';
    await pass(30, () => source.leases.keepAlive(lease.id));
    expect(await held(target, TO)).toEqual({});
    targetFaults.end();
    await pass(5, () => source.leases.keepAlive(lease.id));
    await source.put('/a/2', 'two', { lease: lease.id });
    await run(replication.sync());
    expect(await held(target, TO)).toEqual({ 1: 'one', 2: 'two' });
    expect(replication.state.status).toBe('following');
  });

  it('are written once, and not ahead of their transaction, when their lease ran out', async () => {
    const { source, target, targetFaults, run } = world;
    const [short, long] = [await source.leases.grant(5), await source.leases.grant(60)];
    await source.put('/a/1', 'one', { lease: short.id });
    const replication = await world.start();
    targetFaults.next = () => 'lost';
    await source.put('/a/0', 'waits');
    await pass(10, () => source.leases.keepAlive(short.id));
    await source.txn({
      then: [
        { type: 'put', key: '/a/1', value: 'two', lease: long.id },
        { type: 'put', key: '/a/2', value: 'two' },
      ],
    });
    targetFaults.end();
    await pass(10);
    await run(replication.sync());
    const { items } = await target.list({ prefix: TO });
    expect(items.map(({ key, version }) => [key, version])).toEqual([
      ['/b/0', 1],
      ['/b/1', 1],
      ['/b/2', 1],
    ]);
    expect(new Set(items.slice(1).map(({ modRevision }) => modRevision)).size).toBe(1);
  });
});
