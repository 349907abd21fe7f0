import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { decodeUtf8, GuardedStore } from '@holdfast/store/adapter';
import { Random, virtualClock } from '@holdfast/testkit';
import type { Replication } from '../../src/replicate/index.js';
import { likeV2 } from '../support/scripted-store.js';
import { SlowAnswers } from './late-answers.js';
import { FROM, held, kept, pair, type Pair, TO } from './support.js';

let data: MemoryStore;
let world: Pair;

beforeEach(() => {
  data = memoryStore();
  world = pair({ target: likeV2(data).store });
});

afterEach(async () => {
  await world.close();
  await data.close();
});

describe('a target without transactions of many keys', () => {
  it('is left to others where it is theirs, and follows otherwise', async () => {
    const { source, run } = world;
    await data.put('/b/theirs', 'theirs');
    await source.put('/a/1', 'one');
    const first = await world.start();
    await source.put('/a/2', 'two');
    await run(first.sync());
    await run(first.close());
    await source.delete('/a/1');
    const second = await world.start();
    expect(await held(data, TO)).toEqual({ 2: 'two', theirs: 'theirs' });
    await data.put('/b/2', 'changed');
    await source.put('/a/2', 'deux');
    await expect(run(second.sync())).rejects.toMatchObject({ conflicts: [{ reason: 'changed', key: '/a/2' }] });
    expect(await held(data, TO)).toEqual({ 2: 'changed', theirs: 'theirs' });
  });

  it('a second replicator takes over, and the first one changes nothing more', async () => {
    const { source, run } = world;
    const first = await world.start();
    const second = await world.start();
    await source.put('/a/1', 'one');
    await run(second.sync());
    await expect(run(first.sync())).rejects.toMatchObject({ code: 'conflict' });
    expect(await held(data, TO)).toEqual({ 1: 'one' });
  });

  it('goes on after a kill between the record and a write, and takes the source for no other one', async () => {
    const { source, targetFaults, run } = world;
    await source.put('/a/1', 'old');
    await source.put('/a/2', 'old');
    const killed = new AbortController();
    const first = await world.start({ signal: killed.signal });
    await source.put('/a/2', 'newer');
    await run(first.sync());
    // The record is written, and the mark; then nothing more arrives.
    let writes = 0;
    targetFaults.next = (kind) => {
      if (kind === 'write') writes += 1;
      if (writes < 3) return 'pass';
      killed.abort();
      return 'lost';
    };
    await source.put('/a/1', 'new');
    await run(first.sync().catch(() => undefined));
    expect(killed.signal.aborted).toBe(true);
    targetFaults.end();
    expect(await held(data, TO)).toEqual({ 1: 'old', 2: 'newer' });
    await world.start();
    expect(await held(data, TO)).toEqual({ 1: 'new', 2: 'newer' });
  });

  it('brings no key back from a source that was restored to just before its last step', async () => {
    const { source, run } = world;
    const restored = memoryStore({ identity: 'source' });
    for (const store of [source, restored]) {
      await store.put('/a/1', 'one');
      await store.put('/a/2', 'two');
    }
    const first = await world.start();
    await source.delete('/a/1');
    await run(first.sync());
    await run(first.close());
    const other = pair({ source: restored, target: likeV2(data).store });
    try {
      await expect(other.start()).rejects.toMatchObject({ code: 'history-changed' });
      expect(await held(data, TO)).toEqual({ 2: 'two' });
    } finally {
      await other.close();
      await restored.close();
    }
  });

  it('what another replicator writes beside a step is no conflict', async () => {
    const { source, targetFaults, run, clock } = world;
    await source.put('/a/1', 'one');
    const first = await world.start();
    let writes = 0;
    // The record and the mark pass.
    targetFaults.next = (kind) => (kind === 'write' && (writes += 1) > 2 ? 'wait' : 'pass');
    await source.put('/a/1', 'two');
    while (targetFaults.waiting < 1) await clock.advance(20);
    targetFaults.next = () => 'pass';
    await source.put('/a/1', 'three');
    const second = await world.start();
    await run(second.sync());
    targetFaults.release();
    await expect(run(first.sync())).rejects.toMatchObject({ message: expect.stringMatching(/another replicator/) });
    expect(await held(data, TO)).toEqual({ 1: 'three' });
  });

  it.each<[string, readonly (string | undefined)[]]>([
    ['a changed key', ['one', 'two', 'three']],
    ['a new key', [undefined, 'two', 'three']],
    ['a key that is deleted then', ['one', 'two', undefined]],
    ['a deleted key that comes back', ['one', undefined, 'three']],
  ])('a write of the one before that comes in late, at any moment, is no conflict: %s', async (_, values) => {
    // The first one waits at its record, its mark or its key, and the second one at each of its calls.
    for (const firstAt of [1, 2, 3]) {
      for (let [secondAt, isOver] = [1, false]; !isOver; secondAt += 1) {
        await using late = new LateWrite(values);
        await late.startFirst(firstAt);
        isOver = !(await late.startSecond(secondAt));
        await late.letGo();
        await late.expectEqual();
      }
    }
  });

  it('brings no key back that the one who took over has deleted, when it reaches the target again', async () => {
    const { source, targetFaults, run, clock } = world;
    const first = await world.start();
    let writes = 0;
    // The record, the mark and the key come in. Nobody tells it of the key, and then it is cut off.
    targetFaults.next = () => {
      writes += 1;
      return writes < 3 ? 'pass' : writes === 3 ? 'answer lost' : 'lost';
    };
    await source.put('/a/1', 'one');
    while (writes < 4) await clock.advance(20);
    expect(await held(data, TO)).toEqual({ 1: 'one' });
    await source.delete('/a/1');
    const other = pair({ source, target: likeV2(data).store, clock });
    await other.start();
    expect(await held(data, TO)).toEqual({});
    targetFaults.end();
    await expect(run(first.sync())).rejects.toMatchObject({ code: 'conflict' });
    expect(await held(data, TO)).toEqual({});
    await other.close();
  });

  it('writes its record before each step, also beside a sync()', async () => {
    const slow = new SlowAnswers(likeV2(data).store);
    const slowWorld = pair({ target: new GuardedStore(slow) });
    const { source, targetFaults, run, clock } = slowWorld;
    await source.put('/a/1', 'one');
    const replication = await slowWorld.start();
    const recordVersion = async () => (await data.get('/holdfast/replicate/test'))?.version ?? 0;
    const before = await recordVersion();
    const answer = slow.hold();
    const synced = replication.sync();
    while (slow.waiting < 1) await clock.advance(20);
    await source.put('/a/1', 'two');
    while (Object.values(await held(data, TO))[0] !== 'two') await clock.advance(20);
    answer();
    await run(synced);
    let isLost = false;
    targetFaults.next = (kind) => (kind === 'write' && !isLost && (isLost = true) ? 'lost' : 'pass');
    await source.put('/a/1', 'three');
    await run(replication.sync());
    expect(await recordVersion()).toBe(before + 2);
    await slowWorld.close();
  });

  it('knows its own key by a mark that no late call takes away', async () => {
    const { source, targetFaults, run, clock } = world;
    await source.put('/a/1', 'one');
    const killed = new AbortController();
    await world.start({ signal: killed.signal });
    let writes = 0;
    // The record is written and the key is deleted. The deletion of its mark is late.
    targetFaults.next = (kind) => (kind === 'write' && (writes += 1) > 2 ? 'wait' : 'pass');
    await source.delete('/a/1');
    while (targetFaults.waiting < 1) await clock.advance(20);
    killed.abort();
    targetFaults.next = () => 'pass';
    await source.put('/a/1', 'again');
    await run((await world.start()).close());
    targetFaults.release();
    await clock.advance(20);
    await source.put('/a/1', 'more');
    const replication = await world.start();
    expect(replication.conflicts()).toEqual([]);
    expect(await held(data, TO)).toEqual({ 1: 'more' });
  });

  it('writes what waits side by side, and of each key all values in their order', async () => {
    const { source, targetFaults, run, clock } = world;
    const replication = await world.start();
    const seen: string[] = [];
    let records = 0;
    const { bookmark: after } = await data.list({ prefix: '' });
    await using watch = data.watch({ prefix: '' }, { after });
    const reading = (async () => {
      for await (const { events } of watch) {
        for (const event of events) {
          if (event.type !== 'put') continue;
          if (event.current.key === '/b/1') seen.push(decodeUtf8(event.current.value) ?? '');
          if (event.current.key === '/holdfast/replicate/test') records += 1;
        }
      }
    })();
    targetFaults.next = (kind) => (kind === 'write' ? 'wait' : 'pass');
    await source.put('/a/0', 'x');
    while (targetFaults.waiting === 0) await clock.advance(20);
    for (let n = 1; n < 30; n += 1) await source.put(`/a/${n}`, 'one');
    for (const value of ['two', 'three']) await source.put('/a/1', value);
    targetFaults.end();
    await run(replication.sync());
    expect(await held(data, TO)).toEqual(await held(source, FROM));
    await watch.close();
    await reading;
    expect(seen).toEqual(['one', 'two', 'three']);
    expect(records).toBeLessThan(8);
  });

  it.each([1, 2, 3])('is equal after kills at any call (seed %p)', async (seed) => {
    const { source, targetFaults, run } = world;
    const random = new Random(seed);
    for (let round = 0; round < 8; round += 1) {
      for (let n = 0; n < 6; n += 1) {
        const key = `/a/${random.below(12)}`;
        if (random.chance(0.3)) await source.delete({ key });
        else await source.put(key, `${round} ${n}`);
      }
      const killed = new AbortController();
      let left = random.between(1, 30);
      targetFaults.next = () => {
        left -= 1;
        if (left > 0) return 'pass';
        killed.abort();
        return random.chance(0.5) ? 'answer lost' : 'lost';
      };
      const starting = world.start({ signal: killed.signal });
      const outcome = await starting.catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'aborted' });
      else await run((await starting).close());
      targetFaults.end();
    }
    const last = await world.start();
    expect(await held(data, TO)).toEqual(await held(source, FROM));
    expect(last.conflicts()).toEqual([]);
    await source.delete({ prefix: FROM });
    await run(last.sync());
    expect(await held(data, TO)).toEqual({});
    expect(await kept(data)).toEqual(['/holdfast/replicate/test']);
  });
});

/** A key that a first replicator writes while a second one takes over. */
class LateWrite implements AsyncDisposable {
  readonly #clock = virtualClock();
  readonly #source = memoryStore({ clock: this.#clock, identity: 'source' });
  readonly #shared = memoryStore({ clock: this.#clock });
  readonly #one = pair({ clock: this.#clock, source: this.#source, target: likeV2(this.#shared).store });
  readonly #two = pair({ clock: this.#clock, source: this.#source, target: likeV2(this.#shared).store });
  readonly #values: readonly (string | undefined)[];
  #first: Replication | undefined;
  #second: Promise<Replication> | undefined;

  constructor(values: readonly (string | undefined)[]) {
    this.#values = values;
  }

  async #write(value: string | undefined): Promise<void> {
    await (value === undefined ? this.#source.delete('/a/1') : this.#source.put('/a/1', value));
  }

  /** It waits at one of its writes, and the source has gone on. */
  async startFirst(at: number): Promise<void> {
    await this.#write(this.#values[0]);
    this.#first = await this.#one.start();
    let writes = 0;
    const { targetFaults } = this.#one;
    targetFaults.next = (kind) => (kind === 'write' && (writes += 1) === at ? 'wait' : 'pass');
    await this.#write(this.#values[1]);
    while (targetFaults.waiting === 0) await this.#clock.advance(5);
    await this.#write(this.#values[2]);
  }

  /** It waits at one of its calls: whether it makes so many. */
  async startSecond(at: number): Promise<boolean> {
    let [calls, isStarted] = [0, false];
    const { targetFaults } = this.#two;
    targetFaults.next = () => ((calls += 1) === at ? 'wait' : 'pass');
    const onEnd = () => (isStarted = true);
    this.#second = this.#two.begin();
    void this.#second.then(onEnd, onEnd);
    while (targetFaults.waiting === 0 && !isStarted) await this.#clock.advance(5);
    return !isStarted;
  }

  /** The first one as far as it gets, then the second one. */
  async letGo(): Promise<void> {
    this.#one.targetFaults.end();
    await this.#one.run(this.#first!.sync().catch(() => undefined));
    this.#two.targetFaults.end();
    await this.#two.run(this.#second!);
  }

  /** Now, and after a third one, which clears away what was left. */
  async expectEqual(): Promise<void> {
    const expected = await held(this.#source, FROM);
    expect(await held(this.#shared, TO)).toEqual(expected);
    expect((await this.#two.start()).conflicts()).toEqual([]);
    expect(await held(this.#shared, TO)).toEqual(expected);
    expect(await kept(this.#shared)).toHaveLength(1 + Object.keys(expected).length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#one.close();
    await this.#two.close();
    await this.#source.close();
    await this.#shared.close();
  }
}
