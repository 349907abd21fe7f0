import type { StoreError } from '@holdfast/store';

/** Why the mirror no longer vouches for its content. */
export type StaleReason =
  /** It shows a saved copy, and the store has not answered yet, or not as the store that the copy is of. */
  | 'from-snapshot'
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

/**
 * Whether the store answers the mirror. `'interrupted'`: its watch has lost its connection, or its last read was not answered, or
 * nothing was answered yet. It shows an outage at once; the status changes only when the last proof gets too old (`livenessMs`).
 */
export type MirrorConnection = 'connected' | 'interrupted';

/** Where a mirror stands. `since`: since when the status is what it is, in milliseconds since the epoch. */
export type MirrorState =
  /** Nothing to show yet. `cause`: why the last attempt failed. */
  | {
      readonly status: 'loading';
      readonly since: number;
      readonly connection: MirrorConnection;
      readonly cause?: StoreError;
    }
  /** Complete as of the mirror's `asOf`, which is no older than `livenessMs`. `cause`: why the connection is interrupted, while it is. */
  | {
      readonly status: 'live';
      readonly since: number;
      readonly connection: MirrorConnection;
      readonly cause?: StoreError;
    }
  /** Shows what it has, and no longer vouches for it. */
  | {
      readonly status: 'stale';
      readonly since: number;
      readonly connection: MirrorConnection;
      readonly reason: StaleReason;
      readonly cause?: StoreError;
    }
  /** Reads everything again; shows what it has until that is done. */
  | {
      readonly status: 'resyncing';
      readonly since: number;
      readonly connection: MirrorConnection;
      readonly reason: ResyncReason;
      readonly cause?: StoreError;
    }
  /** Shows what it had at the end. */
  | {
      readonly status: 'closed';
      readonly since: number;
      readonly connection: MirrorConnection;
      readonly error?: StoreError;
    };

/** What can happen to a mirror. */
export type StateEvent =
  /** The store answers the mirror, or does not any more. */
  | { readonly type: 'connection'; readonly connection: MirrorConnection }
  /** There is a saved copy to show. */
  | { readonly type: 'revived'; readonly cause?: StoreError | undefined }
  /** A load or resync is in place. `isRecent`: it began within `livenessMs`, as one that took longer did not. */
  | { readonly type: 'installed'; readonly isRecent: boolean }
  /** It was proved complete, recently. */
  | { readonly type: 'proved' }
  | {
      readonly type: 'stale';
      readonly reason: StaleReason;
      readonly cause?: StoreError | undefined;
      readonly connection: MirrorConnection;
    }
  | {
      readonly type: 'resync';
      readonly reason: ResyncReason;
      readonly cause?: StoreError | undefined;
      readonly connection: MirrorConnection;
    }
  /** The watch was interrupted, or an attempt failed. */
  | { readonly type: 'trouble'; readonly cause: StoreError; readonly connection: MirrorConnection }
  | { readonly type: 'closed'; readonly error?: StoreError | undefined };

/** The one transition function. Gives the same object where nothing changes. */
export function nextState(state: MirrorState, event: StateEvent, now: number): MirrorState {
  if (state.status === 'closed') return state;
  const { connection } = state;
  switch (event.type) {
    case 'closed': {
      const { error } = event;
      return { status: 'closed', since: now, connection: 'interrupted', ...(error === undefined ? {} : { error }) };
    }
    case 'connection':
      return withConnection(state, event.connection);
    case 'revived':
      if (state.status !== 'loading') return state;
      return { status: 'stale', since: now, connection, reason: 'from-snapshot', ...causeOf(event) };
    case 'installed':
      if (!event.isRecent) return { status: 'stale', since: now, connection: 'connected', reason: 'no-evidence' };
      return state.status === 'live' ? state : { status: 'live', since: now, connection: 'connected' };
    case 'proved':
      // A proof is about what is there; while everything is being read again only the reading counts.
      if (state.status !== 'stale') return state;
      return { status: 'live', since: now, connection, ...(connection === 'interrupted' ? causeOf(state) : {}) };
    case 'stale': {
      const { reason } = event;
      if (state.status !== 'live') return withConnection(state, event.connection);
      return { status: 'stale', since: now, connection: event.connection, reason, ...causeOf(event) };
    }
    case 'resync': {
      if (state.status === 'loading') return state;
      const since = state.status === 'live' ? now : state.since;
      return { status: 'resyncing', since, connection: event.connection, reason: event.reason, ...causeOf(event) };
    }
    case 'trouble': {
      const next = withConnection(state, event.connection);
      // A live mirror whose connection holds has no trouble to tell of, and retries that fail the same way again are no news.
      if (next.status === 'live' && next.connection === 'connected') return next;
      return isSame(next.cause, event.cause) ? next : { ...next, cause: event.cause };
    }
    default:
      return event satisfies never;
  }
}

type Unclosed = Exclude<MirrorState, { status: 'closed' }>;

function withConnection(state: Unclosed, connection: MirrorConnection): Unclosed {
  if (connection === state.connection) return state;
  // What kept a live mirror from the store is over with that.
  return state.status === 'live' ? { status: 'live', since: state.since, connection } : { ...state, connection };
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
  #goodUntil = 0;
  readonly #now: () => number;
  readonly #onChange: (state: MirrorState, previous: MirrorState) => void;

  constructor(now: () => number, onChange: (state: MirrorState, previous: MirrorState) => void) {
    this.#now = now;
    this.#onChange = onChange;
    this.#state = Object.freeze({ status: 'loading', since: now(), connection: 'interrupted' });
  }

  get current(): MirrorState {
    return this.#state;
  }

  /** When the mirror was last known to be live and connected, in milliseconds since the epoch; `undefined` while it is. */
  get goodUntil(): number | undefined {
    return isGood(this.#state) ? undefined : this.#goodUntil;
  }

  handle(event: StateEvent): void {
    const previous = this.#state;
    const now = this.#now();
    const next = nextState(previous, event, now);
    if (next === previous) return;
    this.#state = Object.freeze(next);
    if (isGood(previous) && !isGood(next) && !isFoundLate(next)) this.#goodUntil = now;
    this.#onChange(next, previous);
  }
}

function isGood({ status, connection }: MirrorState): boolean {
  return status === 'live' && connection === 'connected';
}

/** Whether what is wrong may have been so for a while: it shows only when a proof is missing. */
function isFoundLate(state: MirrorState): boolean {
  return state.status === 'stale' && (state.reason === 'no-evidence' || state.reason === 'watch-silent');
}
