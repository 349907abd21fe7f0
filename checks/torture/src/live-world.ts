import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { silentLogger, type ConfigStore, type Logger } from '@holdfast/store';
import {
  eventually,
  startEtcd,
  startBalancer,
  startProxy,
  type Balancer,
  type Etcd,
  type MemberLinks,
  type Proxy,
  type Random,
} from '@holdfast/testkit';
import { nameOfCell, type Cell } from './cell.js';
import { contentDifferences } from './checks/content.js';
import { ReadProbe } from './checks/reads.js';
import { v3Ground, type Ground } from './coordination/ground.js';
import type { WorldKind } from './fault.js';
import { LiveTruth } from './live-truth.js';
import { allServe } from './faults/members.js';
import { MirrorProbe } from './mirror-probe.js';
import { openView } from './mirror-view.js';
import { V3Api, v2Outside, v3Outside, type Outside } from './outside.js';
import { settingsOf, SNAPSHOT_COUNT, type CampaignSettings } from './settings.js';
import type { TestedWorld } from './tested-world.js';
import { v2Source, v3Source } from './truth-source.js';
import { ROOT, secureV2, secureV3, USER } from './users.js';
import { COORDINATION, PREFIX, type World } from './world.js';
import { LiveWriters } from './writers.js';

const SOON = { timeoutMs: 30_000 };
const LOOK_EVERY_MS = 25;

interface Parts {
  readonly etcd: Etcd;
  readonly proxies: readonly Proxy[];
  readonly balancer: Balancer | undefined;
  readonly store: ConfigStore;
  readonly direct: ConfigStore;
  readonly api: V3Api;
  readonly outside: Outside;
  readonly truth: LiveTruth;
  readonly writers: LiveWriters;
  readonly probes: readonly MirrorProbe[];
  readonly reads: ReadProbe;
  readonly user: string | undefined;
  readonly ground: Ground | undefined;
}

/** See {@link World}. */
export class LiveWorld implements World, TestedWorld {
  readonly cell: Cell;
  readonly settings: CampaignSettings;
  readonly #parts: Parts;
  readonly #looking: NodeJS.Timeout;
  /** The servers' count of watches while there are only the mirrors'. */
  #baseline = 0;

  /** Starts everything, and resolves when the mirrors are settled; the writers are paused. */
  static async start(
    cell: Cell,
    kind: WorldKind,
    random: Random,
    logger: Logger = silentLogger,
    coordinates = false,
  ): Promise<LiveWorld> {
    const settings = settingsOf(cell.api);
    const closing: (() => Promise<unknown>)[] = [];
    try {
      const { version, nodes, api } = cell;
      // Passwords that are cheap to check, where that can be had (v3): a server that is busy with it answers nobody.
      const args = ['--bcrypt-cost=4'];
      if (version === '3.4.23' && api === 'v3') args.push(`--snapshot-count=${SNAPSHOT_COUNT}`);
      const etcd = await startEtcd({ version, nodes, enableV2: api === 'v2', links: nodes === 3, args });
      closing.push(() => etcd.close());
      if (kind === 'secured') await (api === 'v3' ? secureV3 : secureV2)(etcd);
      const proxies: Proxy[] = [];
      for (const endpoint of etcd.endpoints) {
        const proxy = await startProxy(endpoint);
        closing.push(() => proxy.close());
        proxies.push(proxy);
      }
      const inFront = proxies.map(({ endpoint }) => endpoint);
      const balancer = kind === 'balanced' ? await startBalancer(inFront) : undefined;
      if (balancer !== undefined) closing.push(() => balancer.close());
      // On v2 nobody names a user: see users.ts.
      const hasUsers = kind === 'secured' && api === 'v3';
      const open = (endpoints: readonly string[], user: string | undefined) => {
        const store = openStore(cell, settings, endpoints, user, logger);
        closing.push(() => store.close());
        return store;
      };
      const direct = open(etcd.endpoints, hasUsers ? ROOT.name : undefined);
      const user = hasUsers ? USER : undefined;
      const store = open(balancer === undefined ? inFront : [balancer.endpoint], user);
      const v3 = new V3Api(etcd, hasUsers ? ROOT : undefined);
      const outside = api === 'v3' ? v3Outside(etcd, v3) : v2Outside(etcd);
      const endpoints = () => etcd.members.filter(({ state }) => state === 'running').map(({ endpoint }) => endpoint);
      const source = api === 'v3' ? v3Source(v3, PREFIX.slice(0, -1)) : v2Source(endpoints);
      const truth = new LiveTruth(endpoints, outside, source);
      const ground =
        coordinates && api === 'v3'
          ? v3Ground({ prefix: COORDINATION, tested: store, direct, api: v3, outside, endpoints })
          : undefined;
      truth.beside = ground?.truth;
      await truth.begin();
      closing.push(() => truth.quiet());
      const [one, ...others] = etcd.endpoints.map((endpoint) => open([endpoint], hasUsers ? ROOT.name : undefined));
      const writers = new LiveWriters({
        direct: [one ?? direct, ...others],
        tested: store,
        random,
        epoch: () => truth.epoch.index,
        known: cell.api === 'v2' ? () => truth.epoch.to : undefined,
      });
      closing.push(() => writers.close());
      const probes: MirrorProbe[] = [];
      for (const name of ['plain', 'collections', 'key'] as const) {
        const view = await openView(name, store, settings, logger);
        closing.push(() => view.mirror.close());
        probes.push(new MirrorProbe(view, { livenessMs: settings.livenessMs, beacon: writers.beacon }));
      }
      const reads = new ReadProbe(store, writers.beacon);
      closing.push(() => reads.close());
      const world = new LiveWorld(
        cell,
        settings,
        { etcd, proxies, balancer, store, direct, api: v3, outside, truth, writers, probes, reads, user, ground },
        closing,
      );
      await world.#begin();
      return world;
    } catch (error) {
      await closeAll(closing);
      throw error;
    }
  }

  readonly #closing: (() => Promise<unknown>)[];

  private constructor(cell: Cell, settings: CampaignSettings, parts: Parts, closing: (() => Promise<unknown>)[]) {
    this.cell = cell;
    this.settings = settings;
    this.#parts = parts;
    this.#closing = closing;
    // What is acknowledged of a history that is about to go must not be expected of the next one.
    parts.truth.onCatchUp = () => parts.writers.beacon.splice(0);
    parts.writers.onResume = () => {
      parts.truth.goOn();
    };
    this.#looking = setInterval(() => {
      for (const probe of parts.probes) probe.look();
    }, LOOK_EVERY_MS);
  }

  get name(): string {
    return nameOfCell(this.cell);
  }

  /** The history of v2 is its last 1,000 events. */
  get forgets(): boolean {
    return this.cell.api === 'v2';
  }

  serves(): Promise<void> {
    return allServe(this);
  }

  get etcd(): Etcd {
    return this.#parts.etcd;
  }

  get proxies(): readonly Proxy[] {
    return this.#parts.proxies;
  }

  get balancer(): Balancer | undefined {
    return this.#parts.balancer;
  }

  get links(): MemberLinks | undefined {
    return this.cell.nodes === 3 ? this.etcd.links : undefined;
  }

  get store(): ConfigStore {
    return this.#parts.store;
  }

  get direct(): ConfigStore {
    return this.#parts.direct;
  }

  get writers(): LiveWriters {
    return this.#parts.writers;
  }

  get truth(): LiveTruth {
    return this.#parts.truth;
  }

  get outside(): Outside {
    return this.#parts.outside;
  }

  get mirrors(): readonly MirrorProbe[] {
    return this.#parts.probes;
  }

  get reads(): ReadProbe {
    return this.#parts.reads;
  }

  get ground(): Ground | undefined {
    return this.#parts.ground;
  }

  get user(): string | undefined {
    return this.#parts.user;
  }

  get ctlFlags(): readonly string[] {
    return this.user === undefined ? [] : [`--user=${ROOT.name}:${ROOT.password}`];
  }

  api<Answer>(path: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
    return this.#parts.api.call<Answer>(path, body);
  }

  async disconnect(): Promise<void> {
    for (const proxy of this.proxies) {
      proxy.refuse();
      proxy.cut();
    }
    await eventually(() => this.proxies.every(({ connections }) => connections === 0), SOON);
  }

  async connect(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.allow()));
  }

  async beginEpoch(): Promise<void> {
    await this.truth.begin();
  }

  /** Waits until the servers have no more watches than there are mirrors; gives what is wrong where that does not come about. */
  async watchersProblem(timeoutMs: number): Promise<string | undefined> {
    await this.truth.quiet();
    let watchers = 0;
    try {
      await eventually(async () => (watchers = await this.outside.watchers()) === this.#baseline, {
        timeoutMs,
        intervalMs: 25,
      });
      return undefined;
    } catch {
      return `the servers have ${watchers} watches instead of ${this.#baseline}`;
    } finally {
      this.truth.follow();
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    await closeAll(this.#closing);
  }

  async #begin(): Promise<void> {
    const { writers, probes, outside, truth } = this.#parts;
    writers.resume();
    // Something of everything is there before the first fault.
    await eventually(() => writers.figures.writes > 20 && writers.beacon.length > 5, SOON);
    await writers.pause();
    await eventually(async () => {
      const held = await outside.held(PREFIX);
      return probes.every(({ view }) => contentDifferences(view, held).length === 0);
    }, SOON);
    await truth.quiet();
    // A count that stays for some time: what was closed on the way may take a moment.
    let same = 0;
    await eventually(
      async () => {
        const watchers = await outside.watchers();
        same = watchers === this.#baseline ? same + 1 : 0;
        this.#baseline = watchers;
        return same >= 5;
      },
      { ...SOON, intervalMs: 30 },
    );
    truth.follow();
  }
}

function openStore(
  { api }: Cell,
  { keepalive, retry, connectMs }: CampaignSettings,
  endpoints: readonly string[],
  user: string | undefined,
  logger: Logger,
): ConfigStore {
  const options = { endpoints, keepalive, retry, timeouts: { connectMs }, logger };
  const auth = user === undefined ? {} : { auth: { username: user, password: user } };
  return api === 'v3' ? etcdV3Store({ ...options, ...auth }) : etcdV2Store({ ...options, ...auth });
}

async function closeAll(closing: (() => Promise<unknown>)[]): Promise<void> {
  // In reverse: mirrors before their store, and that before the servers. A failure leaves nothing else open.
  for (const close of closing.splice(0).reverse()) await close().catch(() => undefined);
}
