import { toRevision } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { held, PREFIX, shown, thing, world, type World } from './support/world.js';

describe('catching up by the cheaper way', () => {
  let w: World;
  beforeEach(async () => {
    w = world();
    for (const key of ['a', 'b', 'gone']) await w.data.put(`${PREFIX}${key}`, thing(1));
  });
  afterEach(() => w.close());

  /** Loses the connection, has `count` revisions missed, and comes back with a watch that brings nothing of them yet. */
  async function miss(count: number, { holdsEvents = false } = {}): Promise<void> {
    await w.until(() => w.script.opened.length === 1);
    await w.clock.advance(1_000);
    w.script.cut();
    await w.data.delete(`${PREFIX}gone`);
    for (let n = 1; n < count; n++) await w.data.put(`${PREFIX}a`, thing(n));
    w.script.onBatch = (batch) => (batch.kind === 'events' ? undefined : batch);
    w.script.reads.length = 0;
    if (holdsEvents) {
      // Otherwise the events of a busy machine come before the mirror knows how far behind it is, and leave nothing to read.
      w.script.onEstablished = (after) => {
        w.script.hold();
        return after;
      };
    }
    w.script.heal();
  }

  /** Of one key. */
  const isHead = ({ range }: World['script']['reads'][number]): boolean => range?.key !== undefined;
  const isDelta = ({ options }: World['script']['reads'][number]): boolean => options.minModRevision !== undefined;

  test('far behind after a lost connection, it reads what has changed and leaves the watch no time for it', async () => {
    const graceMs = 50_000;
    const mirror = await w.open({ replayRevisions: 10, graceMs });
    const before = mirror.get('b');
    const states: string[] = [];
    mirror.on('state', ({ status }) => states.push(status));
    const heard: unknown[] = [];
    mirror.on('change', ({ cause, changes }) => heard.push([cause, changes.map(({ key, type }) => [key, type])]));
    await miss(20);
    const began = w.clock.now();
    await w.until(async () => {
      expect(shown(mirror)).toEqual(await held(w.data));
    });
    expect(w.clock.now() - began).toBeLessThan(graceMs / 10);
    expect(w.script.reads.filter(isDelta)).toHaveLength(1);
    expect(mirror.get('b')).toBe(before);
    expect(heard).toEqual([
      [
        'resync',
        [
          ['a', 'put'],
          ['gone', 'delete'],
        ],
      ],
    ]);
    // What the first watch had to replay was read: another one begins after it, and takes its place.
    w.script.onBatch = (batch) => batch;
    await w.until(() => w.script.watches.size === 1 && w.script.opened.length === 3);
    // It brings the newest entry once more, to prove the history.
    expect(w.script.opened[2]?.revision).toBe(mirror.revision - 1);
    await w.data.put(`${PREFIX}c`, thing(3));
    await w.until(() => mirror.get('c')?.value.n === 3);
    expect(heard).toHaveLength(2);
    expect(states).not.toContain('stale');
    expect(mirror.state.status).toBe('live');
  });

  test.each([
    ['as far behind as it may be', { replayRevisions: 20 }],
    ['however far behind', { replayRevisions: Infinity }],
  ])('%s, it leaves it to the watch first', async (_how, options) => {
    const mirror = await w.open({ ...options, graceMs: 1_000 });
    await miss(20);
    w.script.onBatch = (batch) => batch;
    await w.until(async () => {
      expect(shown(mirror)).toEqual(await held(w.data));
    });
    await w.clock.advance(2_000);
    expect(w.script.reads.filter(isDelta)).toHaveLength(0);
    // The second watch took the place of the one that was cut, to prove the history.
    expect(w.script.opened).toHaveLength(2);
  });

  /** Misses `count` revisions, and gets their events only after the head was read, and `meanwhile` since the watch was established. */
  async function missLong(mirror: Awaited<ReturnType<World['open']>>, count: number, meanwhile?: () => Promise<void>) {
    await miss(count, { holdsEvents: true });
    w.script.onBatch = (batch) => batch;
    await w.until(() => w.script.opened.length === 2);
    await w.clock.advance(100);
    await meanwhile?.();
    await w.until(() => w.script.reads.some(isHead));
    await w.clock.advance(100);
    w.script.onEstablished = (after) => after;
    w.script.release();
    await w.until(async () => {
      expect(shown(mirror)).toEqual(await held(w.data));
    });
  }

  test('less far behind than it has keys, it leaves it to the watch first', async () => {
    for (let n = 0; n < 30; n++) await w.data.put(`${PREFIX}more/${n}`, thing(n));
    await missLong(await w.open({ replayRevisions: 10 }), 20);
    expect(w.script.reads.filter(isDelta)).toHaveLength(0);
  });

  test('what was written since it came back was not missed, however long its watch takes', async () => {
    await missLong(await w.open({ replayRevisions: 10 }), 5, async () => {
      for (let n = 0; n < 30; n++) await w.data.put('/elsewhere', thing(n));
    });
    expect(w.script.reads.filter(isDelta)).toHaveLength(0);
    expect(w.script.opened).toHaveLength(2);
  });

  test('a prefix that is only idle while others are written is not read', async () => {
    const mirror = await w.open({ replayRevisions: 10 });
    await w.until(() => mirror.state.status === 'live');
    for (let n = 0; n < 30; n++) await w.data.put('/elsewhere', thing(n));
    w.script.reads.length = 0;
    let isSynced = false;
    void mirror.sync().then(() => (isSynced = true));
    await w.until(() => isSynced);
    expect(w.script.reads.filter(isDelta)).toHaveLength(0);
  });

  test('where the watch tells how far behind it is, it is not left to begin: there is none while the changes are read', async () => {
    const mirror = await w.open({ replayRevisions: 10 });
    await miss(20);
    const began = w.clock.now();
    let watches: number | undefined;
    w.script.beforeRead = async (read) => {
      if (!isDelta(read)) return;
      await w.clock.advance(100);
      watches = w.script.watches.size;
    };
    await w.until(() => w.script.reads.some(isDelta));
    expect(w.clock.now() - began).toBeLessThan(100);
    w.script.onBatch = (batch) => batch;
    await w.until(async () => {
      expect(shown(mirror)).toEqual(await held(w.data));
    });
    expect(watches).toBe(0);
    await w.until(() => w.clock.now() - mirror.asOf < 1_000);
    expect(w.script.reads.filter(isDelta)).toHaveLength(1);
  });

  test('a watch that tells more than a read shows is not believed twice', async () => {
    const mirror = await w.open({ replayRevisions: 10 });
    w.script.onHead = (head = toRevision(1)) => toRevision(head + 1_000);
    await miss(5);
    w.script.onBatch = (batch) => batch;
    await w.until(() => w.script.reads.some(isDelta));
    await w.clock.advance(1_000);
    expect(w.script.reads.filter(isDelta)).toHaveLength(1);
    await w.data.put(`${PREFIX}c`, thing(3));
    await w.until(() => mirror.get('c')?.value.n === 3);
  });

  test('a store that tells no head is asked for it', async () => {
    const mirror = await w.open({ replayRevisions: 10 });
    w.script.onHead = () => undefined;
    await miss(20, { holdsEvents: true });
    w.script.onBatch = (batch) => batch;
    await w.until(() => w.script.reads.some(isDelta));
    expect(w.script.reads.some(isHead)).toBe(true);
    w.script.onEstablished = (after) => after;
    w.script.release();
    await w.until(async () => {
      expect(shown(mirror)).toEqual(await held(w.data));
    });
  });

  test('a read of changes that fails is not made again: the watch brings them', async () => {
    const mirror = await w.open({ replayRevisions: 10 });
    await miss(20);
    w.script.onBatch = (batch) => batch;
    let reads = 0;
    w.script.beforeRead = (read) => {
      if (!isDelta(read)) return undefined;
      reads += 1;
      return new Promise(() => undefined);
    };
    await w.until(() => reads === 1);
    await w.until(async () => {
      expect(shown(mirror)).toEqual(await held(w.data));
    });
    expect(reads).toBe(1);
  });
});
