import type { Revision } from '@holdfast/store';
import { encodeUtf8, EntryPage } from '@holdfast/store/adapter';
import type { V2File } from '../json/codec.js';

/** A part of a listing. Values are encoded when they are asked for. */
export class FilePage extends EntryPage<V2File> {
  key(index: number): string {
    return this.at(index).key;
  }

  value(index: number): Uint8Array {
    const { value } = this.at(index);
    return encodeUtf8(this.keysOnly ? '' : value);
  }

  modRevision(index: number): Revision {
    return this.at(index).modifiedIndex as Revision;
  }

  createRevision(index: number): Revision {
    return this.at(index).createdIndex as Revision;
  }

  version(): undefined {
    return undefined;
  }

  protected weigh({ value }: V2File): number {
    return value.length;
  }
}
