import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { json, mirror } from '../src/index.js';
import { world, type World } from './support/world.js';
import { inBackground } from '../../../.ci/test/support/in-background.js';

describe('M4 one batch, one revision step', () => {
  let w: World;
  beforeEach(async () => {
    w = world();
    await w.data.put('/gw/routes/r1', '{"upstream":"u1"}');
    await w.data.put('/gw/upstreams/u1', '{"host":"a"}');
    await w.data.put('/gw/limits', '{"rps":10}');
    await w.data.put('/gw/unclaimed/x', 'not JSON, and nobody asked');
  });
  afterEach(() => w.close());

  async function gateway() {
    const pending = mirror(w.store, {
      prefix: '/gw/',
      clock: w.clock,
      collections: {
        routes: { schema: z.object({ upstream: z.string() }) },
        upstreams: { codec: json<{ host: string }>() },
        limits: { key: 'limits', schema: z.object({ rps: z.number() }) },
      },
    });
    await w.clock.advance(1_000);
    return pending;
  }

  test.each(['watch', 'sync()'])(
    'at any await, what the mirror shows was told: also to those whom it lets go there (a step that came by %s)',
    async (how) => {
      const untold: number[] = [];
      for (let turns = 0; turns < 40; turns++) {
        const m = await gateway();
        await w.clock.advance(500);
        let told = m.limits.value?.rps;
        m.limits.on('change', () => (told = m.limits.value?.rps));
        const close = async () => {
          for (let turn = 0; turn < turns; turn++) {
            await Promise.resolve();
            if (told !== m.limits.value?.rps) untold.push(turn);
          }
          await m.close();
        };
        let closing: Promise<void> | undefined;
        if (how === 'watch') {
          w.script.onBatch = (batch) => {
            closing ??= close();
            return batch;
          };
        } else {
          w.script.onBatch = () => undefined;
          w.script.afterRead = ({ options }) => {
            if (options.minModRevision !== undefined) closing ??= close();
          };
        }
        await w.data.put('/gw/limits', JSON.stringify({ rps: 100 + turns }));
        const synced = how === 'watch' ? undefined : m.sync().catch(() => undefined);
        await w.until(() => closing !== undefined);
        await closing;
        expect(told).toBe(m.limits.value?.rps);
        await w.clock.advance(1_000);
        await synced;
        w.script.onBatch = (batch) => batch;
        w.script.afterRead = () => undefined;
        await m.close();
      }
      expect(untold).toEqual([]);
    },
  );

  test('trap 18: keys of one transaction become visible together, in all collections, before any listener runs', async () => {
    const m = await gateway();
    const seen: unknown[] = [];
    const look = (who: string) => () =>
      seen.push([
        who,
        m.routes.get('r1')?.value.upstream,
        m.upstreams.has('u1'),
        m.upstreams.has('u2'),
        m.limits.value?.rps,
      ]);
    m.on('change', look('mirror'));
    m.routes.on('change', look('routes'));
    m.upstreams.subscribe(look('upstreams'));
    m.limits.on('change', look('limits'));
    await w.data.txn({
      then: [
        { type: 'put', key: '/gw/upstreams/u2', value: '{"host":"b"}' },
        { type: 'put', key: '/gw/routes/r1', value: '{"upstream":"u2"}' },
        { type: 'delete', range: '/gw/upstreams/u1' },
        { type: 'put', key: '/gw/limits', value: '{"rps":20}' },
      ],
    });
    await w.until(() => seen.length === 4);
    expect(seen).toEqual(['mirror', 'routes', 'upstreams', 'limits'].map((who) => [who, 'u2', false, true, 20]));
    await m.close();
  });

  test.each([
    ['a transaction', 0],
    ['a long transaction', 50],
  ])('trap 18: no reader sees a part of %s, whenever it looks', async (_, others) => {
    const m = await gateway();
    const seen = new Set<string>();
    await using looking = inBackground(async (isOver) => {
      while (!isOver()) {
        // As often as any code of the application could: after each promise, and in each turn of the event loop.
        for (let look = 0; look < 20; look++) {
          seen.add(`${m.routes.get('r1')?.value.upstream} ${[...m.upstreams.keys()].join()} ${m.limits.value?.rps}`);
          await Promise.resolve();
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    await w.data.txn({
      then: [
        { type: 'put', key: '/gw/upstreams/u2', value: '{"host":"b"}' },
        { type: 'put', key: '/gw/routes/r1', value: '{"upstream":"u2"}' },
        { type: 'delete', range: '/gw/upstreams/u1' },
        ...Array.from({ length: others }, (_each, index) => ({
          type: 'put' as const,
          key: `/gw/routes/other-${index}`,
          value: '{"upstream":"u2"}',
        })),
        { type: 'put', key: '/gw/limits', value: '{"rps":20}' },
      ],
    });
    await w.until(() => seen.has('u2 u2 20'));
    await looking.stop();
    expect([...seen]).toEqual(['u1 u1 10', 'u2 u2 20']);
    await m.close();
  });

  test('trap 13: a collection holds what is below its name, and none of its siblings', async () => {
    const m = await gateway();
    await w.data.put('/gw/routes-v2/r8', '{"upstream":"u8"}');
    await w.data.put('/gw/routesr9', '{"upstream":"u9"}');
    await w.data.put('/gw/routes/r2', '{"upstream":"u2"}');
    await w.until(() => m.routes.has('r2'));
    expect([...m.routes.keys()].sort()).toEqual(['r1', 'r2']);
    await m.close();
  });

  test('each change says its collection; a collection hears only of its own', async () => {
    const m = await gateway();
    const all: string[] = [];
    const routes: string[] = [];
    m.on('change', ({ changes }) => all.push(...changes.map(({ collection, key }) => `${collection}:${key}`)));
    m.routes.on('change', ({ changes }) =>
      routes.push(...changes.map(({ collection, key }) => `${collection}:${key}`)),
    );
    await w.data.put('/gw/upstreams/u2', '{"host":"b"}');
    await w.data.put('/gw/routes/r2', '{"upstream":"u2"}');
    await w.data.put('/gw/unclaimed/y', '?');
    await w.until(() => all.length === 2);
    await w.clock.advance(1_000);
    expect(all).toEqual(['upstreams:u2', 'routes:r2']);
    expect(routes).toEqual(['routes:r2']);
    expect(m.problems()).toEqual([]);
    await m.close();
  });

  test('a batch with an invalid value is as whole as any', async () => {
    const m = await gateway();
    const { version } = m;
    await w.data.txn({
      then: [
        { type: 'put', key: '/gw/upstreams/u1', value: '{"host":"z"}' },
        { type: 'put', key: '/gw/routes/r1', value: '{"upstream":7}' },
      ],
    });
    await w.until(() => m.problems().length === 1);
    expect(m.upstreams.get('u1')?.value.host).toBe('z');
    expect(m.routes.get('r1')?.value.upstream).toBe('u1');
    expect(m.version).toBe(version + 1);
    expect(m.problems()).toMatchObject([{ collection: 'routes', key: 'r1' }]);
    await m.close();
  });

  test('a resync steps all collections at once too', async () => {
    const m = await gateway();
    const steps: unknown[] = [];
    m.on('change', ({ changes }) =>
      steps.push(changes.length, m.routes.get('r1')?.value.upstream, m.limits.value?.rps),
    );
    w.script.cut();
    await w.data.put('/gw/routes/r1', '{"upstream":"u9"}');
    await w.data.put('/gw/limits', '{"rps":99}');
    await w.data.compact((await w.data.list({ prefix: '/gw/' })).bookmark.revision);
    w.script.heal();
    await w.until(() => steps.length > 0);
    expect(steps).toEqual([2, 'u9', 99]);
    await m.close();
  });
});
