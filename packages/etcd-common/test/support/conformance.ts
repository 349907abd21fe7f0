import { openStore } from '@holdfast/store';
import { reservePort, startProxy, type ConformanceBackend, type Etcd, type Proxy } from '@holdfast/testkit';
import type { EtcdOptions } from '@holdfast/etcd-common';
import { startFor, type EtcdAdapter } from './adapter.js';

/** How long calls look for a server, in milliseconds. Where none listens, that is what each of them takes. */
const CONNECT_MS = 4_000;
const NOBODY_CONNECT_MS = 250;

/** Where the backends of the two adapters differ. */
export interface BackendOptions {
  /** Options that only this adapter has. */
  readonly store?: object;
  readonly etcd?: { readonly progressIntervalMs?: number };
  /** What the suite can do past the adapter. */
  readonly hooks?: (etcd: Etcd) => Partial<ConformanceBackend['hooks']>;
}

/** A real etcd for the conformance suite, reached through the adapter. */
export async function bindEtcd(
  adapter: EtcdAdapter,
  version: string,
  options: BackendOptions = {},
): Promise<ConformanceBackend> {
  const etcd = await startFor(adapter, { version, ...options.etcd });
  const endpoint = etcd.endpoints[0] ?? '';
  const nobody = await reservePort();
  const proxies: Proxy[] = [];
  const open = (at: string, limits: { timeoutMs?: number; bufferBytes?: number } = {}, connectMs = CONNECT_MS) => {
    const common: EtcdOptions = {
      endpoints: [at],
      timeouts: { connectMs, requestMs: limits.timeoutMs },
      retry: { initialMs: 20 },
      bufferBytes: limits.bufferBytes,
    };
    return adapter.open({ ...common, ...options.store });
  };
  return {
    open: (limits) => open(endpoint, limits),
    hooks: {
      ...options.hooks?.(etcd),
      unreachable: async () => {
        const at = `http://127.0.0.1:${nobody.port}`;
        return { store: open(at, {}, NOBODY_CONNECT_MS), endpoint: at };
      },
      disturbed: async (limits) => {
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
        return { store: open(proxy.endpoint, limits), link };
      },
      openByUrl: () =>
        openStore(`${adapter.adapter.scheme}://${new URL(endpoint).host}`, { adapters: [adapter.adapter] }),
    },
    close: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      nobody.release();
      await etcd.close();
    },
  };
}
