import { etcdV2Store, type EtcdV2Options } from '@holdfast/etcd-v2';
import { etcdV3Store, type EtcdV3Options } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { startAnsweringProxy, startEtcd, type AnsweringProxy, type Etcd, type Random } from '@holdfast/testkit';
import type { Attack, Struck } from './attack.js';
import type { Target } from './target.js';
import { V2_ATTACKS } from './v2-attacks.js';
import { V2Wire } from './v2-wire.js';
import { V3_ATTACKS } from './v3-attacks.js';

/** Short, so that an episode is: what a store does is the same. */
const RETRY = { attempts: 2, initialMs: 5, maxMs: 50 };
const TIMEOUTS = { connectMs: 500, requestMs: 500 };
const MOST_BYTES = 2_000_000;
/** Longer than any attack. */
const PATIENT_MS = 120_000;
/** Of the store that is not attacked, and says what is true: it fails for no load. */
const PATIENT = { connectMs: PATIENT_MS, requestMs: PATIENT_MS };

export class V3Target implements Target {
  readonly name: string;
  readonly prefix = 'mirrored/';
  readonly bigPrefix = 'big/';
  readonly writtenPrefix = 'written/';
  readonly direct: ConfigStore;
  readonly attacks = V3_ATTACKS.map(({ name }) => name);
  readonly #etcd: Etcd;
  /** In front of the server for stores that ask soon, and for patient ones: an attack goes on until it has struck both. */
  readonly #proxies: readonly [AnsweringProxy, AnsweringProxy];

  static async start(version: string): Promise<V3Target> {
    const etcd = await startEtcd({ version, progressIntervalMs: 100 });
    const start = () => startAnsweringProxy(etcd.endpoints[0] ?? '');
    return new V3Target(etcd, [await start(), await start()]);
  }

  private constructor(etcd: Etcd, proxies: readonly [AnsweringProxy, AnsweringProxy]) {
    this.name = `etcd ${etcd.version}`;
    this.#etcd = etcd;
    this.#proxies = proxies;
    this.direct = etcdV3Store({ endpoints: [...etcd.endpoints], timeouts: PATIENT });
  }

  open(): ConfigStore {
    return this.#open(this.#proxies[0], { progressMs: 100, silenceMs: 500 });
  }

  openPatient(): ConfigStore {
    return this.#open(this.#proxies[1], { progressMs: PATIENT_MS, silenceMs: PATIENT_MS });
  }

  isSilent(name: string): boolean {
    return named(V3_ATTACKS, name).isSilent === true;
  }

  attack(name: string, random: Random): Struck {
    const attack = named(V3_ATTACKS, name);
    const struck = this.#proxies.map((proxy) => attack.begin(proxy, random));
    return () => struck.every((hasStruck) => hasStruck());
  }

  heal(): void {
    for (const proxy of this.#proxies) proxy.pass();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.direct.close();
    for (const proxy of this.#proxies) await proxy.close();
    await this.#etcd.close();
  }

  #open({ endpoint }: AnsweringProxy, watch: EtcdV3Options['watch']): ConfigStore {
    const endpoints = [endpoint];
    return etcdV3Store({ endpoints, retry: RETRY, timeouts: TIMEOUTS, maxResponseBytes: MOST_BYTES, watch });
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
    this.direct = etcdV2Store({ endpoints: [...etcd.endpoints], timeouts: PATIENT });
  }

  open(): ConfigStore {
    return this.#open({ intervalMs: 100, timeoutMs: 200 });
  }

  openPatient(): ConfigStore {
    return this.#open({ intervalMs: PATIENT_MS, timeoutMs: PATIENT_MS });
  }

  isSilent(name: string): boolean {
    return named(V2_ATTACKS, name).isSilent === true;
  }

  attack(name: string, random: Random): Struck {
    return named(V2_ATTACKS, name).begin(this.#wire, random);
  }

  heal(): void {
    this.#wire.heal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.direct.close();
    await this.#wire.close();
    await this.#etcd.close();
  }

  #open(keepalive: EtcdV2Options['keepalive']): ConfigStore {
    const endpoints = [this.#wire.endpoint];
    return etcdV2Store({ endpoints, retry: RETRY, timeouts: TIMEOUTS, maxResponseBytes: MOST_BYTES, keepalive });
  }
}

function named<Wire>(attacks: readonly Attack<Wire>[], name: string): Attack<Wire> {
  const attack = attacks.find((each) => each.name === name);
  if (attack === undefined)
    throw new RangeError(`there is no attack ${name}; there are ${attacks.map((each) => each.name).join(', ')}`);
  return attack;
}
