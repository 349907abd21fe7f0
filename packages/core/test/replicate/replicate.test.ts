import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { FROM, held, kept, pair, type Pair, TO } from './support.js';

let world: Pair;

beforeEach(() => {
  world = pair();
});

afterEach(async () => {
  await world.close();
});

describe('replicate()', () => {
  it('copies what is there, then follows puts and deletes', async () => {
    const { source, target, run } = world;
    await source.put('/a/1', 'one');
    await source.put('/a/2', 'two');
    await source.put('/c/1', 'outside');
    const replication = await world.start();
    expect(await held(target, TO)).toEqual({ 1: 'one', 2: 'two' });
    expect(replication.state.status).toBe('following');
    await source.put('/a/3', 'three');
    await source.put('/a/1', 'uno');
    await source.delete('/a/2');
    await run(replication.sync());
    expect(await held(target, TO)).toEqual({ 1: 'uno', 3: 'three' });
    expect(replication.bookmark.revision).toBe((await source.list({ prefix: FROM })).bookmark.revision);
  });

  it('keeps a transaction whole', async () => {
    const { source, target, run } = world;
    const replication = await world.start();
    const then = Array.from({ length: 126 }, (_, n) => ({ type: 'put' as const, key: `/a/${n}`, value: 'x' }));
    await source.txn({ then });
    await run(replication.sync());
    const { items } = await target.list({ prefix: TO });
    expect(new Set(items.map(({ modRevision }) => modRevision)).size).toBe(1);
    expect(items).toHaveLength(126);
  });

  it('carries a transaction over in parts where the target takes no larger ones', async () => {
    const { clock, target, run } = world;
    const large = memoryStore({ clock, maxTxnOperations: 1_000 });
    const second = pair({ source: large, target });
    const replication = await second.start();
    const then = Array.from({ length: 500 }, (_, n) => ({ type: 'put' as const, key: `/a/${n}`, value: 'x' }));
    await large.txn({ then });
    await second.run(replication.sync());
    expect(Object.keys(await held(target, TO))).toHaveLength(500);
    await second.run(replication.close());
    await large.delete({ prefix: FROM });
    await world.run(second.start());
    expect(await held(target, TO)).toEqual({});
    await second.close();
    await run(large.close());
  });

  it('deletes after a restart what was deleted meanwhile, and nothing of others', async () => {
    const { source, target, run } = world;
    await source.put('/a/1', 'one');
    await source.put('/a/2', 'two');
    await target.put('/b/other', 'theirs');
    const first = await world.start();
    await run(first.close());
    await source.delete('/a/1');
    await source.put('/a/3', 'three');
    await world.start();
    expect(await held(target, TO)).toEqual({ 2: 'two', 3: 'three', other: 'theirs' });
  });

  it('compares everything after a compaction while it was down', async () => {
    const { source, target, run } = world;
    await source.put('/a/1', 'one');
    await source.put('/a/2', 'two');
    const first = await world.start();
    await run(first.close());
    await source.delete('/a/1');
    const { revision } = await source.put('/a/2', 'deux');
    await source.compact(revision);
    await world.start();
    expect(await held(target, TO)).toEqual({ 2: 'deux' });
  });

  it('stays small beside the data: the record does not grow with each change', async () => {
    const { source, target, run } = world;
    for (let n = 0; n < 300; n += 1) await source.put(`/a/${n}`, 'x');
    const replication = await world.start();
    for (let n = 0; n < 50; n += 1) {
      await source.put('/a/1', `y${n}`);
      await run(replication.sync());
    }
    expect((await kept(target)).length).toBeLessThan(8);
  });

  it('knows its own keys again by the record, however they were written', async () => {
    const { source, target, run } = world;
    for (let n = 0; n < 120; n += 1) await source.put(`/a/${n}`, 'x');
    for (let round = 0; round < 3; round += 1) {
      const replication = await world.start();
      for (let n = round; n < 120; n += 7) await source.put(`/a/${n}`, `round ${round}`);
      await run(replication.sync());
      await run(replication.close());
    }
    await source.delete({ prefix: FROM });
    const last = await world.start();
    expect(await held(target, TO)).toEqual({});
    expect(last.conflicts()).toEqual([]);
    expect((await kept(target)).length).toBeLessThan(4);
  });

  it('maps keys, leaves some out, and refuses two keys for one', async () => {
    const { source, target, run } = world;
    await source.put('/a/secret', 's');
    await source.put('/a/x', '1');
    const mapKey = (key: string) => (key === 'secret' ? undefined : key.toUpperCase());
    const replication = await world.start({ mapKey });
    expect(await held(target, TO)).toEqual({ X: '1' });
    // In one transaction a key may give its name to another one.
    await source.txn({
      then: [
        { type: 'delete', range: { key: '/a/x' } },
        { type: 'put', key: '/a/X', value: '2' },
      ],
    });
    await run(replication.sync());
    expect(await held(target, TO)).toEqual({ X: '2' });
    await source.put('/a/x', '3');
    await expect(run(replication.sync())).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/maps both "\/a\/X" and "\/a\/x" to "\/b\/X"/),
    });
    expect(replication.state.status).toBe('stopped');
    expect(await held(target, TO)).toEqual({ X: '2' });
    await expect(world.start({ mapKey })).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  it.each<[object, RegExp]>([
    [{ name: 'a/b' }, /name must be/],
    [{ name: '' }, /name must be/],
    [{ recordKey: '/b/record' }, /recordKey "\/b\/record" is under targetPrefix/],
    [{ targetPrefix: '' }, /is under targetPrefix ""/],
    [{ targetPrefix: '/holdfast/' }, /is under targetPrefix/],
    [{ onConflict: 'ignore' as 'skip' }, /onConflict must be/],
    [{ mapKye: 1 }, /has no option "mapKye"/],
  ])('refuses %p', async (options, message) => {
    await expect(world.start(options)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(message),
    });
    expect(await kept(world.target)).toEqual([]);
  });

  it('ends with its signal, before and after the first copy', async () => {
    const { source, targetFaults } = world;
    await source.put('/a/1', 'one');
    targetFaults.next = () => 'lost';
    const early = new AbortController();
    const starting = world.start({ signal: early.signal });
    await world.clock.advance(100);
    early.abort();
    await expect(starting).rejects.toMatchObject({ code: 'aborted' });
    targetFaults.end();
    const late = new AbortController();
    const replication = await world.start({ signal: late.signal });
    late.abort();
    expect(replication.state.status).toBe('closed');
    await expect(replication.sync()).rejects.toMatchObject({ code: 'aborted' });
  });

  it('counts the time of a start on a clock that nobody sets', async () => {
    const { source, target, targetFaults, run, clock } = world;
    await source.put('/a/1', 'one');
    let offset = 0;
    const wall = {
      now: () => clock.now() + offset,
      monotonic: () => clock.now(),
      setTimeout: (callback: () => void, ms: number) => clock.setTimeout(callback, ms),
      clearTimeout: (handle: Parameters<typeof clock.clearTimeout>[0]) => {
        clock.clearTimeout(handle);
      },
    };
    let lost = 0;
    targetFaults.next = () => {
      lost += 1;
      offset = 3_600_000;
      return lost > 3 ? 'pass' : 'lost';
    };
    const replication = await world.start({ clock: wall });
    expect(await held(target, TO)).toEqual({ 1: 'one' });
    await run(replication.close());
  });
});
