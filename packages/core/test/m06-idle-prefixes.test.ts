import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PREFIX, thing, world, type World } from './support/world.js';

async function othersWriteAndCompact(w: World): Promise<void> {
  for (let n = 0; n < 500; n++) await w.data.put('/others', String(n));
  await w.clock.advance(1_000);
  await w.data.compact((await w.data.list('/others')).bookmark.revision);
}

describe('M6 idle prefixes stay resumable', () => {
  let w: World;
  afterEach(() => w.close());

  describe('where progress is exact', () => {
    beforeEach(async () => {
      w = world();
      await w.data.put(`${PREFIX}a`, thing(1));
    });

    test("other prefixes' traffic, a compaction, and then a lost connection force no resync", async () => {
      const mirror = await w.open();
      let resyncs = 0;
      mirror.on('resync', () => (resyncs += 1));
      await othersWriteAndCompact(w);
      w.script.cut();
      await w.clock.advance(1_000);
      w.script.heal();
      await w.data.put(`${PREFIX}b`, thing(2));
      await w.until(() => mirror.has('b'));
      expect(resyncs).toBe(0);
      expect(
        w.script.reads.filter(({ kind, options }) => kind === 'scan' && options.minModRevision === undefined),
      ).toHaveLength(1);
    });

    test('nor where the watch was told of no progress: what a proof has covered needs no history', async () => {
      const mirror = await w.open();
      let resyncs = 0;
      mirror.on('resync', () => (resyncs += 1));
      w.script.onBatch = (batch) => (batch.kind === 'progress' ? undefined : batch);
      for (let round = 0; round < 3; round++) {
        for (let n = 0; n < 10; n++) await w.data.put('/others', String(n));
        const proved = mirror.sync();
        await w.clock.advance(1_000);
        await proved;
        await w.data.compact(mirror.revision);
        w.script.cut();
        await w.clock.advance(1_000);
        w.script.heal();
        await w.data.put(`${PREFIX}${round}`, thing(2));
        await w.until(() => mirror.has(String(round)) && mirror.state.status === 'live');
      }
      expect(resyncs).toBe(0);
    });

    test('a compaction that has overtaken the proofs too is a resync', async () => {
      const mirror = await w.open();
      const reasons: string[] = [];
      mirror.on('resync', ({ reason }) => reasons.push(reason));
      w.script.onBatch = (batch) => (batch.kind === 'progress' ? undefined : batch);
      await w.data.put('/others', '1');
      const proved = mirror.sync();
      await w.clock.advance(1_000);
      await proved;
      w.script.cut();
      await othersWriteAndCompact(w);
      w.script.heal();
      await w.data.put(`${PREFIX}b`, thing(2));
      await w.until(() => mirror.has('b') && mirror.state.status === 'live');
      expect(reasons).toEqual(['compacted']);
    });
  });

  describe('where it is not', () => {
    beforeEach(async () => {
      w = world('like-v2');
      await w.data.put(`${PREFIX}a`, thing(1));
    });

    test('an overrun is a diff, never a gap', async () => {
      const mirror = await w.open();
      await othersWriteAndCompact(w);
      w.script.cut();
      await w.data.put(`${PREFIX}b`, thing(2));
      await othersWriteAndCompact(w);
      w.script.heal();
      await w.until(() => mirror.has('b') && mirror.state.status === 'live');
    });

    test('the proofs move the bookmark along, so that a new watch can start from there', async () => {
      const mirror = await w.open({ livenessMs: 3_000 });
      const { revision } = mirror;
      for (let n = 0; n < 10; n++) await w.data.put('/others', String(n));
      await w.clock.advance(3_000);
      expect(mirror.revision).toBe(revision + 10);
      expect(mirror.state.status).toBe('live');
    });
  });
});
