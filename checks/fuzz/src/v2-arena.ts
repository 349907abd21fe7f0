import { etcdV2Store, type EtcdV2Store } from '@holdfast/etcd-v2';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import type { ConfigStore } from '@holdfast/store';
import { startEtcd, type Etcd } from '@holdfast/testkit';
import type { Arena } from './arena.js';
import { OwnNumbers, sameNumbers } from './names.js';
import { restricted } from './restricted.js';
import type { View } from './plan.js';
import { Side } from './side.js';
import { PATHS } from './vocabulary.js';

/** A value that is compared with is in the query, which Go's server counts as headers: it takes 1 MiB of them. */
const HEADER_BYTES = 1_000_000;

/** etcd's v2 API, and a memory store that can do no more. Their revisions differ, and are noted step by step. */
export class V2Arena implements Arena {
  readonly kind = { vocabulary: PATHS, ofOneKey: 0.7 };
  readonly memory: MemoryStore;
  readonly #etcd: Etcd;
  readonly #remote: EtcdV2Store;
  readonly #lesser: ConfigStore;
  #numbers = new OwnNumbers('');
  #oldest = 1;

  static async start(version: string): Promise<V2Arena> {
    return new V2Arena(await startEtcd({ version, enableV2: true }));
  }

  private constructor(etcd: Etcd) {
    this.#etcd = etcd;
    this.#remote = etcdV2Store({ endpoints: [...etcd.endpoints] });
    // The v2 API has no limits of its own.
    this.memory = memoryStore({ progressIntervalMs: 1, maxRequestBytes: 2 ** 30, maxTxnOperations: 2 ** 30 });
    this.#lesser = restricted(this.memory, this.#remote.capabilities);
  }

  get name(): string {
    return `etcd ${this.#etcd.version}, v2 API`;
  }

  /** The revisions of plans before correspond to none. */
  get oldest(): number {
    return this.#oldest;
  }

  async begin(): Promise<{ readonly server: Side; readonly memory: Side }> {
    const all = await this.#remote.directories.list('/');
    for (const path of all?.directories ?? []) await this.#remote.directories.remove(path, { recursive: true });
    for (const { key } of all?.items ?? []) await this.#remote.delete(key);
    await this.memory.delete({ prefix: '' });
    // A revision of each that no plan goes behind.
    await this.#remote.put('/begin', '');
    await this.memory.put('/begin', '');
    await this.#remote.delete('/begin');
    await this.memory.delete('/begin');
    const { identity } = await this.#remote.status();
    this.#numbers = new OwnNumbers(identity);
    await this.stepped();
    this.#oldest = (await this.memory.status()).revision;
    const { capabilities } = this.#remote;
    const own = sameNumbers((await this.memory.status()).identity);
    return {
      server: new Side(this.#remote, this.#numbers, capabilities),
      memory: new Side(this.#lesser, own, capabilities),
    };
  }

  async stepped(): Promise<void> {
    const { bookmark } = await this.#remote.list('/none', { limit: 1 });
    this.#numbers.note(bookmark.revision, (await this.memory.status()).revision);
  }

  putRaw(): Promise<void> {
    return Promise.reject(new Error('plans for v2 have no such step'));
  }

  mayBeUnsupported({ prefixes }: View, method: string, args: readonly unknown[]): boolean {
    const [first, second, third] = args as readonly Readonly<Record<string, unknown>>[];
    switch (method) {
      case 'txn':
        return true;
      // A range that is no key, and no directory.
      case 'delete':
        return typeof first === 'object' && !('key' in first) && !isPlainDirectory(prefixes.join(''), first, second);
      case 'put':
        return third?.['ignoreLease'] === true;
      default:
        return false;
    }
  }

  mayBeTooLarge(args: readonly unknown[]): boolean {
    return args.some((arg) => {
      const { ifValue, if: compares = [] } = (arg ?? {}) as { ifValue?: unknown; if?: readonly { value?: unknown }[] };
      const compared = Array.isArray(compares)
        ? compares.map((compare) => (compare as { value?: unknown } | undefined)?.value)
        : [];
      return [ifValue, ...compared].some((value) => sizeOf(value) > HEADER_BYTES);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remote.close();
    await this.#lesser.close();
    await this.memory.close();
    await this.#etcd.close();
  }
}

function sizeOf(value: unknown): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 0;
}

/** What v2 can delete at once, and tells nothing of. */
function isPlainDirectory(
  below: string,
  { prefix }: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, unknown>> | undefined,
): boolean {
  if (typeof prefix !== 'string' || options?.['previous'] === true) return false;
  return /^(?:\/[^/_.][^/]*)+\/$/.test(below + prefix);
}
