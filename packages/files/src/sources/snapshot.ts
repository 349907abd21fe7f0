import type { FileExtension } from '../format/extensions.js';
import type { FileProblem } from '../folder/problem.js';

/** An entry as files have it. */
export interface SourceEntry {
  /** The key as text; `undefined` if it is not UTF-8. */
  readonly key: string | undefined;
  readonly rawKey: Uint8Array;
  /** Of the file, from the folder. */
  readonly path: string;
  readonly extension: FileExtension;
  readonly value: Uint8Array;
}

/** All entries at one moment. */
export interface Snapshot {
  /** By the bytes of their keys, as {@link idOf} gives them. */
  readonly entries: ReadonlyMap<string, SourceEntry>;
  readonly problems: readonly FileProblem[];
  /** Words of YAML files that YAML 1.1 reads as something else, with their paths. */
  readonly doubtful: readonly string[];
}

/** Where entries come from: a folder, or one file. */
export interface Source {
  /**
   * Looks, waits until nothing is being written, and reads what has changed.
   *
   * @returns `undefined` if nothing has changed since the last snapshot
   * @throws StoreError `unavailable` where nothing is there to be read
   */
  read(): Promise<Snapshot | undefined>;
  /** The folders to listen to, as of the last look. */
  readonly folders: readonly (Buffer | string)[];
}

/** A key as a text of its bytes: the name of an entry in maps. */
export function idOf(rawKey: Uint8Array): string {
  return Buffer.from(rawKey).toString('latin1');
}
