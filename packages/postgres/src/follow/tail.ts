import type { Revision, WatchEvent, UndecodableKey } from '@holdfast/store';
import { abortable, type Changes, type ChangesQuery } from '@holdfast/adapter-kit';
import type { Backend } from '../backend.js';
import { selectChanges, toChanges } from './changes.js';

/** About how many of the latest changes are kept for all watches, and how many bytes of values. */
const KEPT_CHANGES = 4_096;
const KEPT_BYTES = 16 * 1024 * 1024;
/** The most milliseconds that a look may take. A watch whose server is silent is interrupted then. */
const LOOK_MS = 10_000;

type Change = WatchEvent | UndecodableKey;

/** All changes of the store after `from`, up to `to`. */
interface Kept {
  readonly identity: string;
  from: number;
  to: number;
  head: number;
  compacted: number;
  changes: Change[];
  bytes: number;
}

/**
 * Reads the newest changes once for all watches of a store, however many there are. A watch that is further behind reads for itself, and its
 * own range alone.
 */
export class Tail {
  readonly #backend: Backend;
  readonly #previous: boolean;
  readonly #lookMs: number;
  #kept: Kept | undefined;
  #looking: { readonly promise: Promise<void>; isSent: boolean } | undefined;
  #next: Promise<void> | undefined;

  /** @param previous whether changes come with what they replaced */
  constructor(backend: Backend, previous: boolean) {
    this.#backend = backend;
    this.#lookMs = Math.min(LOOK_MS, backend.requestMs);
    this.#previous = previous;
  }

  /** Forgets what nobody watches. */
  clear(): void {
    this.#kept = undefined;
  }

  async changesSince(after: Revision, { range, signal }: ChangesQuery): Promise<Changes> {
    await abortable(this.#look(), signal);
    const kept = this.#kept;
    if (kept !== undefined && after >= kept.from && after <= kept.to) return changesOf(kept, after);
    // A bookmark past the head is answered so too.
    const statement = selectChanges(this.#backend.tables, after, range, this.#previous);
    const { meta, results } = await this.#backend.read([statement], { signal, ms: this.#lookMs });
    return toChanges(results[0] ?? [], meta, this.#previous);
  }

  /** Reads on. Whoever asks before the request is sent shares it; whoever asks later shares the next one. */
  async #look(): Promise<void> {
    const looking = this.#looking;
    if (looking === undefined) return this.#begin();
    if (!looking.isSent) return looking.promise;
    this.#next ??= looking.promise
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#begin();
      });
    return this.#next;
  }

  #begin(): Promise<void> {
    const looking = { promise: Promise.resolve(), isSent: false };
    looking.promise = (async () => {
      await Promise.resolve();
      looking.isSent = true;
      await this.#read();
    })().finally(() => {
      if (this.#looking === looking) this.#looking = undefined;
    });
    this.#looking = looking;
    return looking.promise;
  }

  async #read(): Promise<void> {
    const kept = this.#kept;
    const { tables } = this.#backend;
    const statements = kept === undefined ? [] : [selectChanges(tables, kept.to, undefined, this.#previous)];
    const { meta, results } = await this.#backend.read(statements, { ms: this.#lookMs });
    const [rows] = results;
    if (
      kept === undefined ||
      rows === undefined ||
      kept !== this.#kept ||
      meta.identity !== kept.identity ||
      meta.head < kept.to ||
      meta.compacted > kept.to
    ) {
      const { identity, head, compacted } = meta;
      this.#kept = { identity, from: head, to: head, head, compacted, changes: [], bytes: 0 };
      return;
    }
    const { events, undecodable = [], upTo = meta.head } = toChanges(rows, meta, this.#previous);
    kept.changes.push(...merged(events, undecodable));
    kept.bytes += [...events].reduce((sum, event) => sum + bytesOf(event), 0);
    Object.assign(kept, { to: upTo, head: meta.head, compacted: meta.compacted });
    trim(kept);
  }
}

function changesOf({ identity, head, compacted, to, changes }: Kept, after: number): Changes {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((changes[middle]?.revision ?? Infinity) <= after) low = middle + 1;
    else high = middle;
  }
  const events: WatchEvent[] = [];
  const undecodable: UndecodableKey[] = [];
  for (const change of changes.slice(low)) {
    if ('rawKey' in change) undecodable.push(change);
    else events.push(change);
  }
  return { identity, head: head as Revision, compacted, events, undecodable, upTo: to as Revision };
}

/** In the order of their revisions. */
function merged(events: readonly WatchEvent[], undecodable: readonly UndecodableKey[]): readonly Change[] {
  return undecodable.length === 0 ? events : [...events, ...undecodable].sort((a, b) => a.revision - b.revision);
}

/** Drops the older half, in whole revisions. */
function trim(kept: Kept): void {
  if (kept.changes.length <= KEPT_CHANGES && kept.bytes <= KEPT_BYTES) return;
  const last = kept.changes[kept.changes.length >>> 1]?.revision ?? kept.to;
  const rest = kept.changes.filter(({ revision }) => revision > last);
  kept.from = last;
  kept.changes = rest;
  kept.bytes = rest.reduce((sum, change) => sum + ('rawKey' in change ? 0 : bytesOf(change)), 0);
}

function bytesOf(event: WatchEvent): number {
  if (event.type === 'delete-range') return 0;
  return (event.type === 'put' ? event.current.value.length : 0) + (event.previous?.value.length ?? 0);
}
