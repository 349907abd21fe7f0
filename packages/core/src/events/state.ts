import type { Logger, StoreError } from '@holdfast/store';

/** Why the mirror no longer vouches for its content. */
export type StaleReason =
  /** For `livenessMs` nothing has proved that it is complete. */
  | 'no-evidence'
  /** The watch ended with an error, and is being set up again. */
  | 'watch-failed'
  /** A read has shown changes that did not come through the watch in time. */
  | 'watch-silent';

/** Why the mirror reads everything again. */
export type ResyncReason =
  /** The history that it would have continued from is compacted. */
  | 'compacted'
  /** The store holds another history: restored, wiped, or another cluster. */
  | 'history-changed'
  /** After a lost connection the backend can't show whether the history is still the same. */
  | 'unverified'
  /** The watch fell silent, or `sync()` wanted to know more than it had brought. */
  | 'behind'
  /** The comparison in the background found a difference. */
  | 'audit';

/** Where a mirror stands. `since` is in milliseconds since the epoch. */
export type MirrorState =
  /** Nothing to show yet. `cause`: why the last attempt failed. */
  | { readonly status: 'loading'; readonly since: number; readonly cause?: StoreError }
  /** Complete as of the mirror's `asOf`, which is no older than `livenessMs`. */
  | { readonly status: 'live'; readonly since: number }
  /** Shows what it has, and no longer vouches for it. */
  | { readonly status: 'stale'; readonly since: number; readonly reason: StaleReason; readonly cause?: StoreError }
  /** Reads everything again; shows what it has until that is done. */
  | { readonly status: 'resyncing'; readonly since: number; readonly reason: ResyncReason; readonly cause?: StoreError }
  /** Shows what it had at the end. */
  | { readonly status: 'closed'; readonly since: number; readonly error?: StoreError };

/** What can happen to a mirror. */
export type StateEvent =
  /** A load or resync is in place. `isRecent`: it began within `livenessMs`, as one that took longer did not. */
  | { readonly type: 'installed'; readonly isRecent: boolean }
  /** It was proved complete, recently. */
  | { readonly type: 'proved' }
  | { readonly type: 'stale'; readonly reason: StaleReason; readonly cause?: StoreError | undefined }
  | { readonly type: 'resync'; readonly reason: ResyncReason; readonly cause?: StoreError | undefined }
  /** An attempt to get out of where it is failed. */
  | { readonly type: 'trouble'; readonly cause: StoreError }
  | { readonly type: 'closed'; readonly error?: StoreError | undefined };

/** The one transition function. Gives the same object where nothing changes. */
export function nextState(state: MirrorState, event: StateEvent, now: number): MirrorState {
  if (state.status === 'closed') return state;
  switch (event.type) {
    case 'closed':
      return { status: 'closed', since: now, ...(event.error === undefined ? {} : { error: event.error }) };
    case 'installed':
      if (!event.isRecent) return { status: 'stale', since: now, reason: 'no-evidence' };
      return state.status === 'live' ? state : { status: 'live', since: now };
    case 'proved':
      // A proof is about what is there; while everything is being read again only the reading counts.
      return state.status === 'stale' ? { status: 'live', since: now } : state;
    case 'stale':
      return state.status === 'live' ? { status: 'stale', since: now, reason: event.reason, ...causeOf(event) } : state;
    case 'resync':
      return state.status === 'loading'
        ? state
        : {
            status: 'resyncing',
            since: state.status === 'live' ? now : state.since,
            reason: event.reason,
            ...causeOf(event),
          };
    case 'trouble':
      // Retries that fail the same way again are no news.
      return state.status === 'live' || isSame(state.cause, event.cause) ? state : { ...state, cause: event.cause };
    default:
      return event satisfies never;
  }
}

function causeOf({ cause }: { readonly cause?: StoreError | undefined }): { readonly cause?: StoreError } {
  return cause === undefined ? {} : { cause };
}

function isSame(a: StoreError | undefined, b: StoreError): boolean {
  return a?.code === b.code && a.message === b.message;
}

/** Holds the state; every change goes through {@link nextState}. */
export class StateMachine {
  #state: MirrorState;
  readonly #now: () => number;
  readonly #logger: Logger;
  readonly #onChange: (state: MirrorState, previous: MirrorState) => void;

  constructor(now: () => number, logger: Logger, onChange: (state: MirrorState, previous: MirrorState) => void) {
    this.#now = now;
    this.#logger = logger;
    this.#onChange = onChange;
    this.#state = Object.freeze({ status: 'loading', since: now() });
  }

  get current(): MirrorState {
    return this.#state;
  }

  handle(event: StateEvent): void {
    const previous = this.#state;
    const next = nextState(previous, event, this.#now());
    if (next === previous) return;
    this.#state = Object.freeze(next);
    if (next.status !== previous.status)
      this.#logger.info(`mirror: ${previous.status} -> ${next.status}`, { state: next });
    this.#onChange(next, previous);
  }
}
