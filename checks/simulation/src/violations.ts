import type { Violation } from '@holdfast/testkit';

// One violation leads to others; the first ones tell.
const MOST_VIOLATIONS = 20;

/** The promises that were broken in a world, in the order in which that was noticed. */
export class Violations {
  readonly #all: Violation[] = [];
  readonly #trace: ((line: string) => void) | undefined;

  constructor(trace: ((line: string) => void) | undefined) {
    this.#trace = trace;
  }

  get all(): readonly Violation[] {
    return this.#all;
  }

  get areNone(): boolean {
    return this.#all.length === 0;
  }

  readonly add = (guarantee: string, message: string): void => {
    this.#trace?.(`VIOLATION ${guarantee}: ${message}`);
    if (this.#all.length < MOST_VIOLATIONS) this.#all.push({ guarantee, message });
  };

  /** What a checker of recorded histories found, all of it. */
  addFound(found: readonly Violation[]): void {
    this.#all.push(...found);
  }
}
