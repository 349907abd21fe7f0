import { quoted } from '@holdfast/adapter-kit';
import type { Clock, Logger } from '@holdfast/store';
import type { FileProblem } from '../folder/problem.js';

/** A file that is no entry, though it looks like one. */
export interface ListedProblem extends FileProblem {
  /** Since when it is so without a break, in milliseconds since the epoch. */
  readonly since: number;
}

/** What is wrong at present. The log is told of each once, and when it is over. */
export class ProblemList {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #listed = new Map<string, ListedProblem>();
  #doubtful = new Set<string>();

  constructor(path: string, clock: Clock, logger: Logger) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** By path. */
  get all(): readonly ListedProblem[] {
    return [...this.#listed.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  replace(problems: readonly FileProblem[], doubtful: readonly string[]): void {
    const listed = new Map<string, ListedProblem>();
    for (const problem of problems) {
      const before = this.#listed.get(problem.path);
      listed.set(problem.path, Object.freeze({ ...problem, since: before?.since ?? this.#clock.now() }));
      if (before?.reason === problem.reason) continue;
      const { path, key, reason } = problem;
      const kept = key === undefined ? '' : `; key ${quoted(key)} stays as it was`;
      this.#logger.warn(`${path} in ${this.#path}: ${reason}${kept}`, { path, ...(key !== undefined && { key }) });
    }
    for (const { path } of this.#listed.values()) {
      if (!listed.has(path)) this.#logger.info(`${path} in ${this.#path} is in order again, or gone`, { path });
    }
    this.#listed = listed;
    for (const word of doubtful) {
      if (!this.#doubtful.has(word)) {
        this.#logger.warn(
          `${word}: YAML 1.1 reads it as something else; put it in quotation marks, or write true, false, or the number`,
        );
      }
    }
    this.#doubtful = new Set(doubtful);
  }
}
