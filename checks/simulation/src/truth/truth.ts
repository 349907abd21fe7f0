import type { MemoryStore } from '@holdfast/memory';
import type { KeyValue, Watch, WatchBatch } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';

/** One version of a key. */
export interface Version {
  readonly key: string;
  readonly text: string;
  readonly modRevision: number;
  readonly createRevision: number;
  readonly lease: string | undefined;
}

interface Change {
  readonly revision: number;
  readonly version: Version | undefined;
}

export interface Commit {
  readonly revision: number;
  /** On the true clock. */
  readonly at: number;
  readonly keys: readonly string[];
  /** The leases of the deleted keys. */
  readonly leases: readonly string[];
}

/** One history of the store, from a restore (or the beginning) to the next. */
export class Epoch {
  readonly index: number;
  readonly identity: string;
  /** When it began, on the true clock. */
  readonly since: number;
  readonly from: number;
  readonly commits: Commit[] = [];
  readonly #changes = new Map<string, Change[]>();
  readonly #raw = new Map<string, { revision: number; deleted: boolean }[]>();
  /** The history of the snapshot: everything before `from` came with it. */
  readonly #parent: Epoch | undefined;
  /** The names of all keys so far, until there is another one. */
  #keys: ReadonlySet<string> | undefined;
  head: number;

  constructor(index: number, identity: string, since: number, from: number, parent: Epoch | undefined) {
    this.#parent = parent;
    this.index = index;
    this.identity = identity;
    this.since = since;
    this.from = from;
    this.head = from;
  }

  begin(items: readonly KeyValue[], raw: readonly Uint8Array[]): void {
    for (const item of items) this.#note(item.key, { revision: this.from, version: toVersion(item) });
    for (const key of raw) this.#noteRaw(key, this.from, false);
  }

  add(batch: WatchBatch, at: number): Commit | undefined {
    this.head = Math.max(this.head, batch.bookmark.revision);
    const keys: string[] = [];
    const leases: string[] = [];
    for (const event of batch.events) {
      if (event.type === 'delete-range') continue;
      if (event.type === 'delete' && event.previous?.lease !== undefined) leases.push(event.previous.lease);
      const key = event.type === 'put' ? event.current.key : event.key;
      keys.push(key);
      this.#note(key, {
        revision: event.revision,
        version: event.type === 'put' ? toVersion(event.current) : undefined,
      });
    }
    for (const { rawKey, revision, deleted } of batch.undecodable) {
      this.#noteRaw(rawKey, revision, deleted);
      keys.push(new TextDecoder().decode(rawKey));
    }
    if (batch.kind === 'progress' || keys.length === 0) return undefined;
    const commit = { revision: batch.bookmark.revision, at, keys, leases };
    this.commits.push(commit);
    return commit;
  }

  covers(revision: number): boolean {
    if (revision < this.from) return this.#parent?.covers(revision) === true;
    return revision <= this.head;
  }

  at(key: string, revision: number): Version | undefined {
    if (revision < this.from) return this.#parent?.at(key, revision);
    const changes = this.#changes.get(key);
    if (changes === undefined) return undefined;
    for (let index = changes.length - 1; index >= 0; index--) {
      const change = changes[index];
      if (change !== undefined && change.revision <= revision) return change.version;
    }
    return undefined;
  }

  /** Whether the key ever had this value. */
  held(key: string, modRevision: number, text: string): boolean {
    if (this.#parent?.held(key, modRevision, text) === true) return true;
    return (
      this.#changes.get(key)?.some(({ version }) => version?.modRevision === modRevision && version.text === text) ===
      true
    );
  }

  get keys(): ReadonlySet<string> {
    return (this.#keys ??= new Set([...this.#changes.keys(), ...(this.#parent?.keys ?? [])]));
  }

  /** The number of keys that are not UTF-8. */
  rawCountAt(revision: number): number {
    if (revision < this.from) return this.#parent?.rawCountAt(revision) ?? 0;
    let count = 0;
    for (const changes of this.#raw.values()) {
      const last = changes.findLast((change) => change.revision <= revision);
      if (last?.deleted === false) count += 1;
    }
    return count;
  }

  #note(key: string, change: Change): void {
    const changes = this.#changes.get(key);
    if (changes !== undefined) {
      changes.push(change);
      return;
    }
    this.#changes.set(key, [change]);
    this.#keys = undefined;
  }

  #noteRaw(rawKey: Uint8Array, revision: number, deleted: boolean): void {
    const name = Buffer.from(rawKey).toString('hex');
    const changes = this.#raw.get(name) ?? [];
    changes.push({ revision, deleted });
    this.#raw.set(name, changes);
  }
}

function toVersion({ key, value, modRevision, createRevision, lease }: KeyValue): Version {
  return { key, text: decodeUtf8(value) ?? '', modRevision, createRevision, lease };
}

/** The store's real history, recorded by an undisturbed watch. Everything else is compared with it. */
export class Truth {
  readonly epochs: Epoch[] = [];
  readonly #data: MemoryStore;
  readonly #now: () => number;
  readonly #onCommit: (commit: Commit) => void;
  #watch: Watch | undefined;

  constructor(data: MemoryStore, now: () => number, onCommit: (commit: Commit) => void) {
    this.#data = data;
    this.#now = now;
    this.#onCommit = onCommit;
  }

  get current(): Epoch {
    const epoch = this.epochs.at(-1);
    if (epoch === undefined) throw new Error('the truth has not begun');
    return epoch;
  }

  /** A new history begins. With a parent, it is that of a snapshot. */
  async begin(parent?: Epoch): Promise<void> {
    await this.end();
    const { items, undecodable, bookmark } = await this.#data.list({ prefix: '' });
    const epoch = new Epoch(this.epochs.length, bookmark.identity, this.#now(), bookmark.revision, parent);
    epoch.begin(
      items,
      undecodable.map(({ rawKey }) => rawKey),
    );
    this.epochs.push(epoch);
    const watch = this.#data.watch({ prefix: '' }, { after: bookmark, previous: true });
    this.#watch = watch;
    await watch.ready;
    void this.#follow(watch, epoch);
  }

  async end(): Promise<void> {
    await this.#watch?.close();
    this.#watch = undefined;
  }

  async #follow(watch: Watch, epoch: Epoch): Promise<void> {
    try {
      for await (const batch of watch) {
        const commit = epoch.add(batch, this.#now());
        if (commit !== undefined) this.#onCommit(commit);
      }
    } catch {
      // The data is being replaced, and the next epoch begins.
    }
  }
}
