/** What etcd itself says of a key. */
export interface HeldEntry {
  readonly value: string;
  readonly modRevision: number;
  readonly createRevision: number;
}

/** What a linearizable read showed. */
export interface Held {
  /** The store's revision (v3), or index (v2), that the read was answered at, or an earlier one: never a later one. */
  readonly revision: number;
  /** By whole key. */
  readonly entries: ReadonlyMap<string, HeldEntry>;
}

/** The servers as they are seen without Holdfast: plain HTTP. */
export interface Outside {
  /** Reads a prefix linearizably, at one endpoint or at any running member. Fails rather than wait for longer than `timeoutMs` (2,000). */
  held(prefix: string, options?: { readonly endpoint?: string; readonly timeoutMs?: number }): Promise<Held>;
  /** The servers' own count of watches, over all running members. */
  watchers(): Promise<number>;
}
