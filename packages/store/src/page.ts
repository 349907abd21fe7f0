import { EntryPage } from './entry-page.js';
import type { KeyValue } from './key-value.js';
import type { ListResult } from './options.js';
import type { Revision } from './revision.js';

/** A page over entries that are decoded already. `scan` gives it for drivers that only have `list`. */
export class ListPage extends EntryPage<KeyValue> {
  constructor(list: ListResult, more: boolean) {
    const { items, bookmark, count, undecodable } = list;
    super(items, { bookmark, total: count, more, undecodable });
  }

  key(index: number): string {
    return this.at(index).key;
  }

  value(index: number): Uint8Array {
    return this.at(index).value;
  }

  modRevision(index: number): Revision {
    return this.at(index).modRevision;
  }

  createRevision(index: number): Revision {
    return this.at(index).createRevision;
  }

  version(index: number): number | undefined {
    return this.at(index).version;
  }

  protected weigh({ value }: KeyValue): number {
    return value.byteLength;
  }
}
