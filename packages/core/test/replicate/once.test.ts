import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, Random } from '@holdfast/testkit';
import type { Replication } from '../../src/replicate/index.js';
import { GuardedStore } from '@holdfast/store/adapter';
import { SlowTransactions } from './late-answers.js';
import { FROM, held, kept, pair, type Pair, TO } from './support.js';

let world: Pair;

beforeEach(() => {
  world = pair();
});

afterEach(async () => {
  await world.close();
});

describe('exactly once in effect', () => {
  it('a late transaction changes nothing after another replicator has gone on', async () => {
    const { source, target, targetFaults, run } = world;
    await source.put('/a/1', 'one');
    const first = await world.start();
    // The write of the first one is under way, for long.
    targetFaults.next = (kind) => (kind === 'write' ? 'wait' : 'pass');
    await source.put('/a/2', 'late');
    await world.clock.advance(200);
    await eventually(() => {
      expect(targetFaults.waiting).toBe(1);
    });
    targetFaults.next = () => 'pass';
    const second = await world.start();
    await source.delete('/a/2');
    await run(second.sync());
    targetFaults.release();
    await eventually(() => {
      expect(first.state.status).toBe('stopped');
    });
    expect(await held(target, TO)).toEqual({ 1: 'one' });
    expect(first.state).toMatchObject({ error: { code: 'conflict' } });
    await source.put('/a/3', 'three');
    await run(second.sync());
    expect(await held(target, TO)).toEqual({ 1: 'one', 3: 'three' });
  });

  it('a second replicator takes over, and the first one stops and says why', async () => {
    const { source, target, run } = world;
    await source.put('/a/1', 'one');
    const first = await world.start();
    const second = await world.start();
    await source.put('/a/2', 'two');
    await run(second.sync());
    await expect(run(first.sync())).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/another replicator of "test".*run only one/),
    });
    expect(await held(target, TO)).toEqual({ 1: 'one', 2: 'two' });
    expect(second.state.status).toBe('following');
  });

  it('a sync() that finds another replicator ends the replication', async () => {
    const { run } = world;
    const first = await world.start();
    await world.start();
    await expect(run(first.sync())).rejects.toMatchObject({ code: 'conflict' });
    expect(first.state).toMatchObject({ status: 'stopped', error: { code: 'conflict' } });
  });

  it('what another replicator writes during a comparison is no conflict', async () => {
    const { source, target, targetFaults, run, clock } = world;
    await source.put('/a/1', 'one');
    let reads = 0;
    // The record is taken, and the keys are not read yet.
    targetFaults.next = (kind) => (kind === 'read' && (reads += 1) > 1 ? 'wait' : 'pass');
    const overtaken = world.start().then(
      () => 'started',
      (error: unknown) => error,
    );
    while (targetFaults.waiting < 2) await clock.advance(20);
    targetFaults.next = () => 'pass';
    const second = await world.start();
    // Only the other one's record tells whose the last transaction was.
    await source.put('/a/1', 'two');
    await run(second.sync());
    targetFaults.release();
    expect(await run(overtaken)).toMatchObject({ message: expect.stringMatching(/another replicator/) });
    expect(await held(target, TO)).toEqual({ 1: 'two' });
  });

  it('takes its own record for its own beside writes', async () => {
    const slow = new SlowTransactions(world.target);
    const slowWorld = pair({ source: world.source, target: new GuardedStore(slow), clock: world.clock });
    const { targetFaults, run, clock } = slowWorld;
    const replication = await slowWorld.start();
    // Its look at the record is on its way, and comes to the target after the next transaction, whose answer it overtakes.
    targetFaults.next = (kind) => (kind === 'read' ? 'wait' : 'pass');
    const synced = replication.sync();
    while (targetFaults.waiting < 1) await clock.advance(20);
    const answer = slow.hold();
    await world.source.put('/a/1', 'one');
    while (slow.waiting < 1) await clock.advance(20);
    targetFaults.end();
    await run(synced);
    answer();
    await run(replication.sync());
    expect(replication.state.status).toBe('following');
    expect(await held(world.target, TO)).toEqual({ 1: 'one' });
    await slowWorld.close();
  });

  it('the record of another replication is refused', async () => {
    const { target, run } = world;
    const first = await world.start();
    await run(first.close());
    await expect(world.start({ targetPrefix: '/c/' })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/is of a replication of "\/a\/" to "\/b\/"/),
    });
    await target.put('/holdfast/replicate/mine', 'not a record');
    await expect(world.start({ name: 'mine' })).rejects.toMatchObject({ code: 'conflict' });
  });

  it.each([1, 2])('lost calls and lost answers lose and double nothing (seed %p)', async (seed) => {
    const { source, target, sourceFaults, targetFaults, run, clock } = world;
    const random = new Random(seed).next;
    const flaky = () => (random() < 0.25 ? (random() < 0.5 ? 'lost' : 'answer lost') : ('pass' as const));
    for (let n = 0; n < 20; n += 1) await source.put(`/a/${n}`, '0');
    sourceFaults.next = flaky;
    targetFaults.next = flaky;
    let replication: Replication | undefined;
    const puts = new Map<string, number>();
    for (let n = 0; n < 60; n += 1) {
      if (n % 15 === 0) {
        if (replication !== undefined) await run(replication.close());
        replication = await world.start();
      }
      const key = `/a/${Math.floor(random() * 20)}`;
      if (random() < 0.3) await source.delete(key);
      else {
        await source.put(key, `${seed} ${n}`);
        puts.set(key.slice(3), (puts.get(key.slice(3)) ?? 1) + 1);
      }
      if (random() < 0.5) await clock.advance(50);
    }
    sourceFaults.end();
    targetFaults.end();
    if (replication === undefined) throw new Error('none');
    await run(replication.sync());
    expect(await held(target, TO)).toEqual(await held(source, FROM));
    // None twice: no key was written more often in the target than in the source.
    for (const { key, version } of (await target.list({ prefix: TO })).items) {
      expect(version).toBeLessThanOrEqual(puts.get(key.slice(3)) ?? 1);
    }
    expect(replication.conflicts()).toEqual([]);
    expect((await kept(target)).length).toBeLessThan(25);
  });
});

describe('what others write at the target', () => {
  it('stops before the first write where the target has such a key already', async () => {
    const { source, target } = world;
    await source.put('/a/1', 'one');
    await source.put('/a/2', 'two');
    await target.put('/b/2', 'theirs');
    await expect(world.start()).rejects.toMatchObject({
      name: 'ReplicationConflictError',
      code: 'conflict',
      conflicts: [{ key: '/a/2', targetKey: '/b/2', reason: 'exists', resolution: 'left' }],
    });
    expect(await held(target, TO)).toEqual({ 2: 'theirs' });
  });

  it('stops while following, and goes on after that was mended', async () => {
    const { source, target, run } = world;
    await source.put('/a/1', 'one');
    const replication = await world.start();
    await target.put('/b/1', 'theirs');
    await source.put('/a/1', 'uno');
    await expect(run(replication.sync())).rejects.toMatchObject({ conflicts: [{ reason: 'changed', key: '/a/1' }] });
    expect(await held(target, TO)).toEqual({ 1: 'theirs' });
    await target.delete('/b/1');
    await world.start();
    expect(await held(target, TO)).toEqual({ 1: 'uno' });
  });

  it("leaves such keys alone with 'skip', and carries the others over", async () => {
    const { source, target, run } = world;
    await source.put('/a/1', 'one');
    await target.put('/b/1', 'theirs');
    await source.put('/a/2', 'two');
    const replication = await world.start({ onConflict: 'skip' });
    expect(await held(target, TO)).toEqual({ 1: 'theirs', 2: 'two' });
    expect(replication.conflicts()).toMatchObject([{ key: '/a/1', reason: 'exists' }]);
    const told: string[] = [];
    replication.on('conflict', ({ key, reason }) => told.push(`${key} ${reason}`));
    await target.delete('/b/2');
    await source.txn({
      then: [
        { type: 'put', key: '/a/2', value: 'second' },
        { type: 'put', key: '/a/3', value: 'third' },
      ],
    });
    await run(replication.sync());
    expect(told).toEqual(['/a/2 deleted']);
    expect(await held(target, TO)).toEqual({ 1: 'theirs', 3: 'third' });
    await source.delete('/a/1');
    await run(replication.sync());
    expect(await held(target, TO)).toEqual({ 1: 'theirs', 3: 'third' });
    expect(replication.conflicts()).toMatchObject([{ key: '/a/2' }]);
  });

  it("overwrites them with 'overwrite', and tells each", async () => {
    const { source, target, run } = world;
    await source.put('/a/1', 'one');
    await target.put('/b/1', 'theirs');
    await target.put('/b/extra', 'theirs');
    const replication = await world.start({ onConflict: 'overwrite' });
    expect(await held(target, TO)).toEqual({ 1: 'one', extra: 'theirs' });
    const told: string[] = [];
    replication.on('conflict', ({ key, reason, resolution }) => told.push(`${key} ${reason} ${resolution}`));
    await target.put('/b/1', 'theirs again');
    await source.put('/a/1', 'uno');
    await run(replication.sync());
    expect(told).toEqual(['/a/1 changed overwritten']);
    expect(await held(target, TO)).toEqual({ 1: 'uno', extra: 'theirs' });
    expect(replication.conflicts()).toEqual([]);
  });

  it('stops where its record was deleted', async () => {
    const { source, target, run } = world;
    const replication = await world.start();
    await target.delete('/holdfast/replicate/test');
    await source.put('/a/1', 'one');
    await expect(run(replication.sync())).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/is gone/),
    });
    expect(await held(target, TO)).toEqual({});
  });
});
