import type { Replication } from '@holdfast/core/replicate';

/** One call of `replicate()`, with what is known of it outside. */
export interface Run {
  /** Counts the runs of a world. */
  readonly index: number;
  readonly name: string;
  readonly acceptsHistory: boolean;
  /** Whether it began while there were faults: it may be too late when they end. */
  readonly isTroubled: boolean;
  readonly controller: AbortController;
  /** Its name in the record, once it has written that. */
  writer: string | undefined;
  /** The target's revision when it began. */
  readonly from: number;
  /** How many histories the source had had when it began. */
  readonly histories: number;
  /** Its process, and whether that may be refused by a server or by a proxy. */
  readonly mayBeRefused: () => boolean;
  /** Whether it has changed any key. */
  hasChanged: boolean;
  /** The keys that it has written since it wrote its record last. */
  readonly unrecorded: Set<string>;
  /** Whether it compares, or copies: then what it writes is the difference of two states. */
  isComparing: boolean;
  replication: Replication | undefined;
  /** Why it ended by itself. */
  failure: unknown;
  /** Whether its process has died, or somebody closes it. */
  isLeft: boolean;
}
