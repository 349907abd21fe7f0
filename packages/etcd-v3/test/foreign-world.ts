// Two clusters: the store's own, and one that some of its endpoints belong to by mistake.
import { startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import { etcdV3Store, type EtcdV3Options, type EtcdV3Store } from '@holdfast/etcd-v3';

/** What is there for all tests of one etcd version. What a test opens is closed by `reset`. */
export class ForeignWorld {
  readonly own: Etcd;
  readonly fresh: Etcd;
  readonly ids: { readonly own: string; readonly fresh: string };
  readonly open: { close(): unknown }[] = [];

  static async start(version: string): Promise<ForeignWorld> {
    const [own, fresh] = await Promise.all([
      startEtcd({ version, clusterToken: 'own' }),
      startEtcd({ version, clusterToken: 'fresh' }),
    ]);
    const idOf = async (etcd: Etcd) => (await etcd.members[0]!.status()).clusterId;
    return new ForeignWorld(own, fresh, { own: await idOf(own), fresh: await idOf(fresh) });
  }

  private constructor(own: Etcd, fresh: Etcd, ids: ForeignWorld['ids']) {
    this.own = own;
    this.fresh = fresh;
    this.ids = ids;
  }

  /** All keys of a cluster, read without a store. */
  async keysOf(etcd: Etcd): Promise<string[]> {
    const all = { key: btoa('\0'), range_end: btoa('\0'), keys_only: true };
    const { kvs = [] } = await etcd.api<{ kvs?: { key: string }[] }>('kv/range', all);
    return kvs.map(({ key }) => atob(key));
  }

  async proxyTo(etcd: Etcd): Promise<Proxy> {
    const proxy = await startProxy(etcd.endpoints[0]!);
    this.open.push(proxy);
    return proxy;
  }

  /** Two endpoints of the store's own cluster, and one of the fresh one. */
  async three() {
    const [one, two] = [await this.proxyTo(this.own), await this.proxyTo(this.own)];
    const other = await this.proxyTo(this.fresh);
    return { one, two, other, endpoints: [one, two, other].map(({ endpoint }) => endpoint) };
  }

  /** A store that begins with the first endpoint. */
  connect(endpoints: readonly string[], options: Partial<EtcdV3Options> = {}): EtcdV3Store {
    const store = etcdV3Store({
      endpoints,
      random: () => 0,
      timeouts: { connectMs: 20_000 },
      retry: { initialMs: 20, maxMs: 200 },
      ...options,
    });
    this.open.push(store);
    return store;
  }

  async reset(): Promise<void> {
    for (const resource of this.open.splice(0).reverse()) await resource.close();
  }

  async close(): Promise<void> {
    await this.reset();
    await Promise.all([this.own.close(), this.fresh.close()]);
  }
}
