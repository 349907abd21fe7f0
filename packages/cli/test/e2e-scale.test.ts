import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { json, mirror, text, type Change, type ChangeEvent } from '@holdfast/core';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore, Op, Revision, Watch } from '@holdfast/store';
import { eventually, findEtcd, startEtcd, type Etcd } from '@holdfast/testkit';
import { z } from 'zod';
import { collectionsOf, generateEntries } from './support/gateway-entries.js';
import { schemaOf } from './support/apisix-schemas.js';

const KEYS = 100_000;

describe.each([findEtcd({})])('on etcd $version', ({ version }) => {
  let etcd: Etcd;
  let store: ConfigStore;
  /** The store of "somebody else", who writes. */
  let writer: ConfigStore;

  beforeEach(async () => {
    etcd = await startEtcd({ version });
    store = etcdV3Store({ endpoints: etcd.endpoints });
    writer = etcdV3Store({ endpoints: etcd.endpoints });
  });

  afterEach(async () => {
    await Promise.all([store.close(), writer.close()]);
    await etcd.close();
  });

  const watchers = () => etcd.metric('etcd_debugging_mvcc_watcher_total');
  const streams = () => etcd.metric('etcd_debugging_mvcc_watch_stream_total');

  /** Writes in transactions of 100, several at a time. */
  async function fill(entries: Iterable<{ key: string; value: string }>): Promise<void> {
    const pending = entries[Symbol.iterator]();
    const work = async () => {
      for (;;) {
        const then: Op[] = [];
        for (let next = pending.next(); next.done !== true; next = pending.next()) {
          then.push({ type: 'put', ...next.value });
          if (then.length === 100) break;
        }
        if (then.length === 0) return;
        await writer.txn({ then });
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
  }

  test(`${KEYS.toLocaleString('en')} keys load, follow changes, and outlive a restart`, async () => {
    await fill(generateEntries(KEYS));
    const names = collectionsOf([...generateEntries(100)]);
    const gateway = await mirror(store, {
      prefix: '/apisix/',
      collections: Object.fromEntries(names.map((name) => [name, { schema: schemaOf(name) }])),
      startTimeoutMs: 600_000,
    });

    /** Every key of the store at its revision: shown, or listed as a problem. */
    const expectEqual = async () => {
      await gateway.sync({ timeoutMs: 300_000 });
      const { items, count } = await writer.list({ prefix: '/apisix/' }, { keysOnly: true });
      const held = new Map(items.map(({ key, modRevision }) => [key, modRevision]));
      const shown = new Map<string, Revision>();
      for (const name of names) {
        for (const [key, { modRevision }] of gateway.collections[name] ?? [])
          shown.set(`/apisix/${name}/${key}`, modRevision);
      }
      for (const { collection, key, revision } of gateway.problems())
        shown.set(`/apisix/${collection}/${key}`, revision);
      expect(shown.size).toBe(count);
      expect([...held].filter(([key, modRevision]) => shown.get(key) !== modRevision)).toEqual([]);
      expect(gateway.state.status).toBe('live');
    };

    await expectEqual();
    expect(gateway.problems().length).toBeGreaterThan(500);
    for (let n = 0; n < 300; n += 1) {
      const key = `/apisix/routes/generated-${n * 8}`;
      if (n % 3 === 0) await writer.delete(key);
      else await writer.put(key, JSON.stringify({ uri: `/changed/${n}` }));
    }
    await expectEqual();
    const [member] = etcd.members;
    await member?.kill();
    await member?.start();
    await writer.put('/apisix/routes/after', '{"uri":"/after"}');
    await eventually(expectEqual, { timeoutMs: 40_000 });
    await gateway.close();
    await eventually(async () => {
      expect(await watchers()).toBe(0);
    });
  });

  test('trap 18: a transaction of 128 keys over several collections is never seen in parts, by a listener or a reader', async () => {
    const Generation = z.object({ generation: z.int() });
    const put = (generation: number): Op[] =>
      Array.from({ length: 128 }, (_, n) => ({
        type: 'put',
        key: `/app/${['routes', 'upstreams', 'services', 'plugins'][n % 4]}/${n}`,
        value: JSON.stringify({ generation }),
      }));
    await writer.txn({ then: put(0) });
    const app = await mirror(store, {
      prefix: '/app/',
      collections: {
        routes: { schema: Generation },
        upstreams: { schema: Generation },
        services: { schema: Generation },
        plugins: { schema: Generation },
      },
    });
    const generations = () => {
      const all = [app.routes, app.upstreams, app.services, app.plugins].flatMap((each) => [...each.values()]);
      expect(all.length).toBe(128);
      return [...new Set(all.map(({ value }) => value.generation))];
    };

    const heard: { changes: number; generations: number[] }[] = [];
    app.on('change', ({ changes }) => heard.push({ changes: changes.length, generations: generations() }));
    let polls = 0;
    const torn: number[][] = [];
    const timer = setInterval(() => {
      polls += 1;
      const seen = generations();
      if (seen.length !== 1) torn.push(seen);
    }, 0);

    const last = 60;
    for (let generation = 1; generation <= last; generation += 1) {
      const { revision } = await writer.txn({ then: put(generation) });
      if (generation % 10 === 0) await app.waitFor(revision);
    }
    await app.sync();
    clearInterval(timer);
    // Each step is whole generations; a server that is behind may send several of them in one batch.
    expect(heard.filter(({ changes, generations: seen }) => changes !== 128 || seen.length !== 1)).toEqual([]);
    const shown = heard.flatMap(({ generations: seen }) => seen);
    expect(shown).toEqual([...new Set(shown)].sort((a, b) => a - b));
    expect(shown.at(-1)).toBe(last);
    expect(torn).toEqual([]);
    expect(polls).toBeGreaterThan(10);
    await app.close();
  });

  test('ten mirrors on one store share one stream, and leave no watcher behind', async () => {
    await writer.put('/app/0/a', '"a"');
    const mirrors = await Promise.all(
      Array.from({ length: 10 }, (_, n) => mirror(store, { prefix: `/app/${n}/`, codec: json() })),
    );
    await eventually(async () => {
      expect(await watchers()).toBe(10);
    });
    expect(await streams()).toBe(1);
    await Promise.all(mirrors.map((_, n) => writer.put(`/app/${n}/b`, String(n))));
    await Promise.all(mirrors.map((each) => each.sync()));
    expect(mirrors.map((each) => each.get('b')?.value)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await streams()).toBe(1);
    await Promise.all(mirrors.map((each) => each.close()));
    await eventually(async () => {
      expect(await watchers()).toBe(0);
    });
  });

  test('one stalled consumer and nine live mirrors on one stream do not disturb each other', async () => {
    const value = 'x'.repeat(64 * 1024);
    const writes = 200;
    const stalled: Watch = store.watch({ prefix: '/app/' }, { bufferBytes: 256 * 1024 });
    await stalled.ready;
    const mirrors = await Promise.all(
      Array.from({ length: 9 }, () => mirror(store, { prefix: '/app/', codec: text() })),
    );
    const steps: ChangeEvent<Change<string>>[] = [];
    mirrors[0]?.on('change', (step) => steps.push(step));

    const revisions: Revision[] = [];
    const numbers = Array.from({ length: writes }, (_, n) => n);
    for (const n of numbers) {
      const { revision } = await writer.put(`/app/${n}`, `${n} ${value}`);
      revisions.push(revision);
    }
    await Promise.all(mirrors.map((each) => each.waitFor(revisions.at(-1) ?? 0)));
    for (const each of mirrors) {
      expect(each.state.status).toBe('live');
      expect([...each.values()].map(({ value }) => Number.parseInt(value)).sort((a, b) => a - b)).toEqual(numbers);
    }
    // A step has the revisions of a batch, or of a read where the watch is behind, and those are in the order of the keys: each
    // write is told of once all the same, and in the step that reaches it.
    let reached = 0;
    const told = steps.flatMap(({ bookmark, changes }) => {
      const after = reached;
      reached = bookmark.revision;
      return changes.map((change) => {
        if (change.type !== 'put') throw new Error(`nobody deleted ${change.key}`);
        const { modRevision } = change.current;
        expect(modRevision).toBeGreaterThan(after);
        expect(modRevision).toBeLessThanOrEqual(reached);
        return modRevision;
      });
    });
    expect(told.sort((a, b) => a - b)).toEqual(revisions);
    expect(reached).toBe(revisions.at(-1));
    // The stalled one is paused at the server, alone; the stream is the one that all share.
    expect(await streams()).toBe(1);
    await eventually(async () => {
      expect(await watchers()).toBe(9);
    });

    const seen: Revision[] = [];
    for await (const batch of stalled) {
      for (const event of batch.events) seen.push(event.revision);
      if (seen.length >= writes) break;
    }
    expect(seen).toEqual(revisions);
    await Promise.all(mirrors.map((each) => each.close()));
    await eventually(async () => {
      expect(await watchers()).toBe(0);
    });
  });
});
