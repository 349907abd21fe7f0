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
    const { source, target, targetFaults, run, clock } = world;
    const lease = await source.leases.grant(6);
    await source.put('/a/1', 'one', { lease: lease.id });
    const replication = await world.start();
    let reads = 0;
    targetFaults.next = (kind) => (kind === 'read' && (reads += 1) > 1 ? 'wait' : 'pass');
    await target.leases.revoke(lease.id);
    // The first read tells it that the lease is gone. Then it looks at the target.
    while (targetFaults.waiting < 1) await clock.advance(500);
    await source.txn({
      then: ['/a/1', '/a/2'].map((key) => ({ type: 'put', key, value: 'two', lease: lease.id })),
    });
    await clock.advance(100);
    targetFaults.end();
    await run(replication.sync());
    const { items } = await target.list({ prefix: TO });
    expect(items.map(({ key, version }) => [key, version])).toEqual([
      ['/b/1', 1],
      ['/b/2', 1],
    ]);
    expect(new Set(items.map(({ modRevision }) => modRevision)).size).toBe(1);
  });

  it('are there again, all of them, after a write of one has found their lease gone', async () => {
    const { source, target, run } = world;
    const lease = await source.leases.grant(30);
    for (const key of ['1', '2']) await source.put(`/a/${key}`, 'old', { lease: lease.id });
    const replication = await world.start();
    await target.leases.revoke(lease.id);
    await source.put('/a/2', 'new', { lease: lease.id });
    await run(replication.sync());
    await pass(1);
    expect(await held(target, TO)).toEqual({ 1: 'old', 2: 'new' });
  });

  it('are there again after another replicator has granted their lease anew', async () => {
    const { source, target } = world;
    const lease = await source.leases.grant(6);
    await source.put('/a/1', 'one', { lease: lease.id });
    await world.start();
    await target.leases.revoke(lease.id);
    await target.leases.grant(6, { id: lease.id });
    await pass(3, () => source.leases.keepAlive(lease.id));
    expect(await held(target, TO)).toEqual({ 1: 'one' });
  });

  it('are there again at once where many leases may have run out, and were granted anew', async () => {
    const { source, target, targetFaults } = world;
    const leases = await Promise.all(Array.from({ length: 50 }, () => source.leases.grant(6)));
    for (const [n, { id }] of leases.entries()) await source.put(`/a/${n}`, 'x', { lease: id });
    await world.start();
    const renew = () => Promise.all(leases.map(({ id }) => source.leases.keepAlive(id)));
    targetFaults.next = () => 'lost';
    await pass(8, renew);
    for (const { id } of leases) await target.leases.grant(6, { id });
    targetFaults.end();
    await pass(4, renew);
    expect(Object.keys(await held(target, TO))).toHaveLength(50);
  });

  it('stay as they are while they are there, although their lease may have run out', async () => {
    const { source, target, targetFaults } = world;
    const lease = await source.leases.grant(6);
    await source.put('/a/1', 'one', { lease: lease.id });
    const replication = await world.start();
    targetFaults.next = () => 'lost';
    await pass(10, () => Promise.all([source, target].map((store) => store.leases.keepAlive(lease.id))));
    targetFaults.end();
    await pass(4, () => source.leases.keepAlive(lease.id));
    expect(await target.get('/b/1')).toMatchObject({ version: 1, lease: lease.id });
    expect(replication.state.status).toBe('following');
  });

  it('are not written without a lease while the news of their end is on its way', async () => {
    const { source, target, targetFaults, run, clock } = world;
    const lease = await source.leases.grant(5);
    await source.put('/a/1', 'one', { lease: lease.id });
    const first = await world.start();
    const started = world.start();
    let reads = 0;
    targetFaults.next = (kind) => (kind === 'read' && (reads += 1) > 1 ? 'wait' : 'pass');
    while (targetFaults.waiting < 2) await clock.advance(20);
    await source.leases.revoke(lease.id);
    await clock.advance(100);
    const { bookmark } = await target.list({ prefix: TO });
    targetFaults.end();
    const second = await run(started);
    await run(second.sync());
    const written: string[] = [];
    const watch = target.watch({ prefix: TO }, { after: bookmark });
    void (async () => {
      for await (const { events } of watch) written.push(...events.map(({ type }) => type));
    })();
    await clock.advance(100);
    await watch.close();
    expect(written).toEqual(['delete']);
    await run(first.close());
  });
});
