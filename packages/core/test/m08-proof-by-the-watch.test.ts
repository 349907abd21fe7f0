import { type ConfigStore, StoreError } from '@holdfast/store';
import { sleep } from '@holdfast/store/adapter';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Mirror } from '../src/index.js';
import { held, PREFIX, shown, type Thing, thing, world, type World } from './support/world.js';

type Happen = (data: ConfigStore) => Promise<unknown>;

const put = (data: ConfigStore, key: string, n: number) => data.put(`${PREFIX}${key}`, thing(n));
const remove = (data: ConfigStore, key: string) => data.delete(`${PREFIX}${key}`);
const elsewhere = (data: ConfigStore) => data.put('/elsewhere', 'x');

describe('M8 the watch itself proves the history', () => {
  let w: World;
  beforeEach(async () => {
    w = world();
    for (const key of ['a', 'b', 'c']) await put(w.data, key, 1);
  });
  afterEach(() => w.close());

  const isOfThePast = ({ options }: World['script']['reads'][number]) => options.revision !== undefined;
  const isSorted = ({ options }: World['script']['reads'][number]) => options.sort !== undefined;

  /** A mirror that follows, and has been told what happened. */
  async function follow(happen: Happen = () => Promise.resolve()): Promise<Mirror<Thing>> {
    const mirror = await w.open();
    await w.clock.advance(500);
    await happen(w.data);
    const { revision } = await w.data.status();
    await w.until(() => mirror.revision >= revision);
    await w.clock.advance(500);
    w.script.reads.length = 0;
    return mirror;
  }

  interface Histories {
    /** Whether the mirror loads only after the first history has happened, and so knows none of its events. */
    readonly isLoaded?: boolean;
    readonly one: Happen;
    readonly other: Happen;
  }

  /** The store is put back to where it was before the one history, and has the other one; then a new key is put. */
  async function comeBack({ isLoaded = false, one, other }: Histories): Promise<void> {
    const snapshot = w.data.snapshot();
    if (isLoaded) await one(w.data);
    const mirror = await follow(isLoaded ? undefined : one);
    const before = shown(mirror);
    const reached = (await w.data.status()).revision;
    const resyncs: unknown[] = [];
    mirror.on('resync', ({ reason }) => resyncs.push(reason));
    const torn: unknown[] = [];
    w.script.cut();
    w.data.restore(snapshot);
    await other(w.data);
    expect((await w.data.status()).revision).toBe(reached);
    await put(w.data, 'new', 9);
    const truth = await held(w.data);
    mirror.on('change', () => torn.push(shown(mirror)));
    expect(shown(mirror)).toEqual(before);
    w.script.heal();
    await w.until(() => mirror.has('new') && mirror.state.status === 'live');
    // Nothing was shown that is of neither history.
    expect(torn).toEqual([truth]);
    expect(resyncs).toEqual(['history-changed']);
  }

  const same = async (data: ConfigStore, count: number) => {
    for (let n = 0; n < count; n++) await put(data, `same${n % 3}`, n);
  };

  describe.each([
    ['has seen it happen', false],
    ['has loaded after that', true],
  ])('a mirror that %s, where the store was put back, and then', (_, isLoaded) => {
    test.each<[string, Happen, Happen]>([
      [
        'a key got another value, and the same delete followed, which carries only its key',
        async (data) => (await put(data, 'a', 1), remove(data, 'b')),
        async (data) => (await put(data, 'a', 2), remove(data, 'b')),
      ],
      [
        'a new key went elsewhere, and the same put followed',
        async (data) => (await put(data, 'x', 1), put(data, 'a', 2)),
        async (data) => (await elsewhere(data), put(data, 'a', 2)),
      ],
      [
        'a key was put in the place of another one, and the same put followed',
        async (data) => (await put(data, 'x', 1), put(data, 'a', 2)),
        async (data) => (await put(data, 'y', 1), remove(data, 'c')),
      ],
      [
        'nothing was put in the place of the newest key',
        async (data) => (await put(data, 'a', 2), elsewhere(data)),
        async (data) => (await elsewhere(data), elsewhere(data)),
      ],
      [
        'a new key went elsewhere, and more of the same followed than anybody remembers',
        async (data) => (await put(data, 'x', 1), same(data, 200)),
        async (data) => (await elsewhere(data), same(data, 200)),
      ],
      [
        'all that is remembered was deleted in both',
        async (data) => (await same(data, 3), await put(data, 'a', 1), remove(data, 'same0')),
        async (data) => (await same(data, 3), await put(data, 'a', 2), remove(data, 'same0')),
      ],
    ])('%s', async (_how, one, other) => {
      await comeBack({ isLoaded, one, other });
    });
  });

  test('more deletes than anybody remembers, behind a key with another value', async () => {
    const fill = async (data: ConfigStore) => {
      for (let n = 0; n < 150; n++) await put(data, `many${n}`, n);
    };
    const empty = async (data: ConfigStore) => {
      for (let n = 0; n < 150; n++) await remove(data, `many${n}`);
    };
    await fill(w.data);
    await comeBack({
      one: async (data) => (await put(data, 'a', 1), empty(data)),
      other: async (data) => (await put(data, 'a', 2), empty(data)),
    });
  });

  test.each([
    ['this', true],
    ['the other', false],
  ])('a key that came and went in %s history only, and left no trace', async (_, isThis) => {
    const around = async (data: ConfigStore, between: Happen) => {
      await put(data, 'c', 5);
      await between(data);
      await put(data, 'a', 2);
    };
    const passing: Happen = (data) => around(data, async () => (await put(data, 'z', 1), remove(data, 'z')));
    const without: Happen = (data) => around(data, async () => (await elsewhere(data), elsewhere(data)));
    await comeBack(isThis ? { one: passing, other: without } : { one: without, other: passing });
  });

  test('a new key and a delete went elsewhere, which leave the same number of keys', async () => {
    await comeBack({
      one: async (data) => (await put(data, 'x', 1), await remove(data, 'b'), put(data, 'a', 2)),
      other: async (data) => (await elsewhere(data), await elsewhere(data), put(data, 'a', 2)),
    });
  });

  test('the same history costs one count: nothing is sorted, nothing read that the watch brings', async () => {
    const mirror = await follow((data) => put(data, 'a', 2));
    const versions = mirror.version;
    const entry = mirror.get('b');
    w.script.cut();
    await put(w.data, 'd', 4);
    await w.clock.advance(100);
    w.script.heal();
    await w.until(() => mirror.has('d'));
    await w.clock.advance(2_000);
    expect(w.script.reads.filter(isOfThePast)).toHaveLength(1);
    expect(w.script.reads.filter(isSorted)).toHaveLength(0);
    expect(w.script.reads.filter(({ kind }) => kind === 'scan')).toEqual([]);
    expect(w.script.opened.at(-1)?.revision).toBe(4);
    expect(mirror.version).toBe(versions + 1);
    expect(mirror.get('b')).toBe(entry);
  });

  test('a proof that was under way when the connection was lost reads nothing but another head', async () => {
    const mirror = await follow();
    let answer = () => undefined as void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    let isAsked = false;
    w.script.afterRead = () => {
      isAsked = true;
      return answered;
    };
    // The proof that keeps a mirror live.
    await w.until(() => isAsked);
    w.script.afterRead = () => undefined;
    w.script.cut();
    await put(w.data, 'd', 4);
    answer();
    await w.clock.advance(500);
    w.script.heal();
    await w.until(() => mirror.has('d'));
    await w.clock.advance(3_000);
    expect(w.script.reads.filter(isSorted)).toEqual([]);
    expect(w.script.reads.filter(({ kind }) => kind === 'scan')).toEqual([]);
    expect(mirror.state).toMatchObject({ status: 'live', connection: 'connected' });
  });

  test('what was asked when the connection was lost is not waited for: the watch proves the history after it', async () => {
    // What the mirror asks first, once it has loaded.
    w.script.beforeRead = (read) => (isSorted(read) ? new Promise(() => undefined) : undefined);
    const mirror = await w.open();
    await w.until(() => w.script.reads.some(isSorted));
    w.script.cut();
    await put(w.data, 'd', 4);
    w.script.reads.length = 0;
    w.script.heal();
    const began = w.clock.now();
    await w.until(() => mirror.has('d'));
    expect(w.clock.now() - began).toBeLessThan(2_000);
    expect(w.script.reads.filter(isSorted)).toEqual([]);
    expect(w.script.reads.filter(isOfThePast)).toHaveLength(1);
  });

  test('what comes is held back until the count has come too', async () => {
    const mirror = await follow();
    w.script.cut();
    await put(w.data, 'd', 4);
    w.script.heal();
    let answer = () => undefined as void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    w.script.beforeRead = (read) => (isOfThePast(read) ? answered : undefined);
    await w.clock.advance(1_500);
    expect(mirror.has('d')).toBe(false);
    answer();
    await w.until(() => mirror.has('d'));
  });

  test('what comes is held back until the watch has brought what is known', async () => {
    const mirror = await follow((data) => put(data, 'a', 2));
    w.script.cut();
    w.script.heal();
    await w.until(() => w.script.reads.some(isOfThePast));
    // The newest entry does not come: another history, whatever the count says.
    w.script.onBatch = (batch) => ({ ...batch, events: batch.events.filter(({ revision }) => revision > 5) });
    const resyncs: unknown[] = [];
    mirror.on('resync', ({ reason }) => resyncs.push(reason));
    w.script.cut();
    await put(w.data, 'd', 4);
    w.script.heal();
    await w.until(() => mirror.has('d') && mirror.state.status === 'live');
    expect(resyncs).toEqual(['history-changed']);
  });

  test('an idle watch that tells nothing: the fingerprint is read after a while, and at once where somebody waits', async () => {
    const mirror = await follow((data) => put(data, 'a', 2));
    const mute = () => {
      w.script.onBatch = () => undefined;
      w.script.cut();
      w.script.heal();
    };
    mute();
    await w.clock.advance(5_000);
    expect(w.script.reads.filter(isSorted)).toHaveLength(0);
    await w.until(() => w.script.reads.some(isSorted), 10_000);
    await w.clock.advance(10_000);
    w.script.reads.length = 0;
    mute();
    const began = w.clock.now();
    let isSynced = false;
    void mirror.sync().then(() => (isSynced = true));
    await w.until(() => isSynced);
    expect(w.clock.now() - began).toBeLessThan(1_000);
    expect(w.script.reads.filter(isSorted)).toHaveLength(1);
  });

  test('where what is known was compacted, the watch begins at the bookmark, and the mirror stays live', async () => {
    const mirror = await follow(async (data) => {
      await put(data, 'a', 2);
      for (let n = 0; n < 5; n++) await elsewhere(data);
      await put(data, 'b', 2);
    });
    const states: string[] = [];
    const resyncs: unknown[] = [];
    mirror.on('state', ({ status }) => states.push(status));
    mirror.on('resync', ({ reason }) => resyncs.push(reason));
    w.script.cut();
    await w.data.compact(mirror.revision);
    await put(w.data, 'd', 4);
    w.script.heal();
    await w.until(() => mirror.has('d'));
    expect(resyncs).toEqual([]);
    expect(states.filter((status) => status !== 'live')).toEqual([]);
    expect(shown(mirror)).toEqual(await held(w.data));
  });

  test('mirrors of a store make such reads one after the other', async () => {
    const mirrors = [await follow(), await follow(), await follow()];
    let running = 0;
    let most = 0;
    w.script.cut();
    await put(w.data, 'd', 4);
    w.script.heal();
    w.script.beforeRead = (read) => {
      if (isOfThePast(read)) most = Math.max(most, (running += 1));
    };
    w.script.afterRead = async (read) => {
      if (!isOfThePast(read)) return;
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    };
    await w.until(() => mirrors.every((mirror) => mirror.has('d')));
    expect(most).toBe(1);
  });

  test('a read that was not answered in time gets longer, and then the store is left alone', async () => {
    const mirror = await follow();
    w.script.cut();
    await put(w.data, 'd', 4);
    w.script.heal();
    const asked: number[] = [];
    w.script.beforeRead = (read) => {
      if (!isOfThePast(read)) return undefined;
      asked.push(w.clock.now());
      return new Promise(() => undefined);
    };
    await w.clock.advance(400_000);
    const waits = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
    expect(waits.length).toBeGreaterThan(2);
    for (const [index, wait] of waits.slice(1).entries()) expect(wait).toBeGreaterThan((waits[index] ?? 0) * 1.5);
    expect(mirror.has('d')).toBe(false);
    w.script.beforeRead = () => undefined;
    await w.until(() => mirror.has('d') && mirror.state.status === 'live', 600_000);
  });

  test.each([
    ['for long, where it answers small reads slowly: it is busy', 2_000, 30_000, Infinity],
    ['no longer than until it answers a small read quickly: it could not be reached', 0, 0, 25_000],
  ])('and it is left alone %s', async (_how, headMs, leastMs, mostMs) => {
    const mirror = await follow();
    w.script.cut();
    await put(w.data, 'd', 4);
    w.script.heal();
    // Nothing is answered, until what is under way fails.
    let fail: (error: StoreError) => void = () => undefined;
    const lost = new Promise<never>((_, reject) => (fail = reject));
    lost.catch(() => undefined);
    w.script.beforeRead = () => lost;
    await w.clock.advance(300_000);
    const began = w.clock.now();
    w.script.beforeRead = (read) => (isOfThePast(read) ? undefined : sleep(w.clock, headMs));
    fail(new StoreError('unavailable', 'the connection was lost'));
    await w.until(() => mirror.has('d'), 600_000);
    const tookMs = w.clock.now() - began;
    expect(tookMs).toBeGreaterThan(leastMs);
    expect(tookMs).toBeLessThan(mostMs);
    w.script.beforeRead = () => undefined;
    await w.clock.advance(headMs);
  });

  test('and it is left alone for long, where small reads are quick, and no check is answered all the same', async () => {
    await follow();
    w.script.cut();
    await put(w.data, 'd', 4);
    w.script.heal();
    const asked: number[] = [];
    w.script.beforeRead = (read) => {
      if (!isOfThePast(read)) return undefined;
      asked.push(w.clock.now());
      return new Promise(() => undefined);
    };
    await w.clock.advance(2_000_000);
    // As long as the read, which takes 160 s.
    const [before = 0, last = 0] = asked.slice(-2);
    expect(last - before).toBeGreaterThan(310_000);
    w.script.beforeRead = () => undefined;
  });

  test('watches that are lost again and again are not replaced each time', async () => {
    await follow();
    const before = w.script.opened.length;
    for (let n = 0; n < 30; n++) {
      w.script.cut(new StoreError('unavailable', 'again'));
      w.script.heal();
      await w.clock.advance(100);
    }
    expect(w.script.opened.length - before).toBeLessThan(8);
  });
});
