// The faults that a naive mirror does not survive, as for etcd v3 (packages/cli/test/faults/v3-rows.test.ts): real servers, default options,
// through a proxy, row for row. Each ends with the mirror equal to what a query prints, live, and one connection that listens.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { postgresStore, type PostgresStoreOptions } from '@holdfast/postgres';
import type { ConfigStore } from '@holdfast/store';
import {
  availablePostgres,
  eventually,
  startPostgres,
  startProxy,
  type AbandonedConnections,
  type Postgres,
  type Proxy,
} from '@holdfast/testkit';
import type { Outside } from '../../cli/test/faults/outside.js';
import { ListenersCopy, WatchedMirror } from '../../cli/test/faults/watched-mirror.js';
import { burst } from '../../cli/test/faults/writers.js';
import { Asker, through } from './support/database.js';

const MEGABYTE = 1_000_000;

// The other versions run the conformance suite.
describe.each(availablePostgres().slice(0, 1))('the mirror on PostgreSQL $version', ({ version }) => {
  let server: Postgres;
  let asker: Asker;
  let proxy: Proxy;
  /** Through the proxy. */
  let store: ConfigStore;
  /** Around it. */
  let writer: ConfigStore;
  let prefix = '';
  let row = 0;
  const opened: WatchedMirror[] = [];

  beforeAll(async () => {
    server = await startPostgres({ version, fsync: true });
    writer = postgresStore({ connectionString: server.url });
    asker = new Asker(server.url);
  });

  afterAll(async () => {
    await Promise.all([writer.close(), asker.close()]);
    await server.close();
  });

  beforeEach(async () => {
    prefix = `/${(row += 1)}/`;
    proxy = await startProxy(`http://127.0.0.1:${server.port}`);
    store = connect();
    await burst(writer, 200, (index) => `${prefix}${index}`);
  });

  afterEach(async () => {
    try {
      for (const watched of opened.splice(0)) await watched.mirror.close();
      await store.close();
      await eventually(async () => (await outside.watchers()) === 0);
    } finally {
      // What a failed test has left half-open would fail the next one, too.
      await proxy.close();
    }
  });

  const connect = (options: Partial<PostgresStoreOptions> = {}) =>
    postgresStore({ connectionString: through(server, proxy.port), ...options });

  /** What the tables hold below a prefix that ends with a slash, and how many connections listen. */
  const outside: Outside = {
    held: async (below) => {
      const rows = await asker.ask(
        `SELECT convert_from(key, 'UTF8') AS key, convert_from(value, 'UTF8') AS json, revision::text AS mod, create_revision::text AS created
         FROM (SELECT DISTINCT ON (key) * FROM holdfast.versions WHERE key >= '${below}' AND key < '${below.slice(0, -1)}0' ORDER BY key, revision DESC) v
         WHERE version > 0`,
      );
      return new Map(
        (rows as unknown as Record<'key' | 'json' | 'mod' | 'created', string>[]).map(({ key, json, mod, created }) => [
          key.slice(below.length),
          { json, modRevision: Number(mod), createRevision: Number(created) },
        ]),
      );
    },
    watchers: async () => {
      const [found] = await asker.ask("SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
      return found?.['n'] as number;
    },
  };

  async function open(on: ConfigStore = store): Promise<WatchedMirror> {
    const watched = await WatchedMirror.open(on, outside, prefix);
    opened.push(watched);
    await watched.settled();
    watched.events.length = 0;
    return watched;
  }

  function disconnect(): void {
    proxy.refuse();
    proxy.cut();
  }

  /** Cuts right behind the answer to a look of a watch: the first one after the connection that listens has said so. */
  function cutAfterFirstLook() {
    let listens = false;
    return proxy.cutWhen((chunk) => {
      const text = Buffer.from(chunk).toString('latin1');
      const before = listens;
      listens ||= text.includes('LISTEN\0');
      return before && text.includes('COMMIT\0');
    });
  }

  const compact = async () => writer.compact((await writer.status()).revision, { physical: true });

  test('kill -9 and restart of the server', async () => {
    const watched = await open();
    await writer.put(`${prefix}before`, '1');
    await server.kill();
    await server.start();
    await eventually(() => writer.status());
    await burst(writer, 50, (index) => `${prefix}after/${index}`);
    await watched.settled();
    expect(watched.resyncReasons).toEqual([]);
    expect(watched.told).toHaveLength(51);
  });

  test('cut, 2,000 writes, restored', async () => {
    const watched = await open();
    disconnect();
    await burst(writer, 2_000, (index) => `${prefix}${index % 300}`);
    await writer.delete(`${prefix}0`);
    await proxy.allow();
    await watched.settled();
    expect(watched.resyncReasons).toEqual([]);
  });

  test('the same, compacted meanwhile', async () => {
    const watched = await open();
    const kept = watched.mirror.get('199');
    disconnect();
    await burst(writer, 2_000, (index) => `${prefix}${index % 100}`);
    await writer.delete(`${prefix}150`);
    await compact();
    await proxy.allow();
    await watched.settled();
    expect(watched.resyncReasons).toEqual(['compacted']);
    expect(watched.told).toHaveLength(101);
    expect(watched.mirror.get('199')).toBe(kept);
  });

  test('half-open connections', async () => {
    const halfOpen = connect({ timeouts: { requestMs: 1_000 } });
    let abandoned: AbandonedConnections | undefined;
    try {
      const watched = await open(halfOpen);
      abandoned = proxy.abandon();
      await burst(writer, 300, (index) => `${prefix}${index * 2}`);
      // Another connection listens. The server can't know that the first is dead: it counts both.
      await watched.settled({ watchers: 2 });
      abandoned.end();
      await writer.put(`${prefix}after`, '1');
      await watched.settled();
      await watched.close();
    } finally {
      abandoned?.end();
      await halfOpen.close();
    }
  });

  test('idle prefix, 3,000 foreign writes, compaction, cut', async () => {
    const watched = await open();
    await burst(writer, 3_000, (index) => `/foreign/${index % 100}`);
    await watched.mirror.sync();
    await compact();
    proxy.cut();
    await writer.put(`${prefix}first`, '1');
    await watched.settled();
    expect(watched.resyncReasons).toEqual([]);
    expect(watched.told).toEqual(['first']);
  });

  test('listeners attached late', async () => {
    const watched = await open();
    const { mirror } = watched;
    const copies: ListenersCopy[] = [];
    const attach = () => {
      const copy = new ListenersCopy();
      copies.push(copy);
      mirror.subscribe((event) => copy.tell(event), { replay: true });
    };
    const began = mirror.revision;
    const writing = burst(writer, 1_000, (index) => `${prefix}${index % 500}`);
    for (const seen of [50, 250, 500]) {
      await eventually(() => mirror.revision >= began + seen);
      attach();
      proxy.cut();
    }
    // Into the catch-up, and into the resync.
    disconnect();
    await writing;
    await burst(writer, 1_000, (index) => `${prefix}${index % 600}`);
    await proxy.allow();
    const { revision: head } = await writer.status();
    await eventually(() => mirror.revision > head - 1_000);
    attach();
    disconnect();
    await burst(writer, 500, (index) => `${prefix}${index}`);
    await compact();
    mirror.once('state', attach);
    await proxy.allow();
    await watched.settled();
    attach();
    expect(copies).toHaveLength(6);
    for (const copy of copies) expect([...copy.violations, ...copy.differences(mirror)]).toEqual([]);
  });

  test('cut right after the first look of a watch', async () => {
    // What `created` is to etcd: from here on, the mirror knows where it follows from. Its first watch, and the one that follows a cut.
    const first = cutAfterFirstLook();
    const opening = WatchedMirror.open(store, outside, prefix);
    await first.happened;
    await burst(writer, 200, (index) => `${prefix}first/${index}`);
    const watched = await opening;
    opened.push(watched);
    await watched.settled();
    disconnect();
    await burst(writer, 200, (index) => `${prefix}second/${index}`);
    const second = cutAfterFirstLook();
    await proxy.allow();
    await second.happened;
    await watched.settled();
    expect(watched.resyncReasons).toEqual([]);
  });

  test('cut in the middle of a 2,000-event backlog', async () => {
    const watched = await open();
    disconnect();
    await burst(writer, 2_000, (index) => `${prefix}backlog/${index}`);
    const cut = proxy.cutAfter(100_000);
    await proxy.allow();
    await cut.happened;
    await watched.settled();
    expect(watched.mirror.size).toBe(2_200);
    expect(new Set(watched.told).size).toBe(2_000);
  });

  test('10 MB of backlog, default options', async () => {
    const watched = await open();
    disconnect();
    await burst(writer, 10, (index) => `${prefix}large/${index}`, large);
    await proxy.allow();
    await watched.settled();
    expect(watched.resyncReasons).toEqual([]);
    expect(watched.told).toHaveLength(10);
  });

  test('more than 4 MB in one read', async () => {
    await burst(writer, 6, (index) => `${prefix}large/${index}`, large);
    const watched = await open();
    disconnect();
    await burst(
      writer,
      6,
      (index) => `${prefix}large/${index}`,
      (index) => large(index + 1),
    );
    await compact();
    await proxy.allow();
    await watched.settled();
    expect(watched.resyncReasons).toEqual(['compacted']);
    expect(watched.told).toHaveLength(6);
  });
});

function large(index: number): string {
  return JSON.stringify(String(index % 10).repeat(MEGABYTE));
}
