import type { Token } from '@holdfast/coordination';

/** Something that happened in a run. Times are milliseconds on one monotonic clock, or on a simulated one. */
export type Happening =
  /** `told`: its signal has aborted, or a check has thrown. */
  | {
      readonly what: 'acquired' | 'told' | 'released';
      readonly who: string;
      readonly at: number;
      readonly token: Token;
    }
  /** A write to the resource, with whether the resource took it. */
  | {
      readonly what: 'write';
      readonly who: string;
      readonly at: number;
      readonly token: Token;
      readonly taken: boolean;
    };

/** What was recorded of a run. */
export interface History {
  /** In the order in which it happened. */
  readonly happenings: readonly Happening[];
  /** The keys that were left when everybody had gone. */
  readonly left: readonly string[];
}

/** What a holder needs of what it works on. */
export type Worked = Pick<Resource, 'note' | 'write'>;

/** What a lock protects: it refuses a token that is older than one that it has seen. */
export class Resource {
  readonly happenings: Happening[] = [];
  #highest = 0;
  readonly #isFenced: boolean;
  readonly #now: () => number;

  constructor(isFenced = true, now = () => performance.now()) {
    this.#isFenced = isFenced;
    this.#now = now;
  }

  note(what: 'acquired' | 'told' | 'released', who: string, token: Token): void {
    this.happenings.push({ what, who, at: this.#now(), token });
  }

  write(who: string, token: Token): boolean {
    const taken = !this.#isFenced || token.revision >= this.#highest;
    if (taken) this.#highest = Math.max(this.#highest, token.revision);
    this.happenings.push({ what: 'write', who, at: this.#now(), token, taken });
    return taken;
  }
}
