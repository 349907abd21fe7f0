import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { startAnsweringProxy, startEtcd, type AnsweringProxy, type Etcd, type Random } from '@holdfast/testkit';
import type { Target } from './target.js';
import { V2_ATTACKS } from './v2-attacks.js';
import { V2Wire } from './v2-wire.js';
import { V3_ATTACKS } from './v3-attacks.js';

/** Short, so that an episode is: what a store does is the same. */
const RETRY = { attempts: 2, initialMs: 5, maxMs: 50 };
const TIMEOUTS = { connectMs: 500, requestMs: 500 };
const MOST_BYTES = 2_000_000;
const KEEPALIVE = { intervalMs: 300, timeoutMs: 300 };

export class V3Target implements Target {
  readonly name: string;
  readonly prefix = 'mirrored/';
  readonly bigPrefix = 'big/';
  readonly writtenPrefix = 'written/';
  readonly direct: ConfigStore;
  readonly attacks = V3_ATTACKS.map(({ name }) => name);
  readonly #etcd: Etcd;
  readonly #proxy: AnsweringProxy;

  static async start(version: string): Promise<V3Target> {
    const etcd = await startEtcd({ version, progressIntervalMs: 100 });
    return new V3Target(etcd, await startAnsweringProxy(etcd.endpoints[0] ?? ''));
  }

  private constructor(etcd: Etcd, proxy: AnsweringProxy) {
    this.name = `etcd ${etcd.version}`;
    this.#etcd = etcd;
    this.#proxy = proxy;
    this.direct = etcdV3Store({ endpoints: [...etcd.endpoints] });
  }

  open(): ConfigStore {
    return etcdV3Store({
      endpoints: [this.#proxy.endpoint],
      retry: RETRY,
      timeouts: TIMEOUTS,
      maxResponseBytes: MOST_BYTES,
      watch: { progressMs: 100, silenceMs: 500 },
    });
  }

  attack(name: string, random: Random): void {
    V3_ATTACKS.find((attack) => attack.name === name)?.begin(this.#proxy, random);
  }

  heal(): void {
    this.#proxy.pass();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.direct.close();
    await this.#proxy.close();
    await this.#etcd.close();
  }
}

export class V2Target implements Target {
  readonly name: string;
  readonly prefix = '/mirrored/';
  readonly bigPrefix = '/big/';
  readonly writtenPrefix = '/written/';
  readonly direct: ConfigStore;
  readonly attacks = V2_ATTACKS.map(({ name }) => name);
  readonly #etcd: Etcd;
  readonly #wire: V2Wire;

  static async start(version: string): Promise<V2Target> {
    const etcd = await startEtcd({ version, enableV2: true });
    return new V2Target(etcd, await V2Wire.start(etcd.endpoints[0] ?? ''));
  }

  private constructor(etcd: Etcd, wire: V2Wire) {
    this.name = `etcd ${etcd.version}, v2 API`;
    this.#etcd = etcd;
    this.#wire = wire;
    this.direct = etcdV2Store({ endpoints: [...etcd.endpoints] });
  }

  open(): ConfigStore {
    return etcdV2Store({
      endpoints: [this.#wire.endpoint],
      retry: RETRY,
      timeouts: TIMEOUTS,
      maxResponseBytes: MOST_BYTES,
      keepalive: KEEPALIVE,
    });
  }

  attack(name: string, random: Random): void {
    V2_ATTACKS.find((attack) => attack.name === name)?.begin(this.#wire, random);
  }

  heal(): void {
    this.#wire.heal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.direct.close();
    await this.#wire.close();
    await this.#etcd.close();
  }
}
