import type { Revision } from '@holdfast/store';
import { EntryPage } from '@holdfast/store/adapter';
import { copyBytes } from '../data/byte-string.js';
import { asRevision } from '../entries/entries.js';
import type { Version } from '../data/key-history.js';

const EMPTY = new Uint8Array(0);

/** A page of a scan over the store's own versions. Only values that are asked for are copied: each copy holds only itself in memory. */
export class VersionPage extends EntryPage<Version> {
  key(index: number): string {
    return this.at(index).history.name ?? '';
  }

  value(index: number): Uint8Array {
    const { value } = this.at(index);
    return this.keysOnly ? EMPTY : copyBytes(value);
  }

  modRevision(index: number): Revision {
    return asRevision(this.at(index).modRevision);
  }

  createRevision(index: number): Revision {
    return asRevision(this.at(index).createRevision);
  }

  version(index: number): number {
    return this.at(index).version;
  }

  protected weigh({ value }: Version): number {
    return value.length;
  }
}
