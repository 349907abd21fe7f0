import type { Bookmark } from '@holdfast/store';
import type { Entry } from '../entries/entry.js';

/** Where a change came from: the first load, the watch, or a read that replaced the watch. */
export type ChangeCause = 'load' | 'watch' | 'resync';

export type Change<T> =
  | { readonly type: 'put'; readonly key: string; readonly current: Entry<T>; readonly previous?: Entry<T> }
  | { readonly type: 'delete'; readonly key: string; readonly previous: Entry<T> };

/** A change in a mirror of several collections says which one. */
export type ChangeIn<Name extends string, T> = Change<T> & { readonly collection: Name };

export type AnyChange = Change<unknown> & { readonly collection?: string };

/** The net changes of one step of the mirror: at most one for each key. */
export interface ChangeEvent<C> {
  /** What the mirror reflects after them. */
  readonly bookmark: Bookmark;
  /** The mirror's `version` after them. */
  readonly version: number;
  readonly cause: ChangeCause;
  readonly changes: readonly C[];
}

/** What changed between two entries of a key, or `undefined` where nothing did. */
export function changeBetween(
  collection: string | undefined,
  previous: Entry<unknown> | undefined,
  current: Entry<unknown> | undefined,
): AnyChange | undefined {
  if (previous === current) return undefined;
  const change = changeOf(previous, current);
  return change === undefined || collection === undefined ? change : { ...change, collection };
}

function changeOf(
  previous: Entry<unknown> | undefined,
  current: Entry<unknown> | undefined,
): Change<unknown> | undefined {
  if (current === undefined) {
    return previous === undefined ? undefined : { type: 'delete', key: previous.key, previous };
  }
  const key = current.key;
  return previous === undefined ? { type: 'put', key, current } : { type: 'put', key, current, previous };
}

/** Adds up the changes of several steps to the net ones: what a slow or debounced consumer gets. */
export class NetChanges<C extends AnyChange> {
  readonly #byKey = new Map<string, C>();
  #last: Omit<ChangeEvent<C>, 'changes'> | undefined;
  #sawResync = false;
  // A replay is told even where nothing is there: its consumer waits for the first state.
  #hasReplay = false;

  add({ changes, bookmark, version, cause }: ChangeEvent<C>): void {
    this.#last = { bookmark, version, cause };
    if (cause === 'resync') this.#sawResync = true;
    if (cause === 'load') this.#hasReplay = true;
    for (const change of changes) {
      // Unambiguous: names of collections hold no NUL, whatever keys hold.
      const id = `${change.collection ?? ''}\u0000${change.key}`;
      const earlier = this.#byKey.get(id);
      const previous = earlier === undefined ? change.previous : earlier.previous;
      const current = change.type === 'put' ? change.current : undefined;
      const net = changeBetween(change.collection, previous, current);
      // Re-inserted, so that the order is that of the last change.
      this.#byKey.delete(id);
      if (net !== undefined) this.#byKey.set(id, net as C);
    }
  }

  get isEmpty(): boolean {
    return this.#byKey.size === 0;
  }

  /** The event to deliver, or `undefined` where all changes cancelled out. */
  take(): ChangeEvent<C> | undefined {
    const last = this.#last;
    const changes = [...this.#byKey.values()];
    this.#byKey.clear();
    const hasReplay = this.#hasReplay;
    const cause = hasReplay ? 'load' : this.#sawResync ? 'resync' : last?.cause;
    this.#last = undefined;
    this.#sawResync = false;
    this.#hasReplay = false;
    if (last === undefined || cause === undefined || (changes.length === 0 && !hasReplay)) return undefined;
    return { bookmark: last.bookmark, version: last.version, cause, changes };
  }
}
