import type { Entry } from '../entries/entry.js';

/** What is wanted under a key of the target. */
export interface Wanted {
  /** The source's key, without the prefix. */
  readonly source: string;
  readonly entry: Entry<Uint8Array>;
}
