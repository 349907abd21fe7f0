import type { Logger, StoreError } from '@holdfast/store';

/** Why the mirror no longer claims to be complete. */
export type StaleReason =
  /** Its last proof is older than `livenessMs`. */
  | 'no-evidence'
  /** The watch ended with an error, and is being set up again. */
  | 'watch-failed'
  /** A read has shown changes that did not come through the watch in time. */
  | 'watch-silent';

/** Why the mirror reads again instead of following. */
export type ResyncReason =
  /** The history after its bookmark is compacted. */
  | 'compacted'
  /** The store holds another history: restored, wiped, or another cluster. */
  | 'history-changed'
  /** After a lost connection the backend can't prove that the history is the same. */
  | 'unverified'
  /** The watch fell silent, or fell behind what `sync()` asked for. */
  | 'behind'
  /** The audit found a difference. */
  | 'audit';

/** The state of a mirror. `since` is in milliseconds since the epoch. */
export type MirrorState =
  /** Nothing to show yet. `cause`: why the last attempt failed. */
  | { readonly status: 'loading'; readonly since: number; readonly cause?: StoreError }
  /** Complete as of the mirror's `asOf`, which is no older than `livenessMs`. */
  | { readonly status: 'live'; readonly since: number }
  /** Shows its content, but does not claim that it is complete. */
  | { readonly status: 'stale'; readonly since: number; readonly reason: StaleReason; readonly cause?: StoreError }
  /** Reads again. Shows its old content until that is done. */
  | { readonly status: 'resyncing'; readonly since: number; readonly reason: ResyncReason; readonly cause?: StoreError }
  /** Keeps its last content. */
  | { readonly status: 'closed'; readonly since: number; readonly error?: StoreError };

/** An input of the state machine. */
export type StateEvent =
  /** A load or resync is installed. `isRecent`: it began no longer than `livenessMs` ago. */
  | { readonly type: 'installed'; readonly isRecent: boolean }
  /** A recent proof showed the mirror to be complete. */
  | { readonly type: 'proved' }
  | { readonly type: 'stale'; readonly reason: StaleReason; readonly cause?: StoreError | undefined }
  | { readonly type: 'resync'; readonly reason: ResyncReason; readonly cause?: StoreError | undefined }
  /** A read or a watch failed. */
  | { readonly type: 'trouble'; readonly cause: StoreError }
  | { readonly type: 'closed'; readonly error?: StoreError | undefined };

/** The one transition function. Returns the same object if nothing changes. */
export function nextState(state: MirrorState, event: StateEvent, now: number): MirrorState {
  if (state.status === 'closed') return state;
  switch (event.type) {
    case 'closed':
      return { status: 'closed', since: now, ...(event.error === undefined ? {} : { error: event.error }) };
    case 'installed':
      if (!event.isRecent) return { status: 'stale', since: now, reason: 'no-evidence' };
      return state.status === 'live' ? state : { status: 'live', since: now };
    case 'proved':
      // During a resync only the result of the resync counts.
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
      // A retry that fails in the same way is no news.
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

/** Holds the state. Every change goes through {@link nextState}. */
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
