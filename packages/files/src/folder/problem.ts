/** A file that is no entry, though it looks like one, or a folder that can't be read. */
export interface FileProblem {
  /** From the folder, with `/` between its parts. */
  readonly path: string;
  /** The key that it would be, where its name tells one. */
  readonly key: string | undefined;
  /** What is wrong, and what to do. */
  readonly reason: string;
}

export function plainProblem({ path, key, reason }: FileProblem): FileProblem {
  return { path, key, reason };
}
