import type { Bookmark, Clock, Logger } from '@holdfast/store';
import { StoreError } from '@holdfast/store';
import { checkMs, checkNames, checkSignal, holdDuring, withDeadline } from '@holdfast/store/adapter';
import { Events } from '../events/events.js';
import type { Conflict } from './conflict.js';
import type { Replicator } from './replicator.js';
import type { ReplicationState } from './state.js';

/** The events of a replication, with what their listeners get. */
export interface ReplicationEvents {
  readonly state: readonly [state: ReplicationState, previous: ReplicationState];
  readonly conflict: readonly [conflict: Conflict];
}

export interface SyncOptions {
  /** Milliseconds. Default: the option `syncTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A source that is being carried over to a target: what `replicate()` gives. */
export interface Replication extends AsyncDisposable {
  /** The option `name`. */
  readonly name: string;
  readonly state: ReplicationState;
  /** The target holds everything that the source had up to here, except for the keys in {@link conflicts}. */
  readonly bookmark: Bookmark;
  /** The keys that were not carried over, until that is mended. */
  conflicts(): readonly Conflict[];
  /**
   * Resolves when everything that was committed in the source before the call is in the target.
   *
   * @throws StoreError `timeout` (with the last failure as its cause), `aborted`, `closed`; what stopped the replication
   */
  sync(options?: SyncOptions): Promise<void>;
  /** Calls `listener` on every such event. What it throws goes to the logger. */
  on<Name extends keyof ReplicationEvents>(name: Name, listener: (...args: ReplicationEvents[Name]) => unknown): this;
  once<Name extends keyof ReplicationEvents>(name: Name, listener: (...args: ReplicationEvents[Name]) => unknown): this;
  off<Name extends keyof ReplicationEvents>(name: Name, listener: (...args: ReplicationEvents[Name]) => unknown): this;
  /** Stops. What was carried over stays, and so does the record. Leases in the target are kept alive no more. Idempotent. */
  close(): Promise<void>;
}

export interface RunningParts {
  readonly name: string;
  readonly replicator: Replicator;
  readonly events: Events<ReplicationEvents>;
  readonly clock: Clock;
  readonly syncTimeoutMs: number;
}

/** A {@link Replication} whose first copy is done. */
export class RunningReplication implements Replication {
  readonly name: string;
  readonly #parts: RunningParts;

  constructor(parts: RunningParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  get state(): ReplicationState {
    return this.#parts.replicator.state;
  }

  get bookmark(): Bookmark {
    const { bookmark } = this.#parts.replicator;
    if (bookmark === undefined) throw new StoreError('internal', 'the replication has not started');
    return bookmark;
  }

  conflicts(): readonly Conflict[] {
    return this.#parts.replicator.conflicts;
  }

  async sync(options: SyncOptions = {}): Promise<void> {
    const { timeoutMs = this.#parts.syncTimeoutMs, signal } = checkNames(
      options,
      ['timeoutMs', 'signal'],
      'sync()',
    ) as SyncOptions;
    const ms = checkMs(timeoutMs, 'timeoutMs');
    checkSignal(signal);
    const { clock, replicator, name } = this.#parts;
    const given = signal;
    const aborted = wasAborted(given);
    if (aborted !== undefined) throw aborted;
    const late = () => {
      const { state } = replicator;
      const cause = state.status === 'interrupted' ? state.cause : undefined;
      const why = cause === undefined ? '' : `: ${cause.message}`;
      return new StoreError(
        'timeout',
        `sync() of the replication ${JSON.stringify(name)} was not done within ${ms} ms; it is ${state.status}${why}`,
        { cause, endpoint: cause?.endpoint },
      );
    };
    try {
      await holdDuring(
        withDeadline({ clock, ms, signal: given, late }, (deadline) => replicator.sync(deadline.signal, ms)),
      );
    } catch (error) {
      throw wasAborted(given) ?? error;
    }
  }

  on<Name extends keyof ReplicationEvents>(name: Name, listener: (...args: ReplicationEvents[Name]) => unknown): this {
    this.#parts.events.on(known(name), listener);
    return this;
  }

  once<Name extends keyof ReplicationEvents>(
    name: Name,
    listener: (...args: ReplicationEvents[Name]) => unknown,
  ): this {
    this.#parts.events.once(known(name), listener);
    return this;
  }

  off<Name extends keyof ReplicationEvents>(name: Name, listener: (...args: ReplicationEvents[Name]) => unknown): this {
    this.#parts.events.off(known(name), listener);
    return this;
  }

  async close(): Promise<void> {
    await holdDuring(this.#parts.replicator.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function wasAborted(signal: AbortSignal | undefined): StoreError | undefined {
  if (signal?.aborted !== true) return undefined;
  return new StoreError('aborted', 'sync() was aborted', { cause: signal.reason });
}

function known<Name extends string>(name: Name): Name {
  if (name === 'state' || name === 'conflict') return name;
  throw new TypeError(`a replication has no event '${name}'; there are 'state' and 'conflict'`);
}

/** The events of a replication that is about to start. */
export function newEvents(logger: Logger): Events<ReplicationEvents> {
  return new Events<ReplicationEvents>(logger);
}
