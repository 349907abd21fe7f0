import type { Violation } from '@holdfast/testkit';

// One violation leads to others. The first ones are the useful ones.
const MOST_VIOLATIONS = 20;

/** The broken promises of a world, in the order in which they were noticed. */
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

  /** Adds all findings of a checker of recorded histories. */
  addFound(found: readonly Violation[]): void {
    this.#all.push(...found);
  }
}
