import type { ConfigStore } from '@holdfast/store';

/** What a binding passes to its store's constructor when a case asks for something other than the defaults. */
export interface OpenOptions {
  /** The default time-out of calls, in milliseconds. */
  readonly timeoutMs?: number;
  /** The default budget of watches, in bytes. */
  readonly bufferBytes?: number;
}

/** The way between a store's handle and its data, as a case disturbs it. */
export interface Link {
  /** Requests still arrive and take effect; their answers, and events, don't come back until `heal`, and then fail. */
  loseAnswers(): Promise<void> | void;
  /** Drops what is connected and refuses what tries to. */
  cut(): Promise<void> | void;
  /** Lets everything through again. What was lost stays lost. */
  heal(): Promise<void> | void;
}

/** What only the binding can do to its backend. A case that needs a hook which is absent is reported as skipped. */
export interface BackendHooks {
  /** Writes a key that need not be UTF-8, past the contract. Absent where the backend can't hold one. */
  readonly putRaw?: (key: Uint8Array, value: Uint8Array) => Promise<void>;
  /** Deletes what `putRaw` wrote. */
  readonly deleteRaw?: (key: Uint8Array) => Promise<void>;
  /** A handle whose endpoint nobody listens at, and that endpoint as errors should name it. */
  readonly unreachable?: () => Promise<{ store: ConfigStore; endpoint: string }>;
  /** A handle on the same data over a link that the case disturbs. */
  readonly disturbed?: (options?: OpenOptions) => Promise<{ store: ConfigStore; link: Link }>;
  /** Lets milliseconds pass for leases and time-outs. Real waiting where absent. */
  readonly passTime?: (ms: number) => Promise<void>;
  /** Opens a handle on the same data through `openStore(url)`. */
  readonly openByUrl?: () => Promise<ConfigStore>;
}

/**
 * A backend under test: what an adapter author writes to run the conformance suite. All handles reach the same data. The
 * suite keeps each case under a key prefix of its own, but compacts the whole store: give it one that holds nothing
 * else. Cases must run one after another.
 */
export interface ConformanceBackend {
  /** Opens a new handle; the suite closes it. */
  open(options?: OpenOptions): Promise<ConfigStore> | ConfigStore;
  readonly hooks: BackendHooks;
  /** Ends what the binding started for the suite. */
  close?(): Promise<void>;
  /** How many keys the cases of scans write: several pages of the backend. Default 12,000. */
  readonly scanKeys?: number;
  /** How many revisions the case of a long backlog writes: several responses of the backend. Default 2,300. */
  readonly backlogRevisions?: number;
  /** How long a case waits for what must come, in milliseconds. Default 10,000. */
  readonly patienceMs?: number;
}
