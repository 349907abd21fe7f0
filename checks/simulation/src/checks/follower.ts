import type { Entry } from '@holdfast/core';
import { difference, isLastGoodLost } from '../truth/content.js';
import type { Layout, SimEvent } from '../mirrors/opened-mirror.js';
import type { Truth } from '../truth/truth.js';

export interface FollowerOptions {
  readonly name: string;
  readonly layout: Layout;
  readonly truth: Truth;
  /** In a lazy mirror, a bad value is replaced on its first read, without an event. */
  readonly isLazy: boolean;
  /** Receives net changes: a key may have been deleted in between. */
  readonly isCoalescing: boolean;
  readonly violated: (guarantee: string, message: string) => void;
}

/**
 * Builds a copy from `change` events only. After each event the copy must be the store's state at the event's bookmark, and each event must
 * fit the events before it.
 */
export class Follower {
  readonly copy = new Map<string, Entry<unknown>>();
  readonly #options: FollowerOptions;
  #revision = 0;
  #identity: string | undefined;
  events = 0;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  take({ changes, bookmark, cause }: SimEvent): void {
    const { name, layout, isLazy, violated } = this.#options;
    this.events += 1;
    // A replay is told even if nothing is there.
    if (changes.length === 0 && cause !== 'load') violated('listener', `${name} was told of no change`);
    const formerly = bookmark.identity === this.#identity ? new Map(this.copy) : undefined;
    for (const change of changes) {
      const key = layout.whole(change);
      const before = this.copy.get(key);
      if (!isLazy && change.previous !== before) {
        violated(
          'listener',
          `${name} was told that ${key} was of ${change.previous?.modRevision ?? 'no revision'}; it was of ${before?.modRevision ?? 'none'}`,
        );
      }
      if (change.type === 'put') {
        if (change.current === before) violated('listener', `${name} was told that ${key} changed, and it did not`);
        if (isLazy && !isReadable(change.current)) this.copy.delete(key);
        else this.copy.set(key, change.current);
      } else this.copy.delete(key);
    }
    if (this.#identity === bookmark.identity && bookmark.revision < this.#revision) {
      // A revision goes back only with another history, which must then exist.
      const { epochs } = this.#options.truth;
      if (epochs.filter(({ identity }) => identity === bookmark.identity).length < 2)
        violated('listener', `${name} went back from ${this.#revision} to ${bookmark.revision}`);
    }
    this.#revision = bookmark.revision;
    this.#identity = bookmark.identity;
    const wrong = this.#compare(bookmark.revision, bookmark.identity, formerly);
    if (wrong !== undefined)
      violated(isLastGoodLost(wrong) ? 'last-good' : 'listener', `${name} at ${bookmark.revision}: ${wrong}`);
  }

  #compare(
    revision: number,
    identity: string,
    formerly: ReadonlyMap<string, Entry<unknown>> | undefined,
  ): string | undefined {
    const { truth, layout, isLazy, isCoalescing } = this.#options;
    let first: string | undefined;
    for (const epoch of [...truth.epochs].reverse()) {
      if (epoch.identity !== identity || !epoch.covers(revision)) continue;
      const wrong = difference(this.copy, epoch, revision, {
        claims: layout.claims,
        // In another history, or after two steps at once, the earlier value may have been deleted in between.
        formerly: (key) => (isLazy || isCoalescing ? undefined : keptIn(epoch.index, key, formerly?.get(key), truth)),
        epochs: truth.epochs,
        isLazyCopy: isLazy,
      });
      if (wrong === undefined) return undefined;
      first ??= wrong;
    }
    return first ?? `there is no such revision of ${identity}`;
  }
}

// With a lazy mirror, a follower learns only by reading an entry that it can't be shown.
function isReadable(entry: Entry<unknown>): boolean {
  try {
    return entry.value !== undefined;
  } catch {
    return false;
  }
}

/** The entry, if it is of this history. Only then must it be kept. */
export function keptIn(
  epoch: number,
  key: string,
  entry: Entry<unknown> | undefined,
  truth: Truth,
): Entry<unknown> | undefined {
  if (entry === undefined) return undefined;
  const held = truth.epochs[epoch]?.held(key, entry.modRevision, JSON.stringify(entry.value)) === true;
  return held ? entry : undefined;
}
