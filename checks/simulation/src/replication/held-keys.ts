import type { Truth } from '../truth/truth.js';
import type { Run } from './run.js';

/**
 * Who has changed a key of the target last. `late`: one whose write a store without transactions can't keep out, or tell from another one's.
 * `disowned`: a replicator, before somebody deleted the record.
 */
export type Author = 'own' | 'foreign' | 'disowned' | 'lease' | 'late';

export interface HeldKey {
  readonly text: string | undefined;
  readonly lease: string | undefined;
  readonly by: Author;
}

/** The keys of the target, those too that were deleted, and whose they are. */
export class HeldKeys {
  readonly #truth: Truth;
  readonly #held = new Map<string, HeldKey>();
  /** Keys that somebody else had changed, and which replicators have written them since. */
  readonly #handled = new Map<string, { readonly since: number; readonly by: Set<Run> }>();

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  get(key: string): HeldKey | undefined {
    return this.#held.get(key);
  }

  [Symbol.iterator](): IterableIterator<[string, HeldKey]> {
    return this.#held[Symbol.iterator]();
  }

  /** Whether the key is as somebody else, or the end of a lease, has left it. */
  isOthers(key: string): boolean {
    const by = this.#held.get(key)?.by;
    return by !== undefined && by !== 'own';
  }

  /** Whether the end of a lease at the target has deleted it. */
  isExpired(key: string): boolean {
    return this.#held.get(key)?.by === 'lease';
  }

  /** Whether somebody else has changed it last, or nobody knows whose it is. */
  isForeign(key: string): boolean {
    return this.isOthers(key) && !this.isExpired(key);
  }

  /** Whether somebody else has changed it, as far as a replicator may know: another one may have written it since. */
  isForeignTo(run: Run, key: string): boolean {
    const handled = this.#handled.get(key);
    return this.isForeign(key) || (handled !== undefined && handled.since > run.from && !handled.by.has(run));
  }

  /** A key was changed at a revision of the target. */
  hold(key: string, revision: number, by: Author): void {
    const version = this.#truth.current.at(key, revision);
    this.#held.set(key, { text: version?.text, lease: version?.lease, by });
  }

  /** A replicator has changed a key. */
  holdOwn(key: string, revision: number, run: Run): void {
    if (this.isForeign(key)) this.#handled.set(key, { since: revision, by: new Set() });
    this.#handled.get(key)?.by.add(run);
    this.hold(key, revision, 'own');
  }

  /** Somebody has deleted the record: nobody knows then whose the keys are. */
  disown(): void {
    for (const [key, held] of this.#held) if (held.by === 'own') this.#held.set(key, { ...held, by: 'disowned' });
  }
}
