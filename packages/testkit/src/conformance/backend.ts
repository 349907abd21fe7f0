import type { ConfigStore } from '@holdfast/store';

/** Options that a binding passes to its store's constructor when a case asks for them. */
export interface OpenOptions {
  /** The default time-out of calls, in milliseconds. */
  readonly timeoutMs?: number;
  /** The default budget of watches, in bytes. */
  readonly bufferBytes?: number;
}

/** The connection between a store's handle and its data, which a case can disturb. */
export interface Link {
  /** Requests still arrive and take effect. Their answers, and events, don't come back; at `heal` they fail. */
  loseAnswers(): Promise<void> | void;
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void> | void;
  /** Lets everything through again. Lost answers stay lost. */
  heal(): Promise<void> | void;
}

/**
 * Breaks what the backend itself stands on, below its driver: the folder is gone, the database is stopped, the connection is cut. Without
 * it nothing shows that a driver notices that, where `disturbed` is a simulated link: there the link says so in its place.
 */
export interface Disturbance {
  /** From now on no handle gets what is written. */
  break(): Promise<void> | void;
  /** The backend is back, with its data. */
  heal(): Promise<void> | void;
}

/** Actions that only the binding can do to its backend. A case that needs an absent hook is reported as skipped. */
export interface BackendHooks {
  /** Writes a key that need not be UTF-8, past the contract. Absent if the backend can't hold one. */
  readonly putRaw?: (key: Uint8Array, value: Uint8Array) => Promise<void>;
  /**
   * Writes a key past the store, as another program would: a client of the same server, a hand that edits the file. Without a value it
   * deletes the key. Of a read-only store, the suite writes all data of its cases so.
   */
  readonly writeOutside?: (key: string, value: Uint8Array | undefined) => Promise<void>;
  /** Deletes a key that `putRaw` wrote. */
  readonly deleteRaw?: (key: Uint8Array) => Promise<void>;
  /** A handle on an endpoint where nobody listens, and the endpoint as errors should name it. */
  readonly unreachable?: () => Promise<{ store: ConfigStore; endpoint: string }>;
  /** A handle on the same data, over a link that the case disturbs. */
  readonly disturbed?: (options?: OpenOptions) => Promise<{ store: ConfigStore; link: Link }>;
  /** Breaks the backend under all handles, and mends it. */
  readonly disturb?: Disturbance;
  /** How many watches the backend serves, on all handles: what a driver that does not stop a closed watch leaves behind. */
  readonly openWatches?: () => Promise<number> | number;
  /** Lets milliseconds pass for leases and time-outs. Without it the suite really waits. */
  readonly passTime?: (ms: number) => Promise<void>;
  /** Opens a handle on the same data through `openStore(url)`. */
  readonly openByUrl?: () => Promise<ConfigStore>;
}

/**
 * A backend under test. Adapter authors write it to run the conformance suite. All handles reach the same data. Each case keeps to a
 * key prefix of its own, but compacts the whole store: pass a store that holds nothing else. Cases must run one after another.
 */
export interface ConformanceBackend {
  /** Opens a new handle. The suite closes it. */
  open(options?: OpenOptions): Promise<ConfigStore> | ConfigStore;
  readonly hooks: BackendHooks;
  /** Ends everything that the binding started for the suite. */
  close?(): Promise<void>;
  /** How many keys the cases of scans write: they must make several pages. Default: 12,000. */
  readonly scanKeys?: number;
  /** How many revisions the case of a long backlog writes: they must make several responses. Default: 2,300. */
  readonly backlogRevisions?: number;
  /** How long a case waits for something that must come, in milliseconds. Default: 10,000. `HOLDFAST_PATIENCE` multiplies it. */
  readonly patienceMs?: number;
}
