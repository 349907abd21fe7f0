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
import { etcdV3, etcdV3Store, type EtcdV3Store } from '@holdfast/etcd-v3';

for (const { version } of availableEtcds()) {
  describeConformance(`etcd-v3@${version}`, () => bind(version));
}

async function bind(version: string): Promise<ConformanceBackend> {
  const etcd = await startEtcd({ version, progressIntervalMs: 100 });
  const endpoint = etcd.endpoints[0] ?? '';
  const nobody = await reservePort();
  const proxies: Proxy[] = [];
  const open = (at: string, options: { timeoutMs?: number; bufferBytes?: number } = {}): EtcdV3Store =>
    etcdV3Store({
      endpoints: [at],
      timeouts: { connectMs: 1_000, requestMs: options.timeoutMs },
      watch: { progressMs: 100 },
      retry: { initialMs: 20 },
      limits: { maxTxnOperations: 128, maxRequestBytes: 1.5 * 1024 * 1024 },
      bufferBytes: options.bufferBytes,
    });
  return {
    open: (options) => open(endpoint, options),
    hooks: {
      putRaw: async (key, value) => void (await etcd.put(key, value)),
      deleteRaw: async (key) => void (await etcd.api('kv/deleterange', { key: Buffer.from(key).toString('base64') })),
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
      openByUrl: () => openStore(`etcd-v3://${new URL(endpoint).host}`, { adapters: [etcdV3] }),
    },
    close: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      nobody.release();
      await etcd.close();
    },
  };
}
