import { isStoreError, type StoreError } from '@holdfast/store';
import { inNextTurn, inThisTurn } from '@holdfast/store/adapter';
import { Replay } from '../proof/replay.js';
import { replayStart } from '../proof/replay-start.js';
import { OpenWatch } from '../reads/open-watch.js';
import type { Runtime } from '../runtime/runtime.js';

/** A watch, and where it begins. */
export interface BegunWatch {
  readonly watch: OpenWatch;
  readonly after: number;
  /** For what it brings of what is known already. */
  readonly replay: Replay | undefined;
}

/** What a renewal needs of the following that it belongs to. */
export interface RenewalHost {
  /** Whether the present watch is followed still. */
  isFollowed(): boolean;
  /** Leaves the present watch, for the one that was begun. */
  leave(): void;
}

/**
 * Begins the watches of a following. When one has lost its connection, another one takes its place, which begins early enough to prove the
 * history. A watch that has not held goes on by itself, and by its own back-off: what fails at once must not spin (docs/traps.md#trap-12).
 */
export class Renewal {
  readonly #runtime: Runtime;
  readonly #host: RenewalHost;
  /** The one that takes the place of a watch that is still open: its store knows by then what that one has seen. */
  #next: BegunWatch | undefined;
  /** Whether nothing came by the time that the consumer wants more. */
  #isWaiting = false;
  #isDue = false;
  /** What the store is known to have compacted, and how often in a row that was in the way of a watch. */
  #compacted = 0;
  #timesCompacted = 0;
  /** How many watches in a row were replaced soon after they had begun to follow. */
  #soonReplaced = 0;
  #liveSince = 0;

  constructor(runtime: Runtime, host: RenewalHost) {
    this.#runtime = runtime;
    this.#host = host;
  }

  /** Whether the present watch is to be replaced before its consumer waits for it. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /**
   * The watch that is to be followed now: the one that was begun already, or another one.
   *
   * @param isFirst whether none was established before: then it goes on from what was read (M2)
   * @param opened one that is open already, which may be behind the table from the beginning
   */
  take(isFirst: boolean, opened?: OpenWatch): BegunWatch {
    this.#isDue = false;
    this.#isWaiting = false;
    const next = this.#next ?? this.#begin(isFirst, opened);
    this.#next = undefined;
    return next;
  }

  /** The consumer waits for the present watch. */
  waits(): void {
    this.#isWaiting = true;
  }

  /** Something came. */
  came(): void {
    this.#isWaiting = false;
  }

  /** The present watch follows. */
  follows(): void {
    this.#liveSince = this.#runtime.settings.clock.now();
  }

  /** The present watch has lost its connection. */
  noteLoss(): void {
    const { backoff, clock } = this.#runtime.settings;
    this.#timesCompacted = 0;
    this.#soonReplaced = clock.now() - this.#liveSince >= backoff.maxMs ? 0 : this.#soonReplaced + 1;
    if (this.#soonReplaced > MOST_SOON || replayStart(this.#runtime, this.#compacted) === undefined) return;
    this.#isDue = true;
    // Not while its store tells of the loss.
    inThisTurn(() => {
      if (this.#isWaiting) this.renew();
    });
  }

  /** What came before the connection was lost is taken first; where nothing is left of that, the watch is replaced. */
  async renewUnless(next: Promise<unknown>): Promise<void> {
    if (!(await isThere(next))) this.renew();
  }

  /** Replaces the present watch, if that is due. */
  renew(): void {
    if (!this.#isDue || !this.#host.isFollowed()) return;
    this.#isDue = false;
    this.#next = this.#begin(false);
    this.#host.leave();
  }

  /**
   * Whether only what a watch was to bring once more is compacted: another one begins later. Not again and again, since a store may
   * be compacted all the time.
   */
  isReplayGone(error: StoreError, { after, replay }: BegunWatch): boolean {
    if (replay === undefined || !this.isOvertaken(error, after) || !isStoreError(error, 'compacted')) return false;
    this.#compacted = error.compactRevision;
    this.#timesCompacted += 1;
    return true;
  }

  /**
   * Whether only the watch has lost its history: on an idle prefix proofs take the table further than events take the watch,
   * and what is compacted is behind the table (M6). A new watch begins at the table, so that this can't happen twice in a row.
   */
  isOvertaken(error: StoreError, start: number): boolean {
    if (!isStoreError(error, 'compacted')) return false;
    return start < error.compactRevision && error.compactRevision <= this.#runtime.table.revision;
  }

  /** Closes the watch that was begun and is not followed. */
  async close(): Promise<void> {
    await this.#next?.watch.close();
  }

  #begin(isFirst: boolean, opened?: OpenWatch): BegunWatch {
    const runtime = this.#runtime;
    if (opened !== undefined) return { watch: opened, after: 0, replay: undefined };
    const canReplay = !isFirst && this.#timesCompacted < MOST_COMPACTED;
    const start = canReplay ? replayStart(runtime, this.#compacted) : undefined;
    const after = start ?? runtime.table.bookmark;
    const replay = start === undefined ? undefined : new Replay(runtime.table, start.revision);
    return { watch: new OpenWatch(runtime, { after }), after: after?.revision ?? 0, replay };
  }
}

/** How often in a row the store may be found compacted where watches begin, or a watch be replaced soon. */
const MOST_COMPACTED = 2;
const MOST_SOON = 3;

/** Whether something need not be waited for. */
async function isThere(next: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const settled = () => {
    isSettled = true;
  };
  next.then(settled, settled);
  await new Promise<void>((resolve) => {
    inNextTurn(resolve);
  });
  return isSettled;
}
