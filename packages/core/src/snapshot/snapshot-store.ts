/**
 * Keeps the last known good copy of a mirror somewhere: an object store, a database. A file is kept by `fileSnapshot()`, from
 * `@holdfast/core/file-snapshot`. The format of the bytes is the mirror's own; they have checksums.
 */
export interface SnapshotStore {
  /** The bytes that were saved last; `undefined` where nothing was saved yet. */
  load(): Promise<Uint8Array | undefined>;
  /** Replaces what was saved, in one step: `load()` gives either the one or the other whole. The mirror calls it once at a time. */
  save(bytes: Uint8Array): Promise<void>;
  /** The least time between two saves, in milliseconds. Default: 60,000. */
  readonly saveEveryMs?: number | undefined;
}
