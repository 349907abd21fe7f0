import type { Bookmark } from '@holdfast/store';
import type { Commit, Epoch, Truth } from '../truth/truth.js';
import { FROM } from './plan.js';

/** Where in the source's histories a value was written. */
export interface Origin {
  readonly key: string;
  readonly epoch: number;
  readonly revision: number;
}

/** What was ever written in the source, by value: each one is written once. */
export class SourceValues {
  readonly #truth: Truth;
  readonly #origins = new Map<string, Origin>();

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  note({ keys, revision }: Commit): void {
    const epoch = this.#truth.current;
    for (const key of keys) {
      const text = key.startsWith(FROM) ? epoch.at(key, revision)?.text : undefined;
      if (text !== undefined && !this.#origins.has(text))
        this.#origins.set(text, { key, epoch: epoch.index, revision });
    }
  }

  originOf(text: string): Origin | undefined {
    return this.#origins.get(text);
  }

  /** The histories that a bookmark can be of, the newest first: several where a store was put back under its old identity. */
  epochsOf({ identity, revision }: Bookmark): readonly Epoch[] {
    return this.#truth.epochs.filter((epoch) => epoch.identity === identity && epoch.covers(revision)).reverse();
  }
}
