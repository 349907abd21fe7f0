import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fenced } from '@holdfast/store';
import { Random } from '@holdfast/testkit';
import { migrate, type MigrateOptions, type Migration } from '../../src/replicate/index.js';
import { faultyStore } from './faulty-store.js';
import { FROM, held, kept, pair, type Pair, TO } from './support.js';

let world: Pair;
const open: Migration[] = [];

beforeEach(() => {
  world = pair();
});

afterEach(async () => {
  await world.run(Promise.all(open.splice(0).map((each) => each.close())));
  await world.close();
});

function migration(options: Partial<MigrateOptions> = {}): Migration {
  const { source, target, clock } = world;
  const made = migrate(source, target, {
    prefix: FROM,
    targetPrefix: TO,
    name: 'move',
    clock,
    random: () => 0.5,
    ...options,
  });
  open.push(made);
  return made;
}

describe('migrate()', () => {
  it('plans without changing anything', async () => {
    const { source, target, run } = world;
    await source.put('/a/1', 'one');
    await source.put('/a/2', 'two', { ttl: 60 });
    await target.put('/b/2', 'theirs');
    await target.put('/b/3', 'theirs');
    const before = (await target.list({ prefix: '' })).bookmark.revision;
    expect(await run(migration().plan())).toMatchObject({
      stage: 'none',
      next: 'copy',
      source: { keys: 2, bytes: 6, leased: 1 },
      writes: { create: 1, update: 0, delete: 0 },
      foreign: 1,
      conflicts: [{ key: '/a/2', reason: 'exists' }],
      isFenceTight: true,
    });
    expect((await target.list({ prefix: '' })).bookmark.revision).toBe(before);
  });

  it('copies, verifies, cuts over and finishes, and leaves nothing behind', async () => {
    const { source, target, run, clock } = world;
    const application = fenced(source, { key: '/holdfast/fence/move' });
    await application.put('/a/1', 'one');
    const lease = await source.leases.grant(200);
    await application.put('/a/2', 'leased', { lease: lease.id });
    await clock.advance(40_000);
    const moving = migration();
    expect(await run(moving.copy())).toMatchObject({ conflicts: [] });
    await application.put('/a/3', 'three');
    expect(await run(moving.verify())).toMatchObject({ isEqual: true, keys: 3, differences: [] });
    expect(await run(migration().stage())).toBe('copied');
    const cut = moving.cutOver();
    await clock.advance(1_000);
    await expect(application.put('/a/4', 'late')).rejects.toMatchObject({ code: 'conflict', outcome: 'not-applied' });
    await source.put('/a/5', 'past the fence');
    expect(await run(cut)).toMatchObject({ stage: 'cut-over', late: ['/a/5'] });
    expect(await held(target, TO)).toEqual({ 1: 'one', 2: 'leased', 3: 'three', 5: 'past the fence' });
    const [there, here] = [await target.leases.timeToLive(lease.id), await source.leases.timeToLive(lease.id)].map(
      ({ ttl }) => ttl,
    );
    expect(Math.abs((there ?? 0) - (here ?? 0))).toBeLessThanOrEqual(2);
    // It is done once: what the target has by now is its own.
    await target.put('/b/1', 'newer');
    expect(await run(migration().cutOver())).toMatchObject({ stage: 'cut-over' });
    await expect(run(migration().copy())).rejects.toMatchObject({ code: 'conflict' });
    await expect(world.start({ name: 'move' })).rejects.toMatchObject({ code: 'conflict' });
    await run(moving.finish());
    await run(migration().finish());
    expect(await kept(target)).toEqual([]);
    expect(await kept(source)).toEqual([]);
    expect(await held(target, TO)).toMatchObject({ 1: 'newer' });
    await application.put('/a/6', 'free again');
  });

  it('does not cut over where the two are not equal', async () => {
    const { source, target, run } = world;
    await source.put('/a/1', 'one');
    const moving = migration({ onConflict: 'skip' });
    await run(moving.copy());
    await target.put('/b/1', 'theirs');
    expect(await run(moving.verify())).toMatchObject({
      isEqual: false,
      differences: [{ key: '/a/1', reason: 'value' }],
    });
    await expect(run(moving.cutOver())).rejects.toMatchObject({ code: 'conflict' });
    expect(await kept(source)).toEqual([]);
  });

  it('retreats before the cut over by taking the fence away', async () => {
    const { source, run, clock } = world;
    await source.put('/a/1', 'one');
    const ending = new AbortController();
    const moving = migration({ signal: ending.signal });
    const cut = moving.cutOver();
    const failed = expect(cut).rejects.toMatchObject({ code: 'aborted' });
    await clock.advance(5_000);
    expect(await kept(source)).toEqual(['/holdfast/fence/move']);
    ending.abort();
    await failed;
    const back = migration();
    expect(await run(back.retreat())).toMatchObject({ stage: 'retreated' });
    expect(await kept(source)).toEqual([]);
    await run(back.finish());
    expect(await kept(world.target)).toEqual([]);
  });

  it('retreats after the cut over with what was written since', async () => {
    const { source, target, run } = world;
    for (const key of ['1', '2', '3']) await source.put(`/a/${key}`, 'old');
    await run(migration().cutOver());
    await target.put('/b/1', 'new');
    await target.delete('/b/2');
    await target.put('/b/4', 'new');
    const back = migration();
    expect(await run(back.retreat())).toMatchObject({ stage: 'retreated', late: [] });
    expect(await held(source, FROM)).toEqual({ 1: 'new', 3: 'old', 4: 'new' });
    await source.put('/a/5', 'goes on');
    await expect(fenced(target, { key: '/holdfast/fence/move' }).put('/b/9', 'x')).rejects.toMatchObject({
      code: 'conflict',
    });
    await run(back.finish());
    expect([...(await kept(source)), ...(await kept(target))]).toEqual([]);
  });

  it.each([4, 6, 8])('may be killed at any call, in every step, and run again (seed %p)', async (seed) => {
    const { source, target, clock, run } = world;
    const random = new Random(seed);
    for (let n = 0; n < 30; n += 1) await source.put(`/a/${n}`, `${n}`);
    const lease = await source.leases.grant(3_000);
    await source.put('/a/leased', 'x', { lease: lease.id });
    // So it has to be granted anew at the cut over.
    await clock.advance(100_000);
    let kills = 0;
    const step = async (name: 'copy' | 'cutOver' | 'retreat' | 'finish') => {
      for (;;) {
        const [from, to] = [faultyStore(source), faultyStore(target)];
        const killed = new AbortController();
        let left = kills < 12 ? random.between(1, 60) : Infinity;
        const next = (): 'pass' | 'answer lost' => {
          left -= 1;
          if (left > 0) return 'pass';
          killed.abort();
          return 'answer lost';
        };
        from.faults.next = next;
        to.faults.next = next;
        const moving = migrate(from.store, to.store, {
          prefix: FROM,
          targetPrefix: TO,
          name: 'move',
          clock,
          random: () => 0.5,
          drainMs: 2_000,
          signal: killed.signal,
        });
        try {
          await run<unknown>(moving[name]());
          return;
        } catch (error) {
          if (!killed.signal.aborted) throw error;
          kills += 1;
          // Whoever writes does so where the applications are.
          if (name === 'retreat') await target.put(`/b/${kills}`, `kill ${kills}`);
          else if (name !== 'finish') await source.put(`/a/${kills}`, `kill ${kills}`);
        } finally {
          from.faults.end();
          to.faults.end();
          await run(moving.close());
        }
      }
    };
    await step('copy');
    await step('cutOver');
    expect(await held(target, TO)).toEqual(await held(source, FROM));
    const [there, here] = [await target.leases.timeToLive(lease.id), await source.leases.timeToLive(lease.id)];
    expect(Math.abs(there.ttl - here.ttl)).toBeLessThanOrEqual(2);
    expect((await target.get('/b/leased'))?.lease).toBe(lease.id);
    await target.put('/b/21', 'written there');
    await target.delete('/b/22');
    await step('retreat');
    expect(await held(source, FROM)).toEqual(await held(target, TO));
    expect(await source.get('/a/21')).toMatchObject({ value: Buffer.from('written there') });
    expect(await source.get('/a/22')).toBeUndefined();
    await step('finish');
    expect([...(await kept(source)), ...(await kept(target))]).toEqual([]);
  });
});
