import type { ConfigStore } from '@holdfast/store';
import { eventually, startProxy, type Proxy } from '@holdfast/testkit';
import { exclusive, fenced, inOrder, nothingLeft, served, toldInTime, type Checker } from './checkers.js';
import { Etcd3Client, HoldfastClient, type Client } from './clients.js';
import { work, type Grip } from './contender.js';
import { FaultyClock } from './faulty-clock.js';
import { BY_TIME, type Fault } from './faults.js';
import { Resource, type History } from './history.js';

export interface RunOptions {
  readonly seed: number;
  readonly fault: Fault;
  readonly client: 'holdfast' | 'etcd3';
  readonly endpoint: string;
  /** Past every fault. */
  readonly store: ConfigStore;
  /** Of the first holder, in seconds. Default: 3. */
  readonly ttl?: number | undefined;
}

export interface RunResult {
  readonly fault: Fault;
  readonly violations: readonly string[];
  /** Writes that the first holder tried when another one already held the lock. */
  readonly attemptedOverlaps: number;
  /** Those of them that the resource took. */
  readonly overlaps: number;
  /** How many milliseconds before the next one held the lock the first holder was told that it had lost it. */
  readonly toldBeforeMs?: number;
}

const TTL = 3;
/** Of the others: a busy machine must not lose them. */
const OTHERS_TTL = 20;
/** How long the others hold the lock: long enough for a first holder that was not told. */
const OTHERS_WORK_MS = 300;
const EVERYTHING_MS = 60_000;

/** One run: a holder, two who wait, and a fault. */
export async function runOnce(options: RunOptions): Promise<RunResult> {
  const { seed, client, endpoint, store, ttl = TTL } = options;
  const name = `/runs/${client}-${seed}`;
  const proxy = await startProxy(endpoint);
  const clock = new FaultyClock();
  const resource = new Resource(client === 'holdfast');
  const clients: Client[] = [];
  try {
    const open = async (url: string, seconds: number, own?: FaultyClock) => {
      const opened =
        client === 'holdfast' ? await HoldfastClient.open(url, seconds, own) : new Etcd3Client(url, seconds);
      clients.push(opened);
      return opened;
    };
    const [second, third] = [await open(endpoint, OTHERS_TTL), await open(endpoint, OTHERS_TTL)];
    const first = await open(proxy.endpoint, ttl, clock);
    const run = new Run(options, name, proxy, clock, resource);
    await run.play(first, [second, third]);
    await proxy.allow();
    for (const each of clients.splice(0)) await each.close();
    const left = await keysLeft(store, name, client);
    return judge({ happenings: resource.happenings, left }, options);
  } finally {
    await proxy.allow();
    for (const each of clients) await each.close().catch(() => undefined);
    await proxy.close();
  }
}

/** A lease of a holder that could not reach the server runs out by itself: until then its keys are there. */
async function keysLeft(store: ConfigStore, name: string, client: string): Promise<readonly string[]> {
  if (client === 'etcd3') return [];
  const list = async () => (await store.list({ prefix: name })).items.map(({ key }) => key);
  await eventually(async () => (await list()).length === 0, { timeoutMs: 30_000, intervalMs: 100 }).catch(
    () => undefined,
  );
  return list();
}

function judge(history: History, { fault, client }: RunOptions): RunResult {
  const checks: Checker[] = [
    fenced,
    served(fault === 'write late' ? ['second', 'third'] : ['first', 'second', 'third']),
  ];
  if (client === 'holdfast') checks.push(inOrder, nothingLeft);
  if (BY_TIME.has(fault) || fault === 'answer lost' || fault === 'write late') checks.push(exclusive);
  // A process that does not run can be told nothing. What it then tries is what counts.
  if (['silent', 'clock jumps', 'answer lost', 'write late'].includes(fault)) checks.push(toldInTime);
  const second = history.happenings.findIndex(({ what, who }) => what === 'acquired' && who !== 'first');
  const late = history.happenings.slice(second).filter(({ what, who }) => what === 'write' && who === 'first');
  return {
    fault,
    violations: checks.flatMap((check) => check(history)),
    attemptedOverlaps: second < 0 ? 0 : late.length,
    overlaps: second < 0 ? 0 : late.filter((each) => each.what === 'write' && each.taken).length,
    // One that does not run can be told nothing.
    ...(fault !== 'suspended' && fault !== 'asleep' && toldBefore(history)),
  };
}

function toldBefore({ happenings }: History): { readonly toldBeforeMs?: number } {
  const told = happenings.find(({ what, who }) => what === 'told' && who === 'first');
  const next = happenings.find(({ what, who }) => what === 'acquired' && who !== 'first');
  return told === undefined || next === undefined ? {} : { toldBeforeMs: next.at - told.at };
}

class Run {
  readonly #options: RunOptions;
  readonly #name: string;
  readonly #proxy: Proxy;
  readonly #clock: FaultyClock;
  readonly #resource: Resource;

  constructor(options: RunOptions, name: string, proxy: Proxy, clock: FaultyClock, resource: Resource) {
    this.#options = options;
    this.#name = name;
    this.#proxy = proxy;
    this.#clock = clock;
    this.#resource = resource;
  }

  async play(first: Client, others: readonly Client[]): Promise<void> {
    const enough = new AbortController();
    const started = await this.#start(first, enough.signal);
    const waiting: Promise<void>[] = [];
    for (const [n, other] of others.entries()) {
      const taking = this.#take(['second', 'third'][n] ?? '', other);
      // Awaited below, with the others.
      taking.catch(() => undefined);
      waiting.push(taking);
      if (this.#options.client === 'holdfast') await this.#queued(n + (started === undefined ? 1 : 2));
    }
    await this.#pause(50 + (this.#options.seed % 10) * 40);
    await this.#strike(started?.grip);
    // Faults that cost nobody the lock: the first one goes on, and releases it at last.
    if (this.#options.fault === 'answer lost') enough.abort();
    await within(Promise.all(waiting), 'the others to be served');
    await this.#pause(100);
    this.#clock.resume();
    await this.#proxy.allow();
    enough.abort();
    await within(started?.working ?? Promise.resolve(), 'the first holder to end');
  }

  /** The first one takes the lock, and works. With some faults that takes a detour, or it gives up. */
  async #start(first: Client, enough: AbortSignal) {
    const { fault, client } = this.#options;
    let grip: Grip;
    if (fault === 'answer lost' && client === 'holdfast') {
      this.#proxy.stall('toClient');
      const locking = first.lock(this.#name);
      await this.#queued(1);
      this.#proxy.cut();
      await this.#proxy.allow();
      grip = await locking;
    } else if (fault === 'write late' && client === 'holdfast') {
      this.#proxy.stall('toServer');
      await first.lock(this.#name, { timeoutMs: 100 }).catch(() => undefined);
      await this.#proxy.allow();
      return undefined;
    } else {
      grip = await first.lock(this.#name);
    }
    this.#resource.note('acquired', 'first', grip.token);
    return { grip, working: work('first', grip, this.#resource, this.#clock, enough) };
  }

  async #take(who: string, client: Client): Promise<void> {
    const grip = await client.lock(this.#name);
    this.#resource.note('acquired', who, grip.token);
    const enough = new AbortController();
    setTimeout(() => {
      enough.abort();
    }, OTHERS_WORK_MS);
    await work(who, grip, this.#resource, new FaultyClock(), enough.signal);
  }

  async #strike(grip: Grip | undefined): Promise<void> {
    const { fault, store, ttl = TTL } = this.#options;
    const { items } = await store.list({ prefix: this.#name }, { sort: { target: 'createRevision', order: 'ascend' } });
    switch (fault) {
      case 'silent':
        this.#proxy.blackHole();
        return;
      case 'suspended':
      case 'asleep':
        this.#proxy.blackHole();
        this.#clock.stop(fault);
        await this.#pause(2 * ttl * 1_000);
        this.#clock.resume();
        await this.#proxy.allow();
        return;
      case 'clock jumps':
        this.#clock.jump(3_600_000);
        await this.#pause(50);
        this.#clock.jump(-7_200_000);
        this.#proxy.blackHole();
        return;
      case 'key deleted':
        if (grip !== undefined && items[0] !== undefined) await store.delete(items[0].key);
        return;
      case 'lease revoked':
        if (items[0]?.lease !== undefined) await store.leases.revoke(items[0].lease);
        return;
      case 'answer lost':
      case 'write late':
        return;
      default:
        fault satisfies never;
    }
  }

  /** Waits until so many keys are in the queue: so the order of asking is known. */
  async #queued(count: number): Promise<void> {
    const { store } = this.#options;
    await eventually(async () => (await store.list({ prefix: `${this.#name}/` }, { countOnly: true })).count >= count);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}

/** A run that hangs is a finding, and must not hold up the others. */
async function within<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`waited ${EVERYTHING_MS} ms for ${what}`));
    }, EVERYTHING_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
