import { openStore } from '@holdfast/store';
import {
  availableEtcds,
  reservePort,
  startEtcd,
  startProxy,
  type ConformanceBackend,
  type Proxy,
} from '@holdfast/testkit';
import { describeConformance } from '@holdfast/testkit/jest';
import { etcdV2, etcdV2Store, type EtcdV2Store } from '@holdfast/etcd-v2';

for (const { version } of availableEtcds({ api: 'v2' })) {
  describeConformance(`etcd-v2@${version}`, () => bind(version));
}

async function bind(version: string): Promise<ConformanceBackend> {
  const etcd = await startEtcd({ version, enableV2: true });
  const endpoint = etcd.endpoints[0] ?? '';
  const nobody = await reservePort();
  const proxies: Proxy[] = [];
  const open = (at: string, options: { timeoutMs?: number; bufferBytes?: number } = {}): EtcdV2Store =>
    etcdV2Store({
      endpoints: [at],
      timeouts: { connectMs: 1_000, requestMs: options.timeoutMs },
      retry: { initialMs: 20 },
      bufferBytes: options.bufferBytes,
    });
  return {
    open: (options) => open(endpoint, options),
    hooks: {
      unreachable: async () => {
        const at = `http://127.0.0.1:${nobody.port}`;
        return { store: open(at), endpoint: at };
      },
      disturbed: async (options) => {
        const proxy = await startProxy(endpoint);
        proxies.push(proxy);
        const link = {
          loseAnswers: () => {
            proxy.stall('toClient');
          },
          cut: () => {
            proxy.refuse();
            proxy.cut();
          },
          heal: async () => {
            proxy.cut();
            await proxy.allow();
          },
        };
        return { store: open(proxy.endpoint, options), link };
      },
      openByUrl: () => openStore(`etcd-v2://${new URL(endpoint).host}`, { adapters: [etcdV2] }),
    },
    close: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      nobody.release();
      await etcd.close();
    },
  };
}
