import { type ConfigStore, StoreError } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { MirrorState } from '../src/events/state.js';
import type { ScriptedRead } from './support/scripted-store.js';
import { held, PREFIX, shown, thing, world, type World } from './support/world.js';

/** Restores an older snapshot under the same identity, and lets it overtake what the mirror knows, while nobody can watch. */
async function overtake(w: World, happen: (data: ConfigStore) => Promise<unknown>): Promise<void> {
  const release = w.data.interrupt();
  await happen(w.data);
  release();
}

describe('M8 another history is noticed', () => {
  let w: World;
  beforeEach(async () => {
    w = world();
    for (const key of ['a', 'b', 'c']) await w.data.put(`${PREFIX}${key}`, thing(1));
  });
  afterEach(() => w.close());

  test('trap 17: a restore with the same identity that has overtaken the bookmark ends in the equal state', async () => {
    const snapshot = w.data.snapshot();
    await w.data.put(`${PREFIX}a`, thing(2));
    const mirror = await w.open();
    const before = new Map(mirror);
    const resyncs: unknown[] = [];
    mirror.on('resync', ({ reason }) => resyncs.push(reason));
    await overtake(w, async (data) => {
      w.data.restore(snapshot);
      for (let n = 0; n < 5; n++) await data.put('/elsewhere', String(n));
    });
    await w.until(() => resyncs.length === 1 && mirror.state.status === 'live');
    expect(resyncs).toEqual(['history-changed']);
    expect(mirror.get('a')?.value.n).toBe(1);
    expect(shown(mirror)).toEqual(await held(w.data));
    expect(mirror.get('b')).toBe(before.get('b'));
  });

  test('events of the other history are not shown before it is found out', async () => {
    const snapshot = w.data.snapshot();
    await w.data.put(`${PREFIX}a`, thing(2));
    const mirror = await w.open();
    const torn: unknown[] = [];
    mirror.on('change', ({ cause }) => torn.push([cause, mirror.get('a')?.value.n, mirror.get('d')?.value.n]));
    await overtake(w, async (data) => {
      w.data.restore(snapshot);
      await data.put('/elsewhere', 'x');
      await data.put(`${PREFIX}d`, thing(4));
    });
    await w.until(() => mirror.has('d'));
    expect(torn).toEqual([['resync', 1, 4]]);
  });

  test('the same key, at the same revisions, with another value', async () => {
    const snapshot = w.data.snapshot();
    await w.data.put(`${PREFIX}a`, thing(2));
    const mirror = await w.open();
    await overtake(w, async (data) => {
      w.data.restore(snapshot);
      await data.put(`${PREFIX}a`, thing(3));
      await data.put('/elsewhere', 'x');
    });
    await w.until(() => mirror.get('a')?.value.n === 3 && mirror.state.status === 'live');
  });

  test('the same, where the watch can not begin early enough to bring what is known', async () => {
    const snapshot = w.data.snapshot();
    await w.data.put(`${PREFIX}a`, thing(2));
    await w.data.put('/elsewhere', 'x');
    const mirror = await w.open();
    await overtake(w, async (data) => {
      w.data.restore(snapshot);
      await data.put(`${PREFIX}a`, thing(3));
      const { revision } = await data.put('/elsewhere', 'y');
      await data.compact(revision);
    });
    await w.until(() => mirror.get('a')?.value.n === 3 && mirror.state.status === 'live');
  });

  test('a lost connection to the same history costs one small read, and no resync', async () => {
    const mirror = await w.open();
    await w.clock.advance(500);
    let resyncs = 0;
    mirror.on('resync', () => (resyncs += 1));
    w.script.reads.length = 0;
    w.script.cut();
    await w.data.put(`${PREFIX}d`, thing(4));
    await w.clock.advance(100);
    w.script.heal();
    await w.until(() => mirror.has('d'));
    expect(resyncs).toBe(0);
    expect(w.script.reads[0]).toMatchObject({
      kind: 'list',
      options: { countOnly: true, revision: mirror.revision - 1 },
    });
    expect(w.script.reads.filter(({ kind }) => kind === 'scan')).toEqual([]);
  });

  test('nothing is shown while the check of the history can not be made', async () => {
    const mirror = await w.open();
    await w.clock.advance(500);
    w.script.cut();
    await w.data.put(`${PREFIX}d`, thing(4));
    w.script.heal();
    w.script.beforeRead = ({ options }) => {
      if (options.revision !== undefined) throw new StoreError('permission-denied', 'not now');
    };
    await w.clock.advance(10_000);
    expect(mirror.has('d')).toBe(false);
    w.script.beforeRead = () => undefined;
    await w.until(() => mirror.has('d') && mirror.state.status === 'live');
  });

  test('batches whose connection was lost before their history was verified are never taken in, and the watch has failed, not fallen silent', async () => {
    const mirror = await w.open();
    const states: MirrorState[] = [];
    mirror.on('state', (state) => states.push(state));
    const seen: string[][] = [];
    mirror.on('change', ({ changes }) => seen.push(changes.map(({ key }) => key)));
    // Another connection, whose check is under way when the first events come, and is not answered before that is lost too.
    w.script.cut();
    w.script.heal();
    let answer = () => undefined as void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    w.script.afterRead = () => answered;
    await w.data.put(`${PREFIX}x`, thing(1));
    await w.clock.advance(50);
    const cause = new StoreError('unavailable', 'the connection was lost again');
    for (const watch of w.script.watches) watch.cut(cause);
    w.script.afterRead = () => undefined;
    answer();
    await w.until(() => mirror.has('x') && mirror.state.status === 'live');
    const stale = states.find(({ status }) => status === 'stale');
    expect(stale).toMatchObject({ reason: 'watch-failed', cause: { code: 'unavailable' } });
    // After each loss another one, which brings what is known once more.
    expect(w.script.opened).toHaveLength(3);
    expect(seen).toEqual([['x']]);
    expect(shown(mirror)).toEqual(await held(w.data));
  });

  test('the restore is noticed also where it happens between the load and the watch', async () => {
    const snapshot = w.data.snapshot();
    await w.data.put(`${PREFIX}a`, thing(2));
    w.script.afterRead = async ({ kind }) => {
      if (kind !== 'scan') return;
      w.script.afterRead = () => undefined;
      w.data.restore(snapshot);
      for (let n = 0; n < 5; n++) await w.data.put('/elsewhere', String(n));
    };
    const mirror = await w.open();
    await w.until(() => mirror.get('a')?.value.n === 1 && mirror.state.status === 'live');
    expect(shown(mirror)).toEqual(await held(w.data));
  });

  describe('behind a connection that looks alive', () => {
    test('a store that went back is found out by a read of its head', async () => {
      const snapshot = w.data.snapshot();
      const mirror = await w.open({ livenessMs: 6_000 });
      await w.clock.advance(100);
      await w.data.put(`${PREFIX}a`, thing(2));
      await w.until(() => mirror.get('a')?.value.n === 2);
      w.script.hold();
      w.data.restore(snapshot);
      await w.until(() => mirror.get('a')?.value.n === 1, 6_000);
      expect(shown(mirror)).toEqual(await held(w.data));
    });

    test.each(['like-v3', 'like-v2'] as const)(
      'nor does it go back between two reads of one proof (%s)',
      async (kind) => {
        const own = world(kind);
        await own.data.put(`${PREFIX}a`, thing(1));
        const snapshot = own.data.snapshot();
        await own.data.put(`${PREFIX}a`, thing(2));
        const mirror = await own.open();
        await own.clock.advance(500);
        const resyncs: unknown[] = [];
        mirror.on('resync', ({ reason }) => resyncs.push(reason));
        own.script.hold();
        await own.data.put('/elsewhere', 'x');
        // The head is past the mirror, which is given a moment to get there.
        own.script.afterRead = () => {
          own.script.afterRead = () => undefined;
          own.data.restore(snapshot);
        };
        const seen = mirror.sync().then(() => mirror.get('a')?.value.n);
        await own.until(() => mirror.get('a')?.value.n === 1);
        expect(await seen).toBe(1);
        expect(resyncs).toEqual(['history-changed']);
        await own.close();
      },
    );

    test('nor is what a proof has read taken in, once another one has found the store gone back', async () => {
      const mirror = await w.open({ livenessMs: 6_000 });
      await w.clock.advance(500);
      const snapshot = w.data.snapshot();
      w.script.hold();
      await w.data.put(`${PREFIX}a`, thing(2));
      // The proof that is due now reads the change, and gives the watch its time.
      let reads = 0;
      w.script.afterRead = ({ kind }) => {
        if (kind === 'scan') reads += 1;
      };
      await w.until(() => reads === 1);
      w.data.restore(snapshot);
      await mirror.sync();
      const seen: unknown[] = [];
      mirror.on('change', ({ changes }) => seen.push(changes.map(({ key }) => key)));
      await w.clock.advance(6_000);
      expect(seen).toEqual([]);
      expect(shown(mirror)).toEqual(await held(w.data));
    });

    test('a proof counts for nothing if the loss of the connection is noticed meanwhile', async () => {
      const snapshot = w.data.snapshot();
      await w.data.put(`${PREFIX}a`, thing(2));
      const mirror = await w.open();
      await w.clock.advance(500);
      w.script.hold();
      w.data.restore(snapshot);
      while ((await w.data.status()).revision < mirror.revision) await w.data.put('/elsewhere', 'x');
      // Its head is exactly where the mirror stands: nothing to wait for.
      w.script.afterRead = () => {
        w.script.afterRead = () => undefined;
        w.script.release();
      };
      const seen = mirror.sync().then(() => mirror.get('a')?.value.n);
      await w.until(() => mirror.get('a')?.value.n === 1);
      expect(await seen).toBe(1);
    });

    test('what a read brings of a history that has overtaken is not put on top of the other one', async () => {
      const snapshot = w.data.snapshot();
      await w.data.put(`${PREFIX}a`, thing(2));
      const mirror = await w.open();
      await w.clock.advance(500);
      const resyncs: unknown[] = [];
      mirror.on('resync', ({ reason }) => resyncs.push(reason));
      w.script.hold();
      w.data.restore(snapshot);
      for (let n = 0; n < 5; n++) await w.data.put('/elsewhere', String(n));
      await w.data.put(`${PREFIX}a`, thing(3));
      await w.data.put(`${PREFIX}b`, thing(3));
      const seen = mirror.sync().then(() => mirror.get('b')?.value.n);
      await w.until(() => mirror.get('b')?.value.n === 3);
      expect(await seen).toBe(3);
      expect(resyncs).toEqual(['history-changed']);
      expect(shown(mirror)).toEqual(await held(w.data));
    });
  });

  test('auditEveryMs finds what no fingerprint can tell', async () => {
    const mirror = await w.open({ auditEveryMs: 60_000 });
    await w.until(() => w.script.opened.length === 1);
    const resyncs: unknown[] = [];
    mirror.on('resync', ({ reason }) => resyncs.push(reason));
    // An event is lost on the way, together with the progress that would have covered it: the adapter is broken.
    w.script.onBatch = (batch) => ({
      ...batch,
      events: batch.events.filter((event) => event.type !== 'put' || event.current.key !== `${PREFIX}b`),
    });
    await w.data.put(`${PREFIX}b`, thing(7));
    await w.data.put(`${PREFIX}c`, thing(8));
    await w.until(() => mirror.get('c')?.value.n === 8);
    w.script.onBatch = (batch) => batch;
    expect(mirror.get('b')?.value.n).toBe(1);
    await w.until(() => resyncs.length > 0, 120_000);
    expect(resyncs).toEqual(['audit']);
    expect(mirror.get('b')?.value.n).toBe(7);
    expect(shown(mirror)).toEqual(await held(w.data));
  });

  test('an audit of what is equal finds nothing, also while keys change, come and go', async () => {
    const mirror = await w.open({ auditEveryMs: 1_000 });
    let late = false;
    let resyncs = 0;
    mirror.on('resync', () => (resyncs += 1));
    w.script.afterRead = async ({ kind, options }) => {
      if (kind !== 'scan' || options.minModRevision !== undefined) return;
      await w.data.put(`${PREFIX}a`, thing(w.clock.now()));
      await w.data.delete(`${PREFIX}b`);
      await w.data.put(`${PREFIX}b`, thing(2));
      await w.data.delete(`${PREFIX}c`);
      const { revision } = await w.data.put(`${PREFIX}d`, thing(3));
      // The mirror is past all that when the page comes, every other time.
      if ((late = !late)) while (mirror.revision < revision) await new Promise((resolve) => setImmediate(resolve));
    };
    w.script.reads.length = 0;
    await w.clock.advance(20_000);
    expect(w.script.reads.filter(({ kind }) => kind === 'scan').length).toBeGreaterThan(10);
    expect(resyncs).toBe(0);
    expect(shown(mirror)).toEqual(await held(w.data));
  });
});

describe('M8 where the past can not be read', () => {
  let w: World;
  beforeEach(async () => {
    w = world('like-v2');
    await w.data.put(`${PREFIX}a`, thing(1));
  });
  afterEach(() => w.close());

  test('a restore between the load and the watch is noticed there too, before anything of it is shown', async () => {
    const snapshot = w.data.snapshot();
    await w.data.put(`${PREFIX}a`, thing(2));
    const seen: unknown[] = [];
    const mirror = await w.open({
      onChange: ({ changes }) => {
        seen.push(changes.map(({ key, type }) => [type, key]));
        // Right when the load is shown: the watch is not yet established.
        if (seen.length === 1) w.script.isCut = true;
      },
    });
    w.data.restore(snapshot);
    for (let n = 0; n < 5; n++) await w.data.put('/elsewhere', String(n));
    await w.data.put(`${PREFIX}b`, thing(3));
    w.script.heal();
    await w.until(() => mirror.has('b'));
    expect(shown(mirror)).toEqual(await held(w.data));
    expect(seen).toEqual([
      [['put', 'a']],
      [
        ['put', 'a'],
        ['put', 'b'],
      ],
    ]);
  });

  test('what a watch that has ended still held is not put on top of a history that was read meanwhile', async () => {
    const mirror = await w.open();
    await w.until(() => mirror.state.status === 'live');
    const snapshot = w.data.snapshot();
    const shownFirst: unknown[] = [];
    // Another connection, whose check is under way when the next events come.
    w.script.cut();
    w.script.heal();
    let answer = () => undefined as void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    w.script.beforeRead = () => answered;
    for (const name of ['x', 'y', 'z']) await w.data.put(`${PREFIX}${name}`, thing(1));
    await w.clock.advance(10);
    w.script.failWatches(new StoreError('unavailable', 'the watch broke at the server'));
    w.data.restore(snapshot);
    await w.data.put(`${PREFIX}b`, thing(2));
    mirror.on('change', () => shownFirst.push(shown(mirror)));
    w.script.beforeRead = () => undefined;
    answer();
    await w.until(() => mirror.has('b') && mirror.state.status === 'live');
    const truth = await held(w.data);
    expect(shown(mirror)).toEqual(truth);
    expect(shownFirst[0]).toEqual(truth);
    expect(mirror.has('z')).toBe(false);
    expect(shownFirst).toHaveLength(1);
  });

  test('every lost connection is followed by a full diff', async () => {
    const snapshot = w.data.snapshot();
    await w.data.put(`${PREFIX}a`, thing(2));
    const mirror = await w.open();
    await w.clock.advance(500);
    const resyncs: unknown[] = [];
    mirror.on('resync', ({ reason }) => resyncs.push(reason));
    await overtake(w, async (data) => {
      w.data.restore(snapshot);
      for (let n = 0; n < 5; n++) await data.put('/elsewhere', String(n));
    });
    await w.until(() => mirror.get('a')?.value.n === 1);
    expect(resyncs).toEqual(['unverified']);
    expect(w.script.opened).toHaveLength(1);
    await w.data.put(`${PREFIX}z`, thing(9));
    await w.until(() => mirror.has('z'));
  });
});

describe.each(['like-v3', 'like-v2'] as const)('M8 an audit, on a store %s', (kind) => {
  test.each([
    ['was there before', true, true, ['behind']],
    ['came only after the last step', false, true, ['behind']],
    ['left everything as it was', false, false, []],
  ])('finds nothing in what sync() read while it ran: a key that went, and %s', async (_, isKnown, more, expected) => {
    const w = world(kind);
    if (isKnown) await w.data.put(`${PREFIX}b`, thing(1));
    const mirror = await w.open({ auditEveryMs: 20_000 });
    await w.until(() => mirror.state.status === 'live');
    const resyncs: unknown[] = [];
    mirror.on('resync', ({ reason }) => resyncs.push(reason));
    let audits = 0;
    const isAudit = ({ kind: read, options }: ScriptedRead) => read === 'scan' && options.minModRevision === undefined;
    w.script.beforeRead = async (read) => {
      if (!isAudit(read) || audits > 0) return;
      w.script.hold();
      await w.data.put(`${PREFIX}b`, thing(2));
    };
    w.script.afterRead = async (read) => {
      if (!isAudit(read) || (audits += 1) > 1) return;
      // The watch is late, and sync() reads what has become of it; the page of the audit comes only then.
      await w.data.delete(`${PREFIX}b`);
      if (more) await w.data.put(`${PREFIX}c`, thing(3));
      const { revision } = await w.data.status();
      const synced = mirror.sync();
      while (mirror.revision < revision) await new Promise((resolve) => setImmediate(resolve));
      await synced;
      w.script.release();
    };
    await w.until(() => audits > 0, 60_000);
    await w.clock.advance(3_000);
    expect(resyncs).toEqual(expected);
    expect(shown(mirror)).toEqual(await held(w.data));
    await w.close();
  });
});

describe.each(['like-v3', 'like-v2'] as const)('M8 while the watch has no connection, on a store %s', (kind) => {
  test('a head that another history has reached as well proves nothing', async () => {
    const w = world(kind);
    const snapshot = w.data.snapshot();
    await w.data.put(`${PREFIX}a`, thing(2));
    const mirror = await w.open();
    await w.clock.advance(500);
    // Reads get through; the watch does not.
    w.script.cut();
    w.script.beforeRead = () => undefined;
    w.data.restore(snapshot);
    await w.data.put(`${PREFIX}b`, thing(3));
    expect((await w.data.status()).revision).toBe(mirror.revision);
    const synced = mirror.sync();
    await w.until(() => mirror.has('b'));
    await synced;
    expect(shown(mirror)).toEqual(await held(w.data));
    w.script.heal();
    await w.close();
  });
});
