import { eventually, startEtcd, type Etcd, type Random, type Violation } from '@holdfast/testkit';
import type { Cell } from './cell.js';
import { BEACON, COLLECTION_A } from './keys.js';
import { callHttp, form, v2Outside, V3Api, v3Outside, type Held, type Outside } from './outside.js';
import { goodText } from './values.js';
import { PREFIX } from './world.js';

/** No writer of the world writes it: a mirror that shows it shows what the foreign cluster holds. */
const FOREIGN_EPOCH = -1;

/** Until a watch that was taken away is gone at the server, on a busy machine. */
const LEAVING_MS = 6_000;

/**
 * A cluster of one member that was bootstrapped anew, as an operator's mistake puts it behind an endpoint of the cluster under test. The
 * store under test may ask it who it is, and nothing else.
 */
export class ForeignCluster {
  readonly #etcd: Etcd;
  readonly #outside: Outside;
  readonly #held: Held;

  /** Starts it: empty, or with a history of its own that has the world's keys. */
  static async start({ version, api }: Cell, random: Random): Promise<ForeignCluster> {
    const etcd = await startEtcd({ version, enableV2: api === 'v2', clusterToken: 'foreign' });
    try {
      const writes = random.chance(0.5) ? 0 : random.between(1, 40);
      for (let n = 0; n < writes; n += 1) {
        const key = n % 4 === 0 ? BEACON : `${COLLECTION_A}k${n}`;
        await write(etcd, api, key, goodText({ n, epoch: FOREIGN_EPOCH }));
      }
      const outside = api === 'v3' ? v3Outside(etcd, new V3Api(etcd)) : v2Outside(etcd);
      return new ForeignCluster(etcd, outside, await outside.held(PREFIX));
    } catch (error) {
      await etcd.close();
      throw error;
    }
  }

  private constructor(etcd: Etcd, outside: Outside, held: Held) {
    this.#etcd = etcd;
    this.#outside = outside;
    this.#held = held;
  }

  get endpoint(): string {
    const [endpoint] = this.#etcd.endpoints;
    if (endpoint === undefined) throw new Error('the foreign cluster has no endpoint');
    return endpoint;
  }

  /** How many keys it was given. */
  get size(): number {
    return this.#held.entries.size;
  }

  /** *Foreign* (what a cluster of another identity answers is of no use): nothing was written there, and nothing is watched there. */
  async trespasses(): Promise<Violation[]> {
    const { entries } = await this.#outside.held(PREFIX);
    const written = [...entries.keys()].filter(
      (key) => entries.get(key)?.modRevision !== this.#held.entries.get(key)?.modRevision,
    );
    const lost = [...this.#held.entries.keys()].filter((key) => !entries.has(key));
    const watchers = await this.#heldWatchers();
    const found = [
      ...(written.length === 0 ? [] : [`${written.join(' ')} was written to a foreign cluster`]),
      ...(lost.length === 0 ? [] : [`${lost.join(' ')} was deleted in a foreign cluster`]),
      ...(watchers === 0 ? [] : [`${watchers} watches are held at a foreign cluster`]),
    ];
    return found.map((message) => ({ guarantee: 'foreign', message }));
  }

  /**
   * A watch may come and be taken away again: etcd v2 tells its cluster's id with the answer to the watch itself. One that is never seen to be
   * gone is held.
   */
  async #heldWatchers(): Promise<number> {
    let watchers: number | undefined;
    const isFree = async (): Promise<boolean> => (watchers = await this.#outside.watchers()) === 0;
    await eventually(isFree, { timeoutMs: LEAVING_MS }).catch((error: unknown) => {
      if (watchers === undefined) throw error;
    });
    return watchers ?? 0;
  }

  async close(): Promise<void> {
    await this.#etcd.close();
  }
}

async function write(etcd: Etcd, api: Cell['api'], key: string, value: string): Promise<void> {
  if (api === 'v3') {
    await etcd.put(key, value);
    return;
  }
  const { status, text } = await callHttp(`${etcd.endpoints[0] ?? ''}/v2/keys${key}`, {
    method: 'PUT',
    ...form({ value }),
  });
  if (status >= 300) throw new Error(`the foreign cluster answered ${status} to a write: ${text}`);
}
