import { etcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { type Etcd, eventually, findEtcd, type Proxy, Random, startEtcd, startProxy } from '@holdfast/testkit';
import { type Contender, HoldfastContender, MakeMirror } from './contender.js';
import type { MoverProgram } from './mover.js';

export const PREFIX = '/app/';
const MARKER = `${PREFIX}marker`;
/** How long a contender may take to catch up after a fault, in milliseconds. */
const PATIENCE_MS = 20_000;

/** One contender with its own target, and its own wires. */
export interface Corner {
  readonly contender: Contender;
  readonly etcd: Etcd;
  readonly target: ConfigStore;
  readonly sourceProxy: Proxy;
  readonly targetProxy: Proxy;
}

/** How a copy differs from its source. */
export interface Losses {
  /** Keys that the copy lacks. */
  readonly missing: number;
  /** Keys with another value. */
  readonly stale: number;
  /** Keys that are gone in the source. */
  readonly surplus: number;
}

/** One source, and two contenders that copy it, each to a server of its own: the same writes and faults for both. */
export class Arena {
  readonly etcd: Etcd;
  readonly source: ConfigStore;
  readonly corners: readonly Corner[];
  readonly random: Random;
  #markers = 0;
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();

  private constructor(etcd: Etcd, source: ConfigStore, corners: readonly Corner[], seed: number) {
    this.etcd = etcd;
    this.source = source;
    this.corners = corners;
    this.random = new Random(seed);
  }

  static async start(version: string, program: MoverProgram, seed: number): Promise<Arena> {
    const etcd = await startEtcd({ version });
    const source = etcdV3Store({ endpoints: etcd.endpoints });
    const corners: Corner[] = [];
    for (const name of ['holdfast', 'make-mirror'] as const) {
      const target = await startEtcd({ version });
      const [from, to] = [await startProxy(etcd.endpoints[0] ?? ''), await startProxy(target.endpoints[0] ?? '')];
      const contender =
        name === 'holdfast'
          ? new HoldfastContender(program, {
              source: { kind: 'v3', endpoint: from.endpoint },
              target: { kind: 'v3', endpoint: to.endpoint },
              prefix: PREFIX,
              name: 'app',
              onConflict: 'skip',
            })
          : new MakeMirror(findEtcd({ version }).etcdctl, from.endpoint, to.endpoint, PREFIX);
      const store = etcdV3Store({ endpoints: target.endpoints });
      corners.push({ contender, etcd: target, target: store, sourceProxy: from, targetProxy: to });
    }
    return new Arena(etcd, source, corners, seed);
  }

  async fill(keys: number): Promise<void> {
    for (let from = 0; from < keys; from += 100) {
      const ops = Array.from({ length: Math.min(100, keys - from) }, (_, n) => ({
        type: 'put' as const,
        key: `${PREFIX}k/${from + n}`,
        value: `first ${'.'.repeat(100)}`,
      }));
      await this.source.txn({ then: ops });
    }
  }

  startContenders(): void {
    for (const { contender } of this.corners) contender.start();
  }

  /** Puts and deletes keys, a hundred times a second, until it is stopped. What fails is not written. */
  startWriting(keys: number): void {
    this.#isWriting = true;
    this.#writing = (async () => {
      for (let n = 0; this.#isWriting; n += 1) {
        const key = `${PREFIX}k/${this.random.below(keys)}`;
        const write: Promise<unknown> = this.random.chance(0.8)
          ? this.source.put(key, `${n}`, { timeoutMs: 1_000 })
          : this.source.delete({ key }, { timeoutMs: 1_000 });
        await write.catch(() => undefined);
        await pause(10);
      }
    })();
  }

  async stopWriting(): Promise<void> {
    this.#isWriting = false;
    await this.#writing;
  }

  /** Whether a contender carries what is written now: in its target within the time. */
  async caughtUp(): Promise<readonly boolean[]> {
    const marker = `marker ${(this.#markers += 1)}`;
    await eventually(() => this.source.put(MARKER, marker));
    return Promise.all(
      this.corners.map(async ({ target }) => {
        const arrived = async () => decodeUtf8((await target.get(MARKER))?.value ?? new Uint8Array()) === marker;
        return eventually(arrived, { timeoutMs: PATIENCE_MS, intervalMs: 50 }).then(
          () => true,
          () => false,
        );
      }),
    );
  }

  /** @param foreign keys of the target that others have written */
  async losses({ target }: Corner, foreign: ReadonlySet<string>): Promise<Losses> {
    const [from, to] = [await contentOf(this.source), await contentOf(target)];
    const compared = [...from].filter(([key]) => !foreign.has(key));
    return {
      missing: compared.filter(([key]) => !to.has(key)).length,
      stale: compared.filter(([key, value]) => to.has(key) && to.get(key) !== value).length,
      surplus: [...to.keys()].filter((key) => !from.has(key) && !foreign.has(key)).length,
    };
  }

  async close(): Promise<void> {
    await this.stopWriting();
    for (const { contender, target, etcd, sourceProxy, targetProxy } of this.corners) {
      await contender.kill();
      await target.close();
      await sourceProxy.close();
      await targetProxy.close();
      await etcd.close();
    }
    await this.source.close();
    await this.etcd.close();
  }
}

export async function contentOf(store: ConfigStore): Promise<ReadonlyMap<string, string>> {
  const { items } = await store.list({ prefix: PREFIX });
  return new Map(items.map(({ key, value }) => [key, decodeUtf8(value) ?? '']));
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
