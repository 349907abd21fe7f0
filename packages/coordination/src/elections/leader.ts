import type { Token } from '../locks/held.js';

/** Who leads, as observers see it. */
export interface Leader {
  /** What it proclaimed last. */
  readonly value: Uint8Array;
  readonly token: Token;
  /** True for the first leader after a gap: there may have been other leaders since the one before. */
  readonly gap?: true;
}
