/** A mirror's promise, as docs/mirror.md numbers them. */
export type PromiseId = `M${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12}`;

/** A change of one place in the sources: what makes a mutant of them. */
export interface Mutation {
  /** The source, from the root of the repository. */
  readonly file: string;
  /** The text that is replaced. It must occur in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** The sources with one bug in them, and the test that finds it. */
export interface Mutant extends Mutation {
  readonly name: string;
  /** Which trap of docs/traps.md it falls into. */
  readonly trap?: number;
  /** Which promise of the mirror it breaks. */
  readonly promise?: PromiseId;
  /** The bug, as it was seen in the wild, or as a careless change would bring it. */
  readonly why: string;
  readonly caughtBy: {
    /** The test file, from the root of the repository. */
    readonly test: string;
    /** A regular expression for the whole name of the test. */
    readonly name: string;
  };
}

/** How often a mutation's text occurs in its file: its mutant can only be made where that is once. */
export function occurrences(source: string, { find }: Mutation): number {
  return source.split(find).length - 1;
}
