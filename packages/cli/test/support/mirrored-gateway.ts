import { expect } from '@jest/globals';
import { mirror, type Mirror } from '@holdfast/core';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { eventually, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import type { ConfigEntry } from '../../src/quickstart/config-entry.js';
import { schemaOf, valid } from './apisix-schemas.js';
import { collectionsOf } from './gateway-entries.js';

const PREFIX = '/apisix/';

/** What etcdctl prints of one collection, by relative key. */
type Printed = ReadonlyMap<string, { readonly json: string; readonly modRevision: number }>;

/**
 * A real etcd with a gateway's configuration, and one mirror for each of its collections, all on one store that reaches etcd
 * through a proxy. What the mirrors must show is worked out from what etcdctl prints, and from nothing else.
 */
export class MirroredGateway {
  readonly etcd: Etcd;
  readonly proxy: Proxy;
  readonly store: ConfigStore;
  readonly mirrors: ReadonlyMap<string, Mirror<object>>;
  /** The last good value of each key that had one, while the key lives. */
  readonly #lastGood = new Map<string, object>();

  private constructor(etcd: Etcd, proxy: Proxy, store: ConfigStore, mirrors: ReadonlyMap<string, Mirror<object>>) {
    this.etcd = etcd;
    this.proxy = proxy;
    this.store = store;
    this.mirrors = mirrors;
  }

  static async start(version: string, entries: readonly ConfigEntry[]): Promise<MirroredGateway> {
    const etcd = await startEtcd({ version });
    await fill(etcd, entries);
    const proxy = await startProxy(etcd.endpoints[0] ?? '');
    const store = etcdV3Store({ endpoints: [proxy.endpoint] });
    const mirrors = await Promise.all(
      collectionsOf(entries).map(async (name) => {
        const mirrored = await mirror(store, { prefix: `${PREFIX}${name}/`, schema: schemaOf(name) });
        return [name, mirrored] as const;
      }),
    );
    return new MirroredGateway(etcd, proxy, store, new Map(mirrors));
  }

  of(collection: string): Mirror<object> {
    const mirrored = this.mirrors.get(collection);
    if (mirrored === undefined) throw new Error(`no mirror of ${collection}`);
    return mirrored;
  }

  /** Waits until every mirror vouches for being complete, and holds each against what `etcdctl get` prints. */
  async expectEqual(): Promise<void> {
    const mirrors = [...this.mirrors.values()];
    await Promise.all(mirrors.map((each) => each.sync({ timeoutMs: 30_000 })));
    await this.expectAsPrinted();
    // `sync()` says what is visible, also while the watch is still being set up.
    await eventually(() => expect(mirrors.map(({ state }) => state.status)).toEqual(mirrors.map(() => 'live')), {
      timeoutMs: 20_000,
    });
  }

  /** Holds every mirror, as it is, against what `etcdctl get` prints. */
  async expectAsPrinted(): Promise<void> {
    const printed = await this.#printed();
    expect([...printed.keys()].filter((name) => !this.mirrors.has(name))).toEqual([]);
    for (const [name, mirrored] of this.mirrors) this.#expectOne(name, mirrored, printed.get(name) ?? new Map());
  }

  async close(): Promise<void> {
    await Promise.all([...this.mirrors.values()].map((each) => each.close()));
    await this.store.close();
    await this.proxy.close();
    await this.etcd.close();
  }

  #expectOne(name: string, mirrored: Mirror<object>, printed: Printed): void {
    const good = new Map<string, unknown>();
    const bad = new Map<string, number>();
    for (const [key, { json, modRevision }] of printed) {
      const value = valid(name, json);
      const path = `${name}/${key}`;
      if (value === undefined) bad.set(key, modRevision);
      else this.#lastGood.set(path, value);
      const shown = value ?? this.#lastGood.get(path);
      if (shown !== undefined) good.set(key, shown);
    }
    for (const path of this.#lastGood.keys()) {
      if (path.startsWith(`${name}/`) && !printed.has(path.slice(name.length + 1))) this.#lastGood.delete(path);
    }
    expect(new Map([...mirrored].map(([key, { value }]) => [key, value]))).toEqual(good);
    expect(new Map(mirrored.problems().map(({ key, revision }) => [key, Number(revision)]))).toEqual(bad);
    for (const [key, { modRevision }] of mirrored) {
      if (!bad.has(key)) expect([key, Number(modRevision)]).toEqual([key, printed.get(key)?.modRevision]);
    }
  }

  async #printed(): Promise<Map<string, Map<string, { json: string; modRevision: number }>>> {
    const { kvs = [] } = JSON.parse(await this.etcd.ctl('get', PREFIX, '--prefix', '--write-out=json')) as {
      kvs?: { key: string; value?: string; mod_revision: number }[];
    };
    const collections = new Map<string, Map<string, { json: string; modRevision: number }>>();
    for (const { key, value = '', mod_revision: modRevision } of kvs) {
      const [, , name = '', ...rest] = Buffer.from(key, 'base64').toString().split('/');
      const collection = collections.get(name) ?? new Map<string, { json: string; modRevision: number }>();
      collections.set(
        name,
        collection.set(rest.join('/'), { json: Buffer.from(value, 'base64').toString(), modRevision }),
      );
    }
    return collections;
  }
}

/** Writes the entries with etcd's own API, so that nothing of Holdfast has touched them. */
async function fill(etcd: Etcd, entries: readonly ConfigEntry[]): Promise<void> {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  for (let from = 0; from < entries.length; from += 100) {
    const success = entries
      .slice(from, from + 100)
      .map(({ key, value }) => ({ requestPut: { key: base64(key), value: base64(value) } }));
    await etcd.api('kv/txn', { success });
  }
}
