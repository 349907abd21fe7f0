/**
 * What one store calls by names of its own, in the terms that both have in common: its revisions, its identity, and the ids of leases that
 * it chose itself.
 */
export interface Names {
  readonly identity: string;
  /** A revision of this store, as the memory store numbers it; a text where no revision corresponds. */
  toCommon(revision: number): number | string;
  toOwn(revision: number): number;
}

/** The names of a store that numbers its revisions as the memory store does. */
export function sameNumbers(identity: string): Names {
  return { identity, toCommon: (revision) => revision, toOwn: (revision) => revision };
}

/** The names of a store with numbers of its own: those of both heads are noted after each call. */
export class OwnNumbers implements Names {
  readonly identity: string;
  readonly #common = new Map<number, number>();
  readonly #own = new Map<number, number>();
  #last = { own: 0, common: 0 };

  constructor(identity: string) {
    this.identity = identity;
  }

  note(own: number, common: number): void {
    this.#common.set(own, common);
    this.#own.set(common, own);
    this.#last = { own, common };
  }

  toCommon(revision: number): number | string {
    return this.#common.get(revision) ?? `${revision}, which no write had`;
  }

  toOwn(revision: number): number {
    return this.#own.get(revision) ?? Math.max(1, this.#last.own + (revision - this.#last.common));
  }
}
