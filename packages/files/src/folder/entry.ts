import type { EntryName } from '../format/paths.js';

/** One file of a folder, and the value that it stands for. */
export interface FolderEntry extends EntryName {
  /** From the folder, with `/` between its parts. */
  readonly path: string;
  readonly value: Uint8Array;
  /** Words of a YAML file that YAML 1.1 reads as something else, at their lines. */
  readonly doubtful: readonly string[];
}
