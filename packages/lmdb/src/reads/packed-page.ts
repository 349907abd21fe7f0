import type { Page, Revision, UndecodableKey } from '@holdfast/store';
import { EntryPage, type PageFacts } from '@holdfast/store/adapter';
import { createRevisionAt, HEADER, modRevisionAt, versionAt, type Stored, encodeStored } from '../data/records.js';
import { PackedRows } from '../database/packed-rows.js';
import type { RowKey } from '../database/row-table.js';

/** A page over entries as the file has them: all in one piece of memory, which its values share. */
class PackedPage extends EntryPage<number> {
  readonly #rows: Buffer;
  readonly #keys: readonly string[];
  readonly #ends: readonly number[];

  constructor(rows: Buffer, keys: readonly string[], starts: readonly number[], facts: PageFacts) {
    super(starts, facts);
    this.#rows = rows;
    this.#keys = keys;
    this.#ends = starts;
  }

  override get retainedBytes(): number {
    return this.keysOnly ? 0 : this.#rows.length;
  }

  key(index: number): string {
    return this.#keys[index] ?? String(this.at(index));
  }

  value(index: number): Uint8Array {
    const start = this.at(index) + HEADER;
    const end = this.#ends[index + 1] ?? this.#rows.length;
    return new Uint8Array(this.#rows.buffer, this.#rows.byteOffset + start, end - start);
  }

  modRevision(index: number): Revision {
    return modRevisionAt(this.#rows, this.at(index)) as Revision;
  }

  createRevision(index: number): Revision {
    return createRevisionAt(this.#rows, this.at(index)) as Revision;
  }

  version(index: number): number {
    return versionAt(this.#rows, this.at(index));
  }

  protected weigh(): number {
    return 0;
  }
}

const EMPTY = new Uint8Array(0);

/** A page while it is filled. Its memory is used again for the next one. */
export class PageMaker {
  readonly rows = new PackedRows();
  #keys: string[] = [];
  #starts: number[] = [];
  #undecodable: UndecodableKey[] = [];

  /** How many entries it has, with those whose key is not UTF-8. */
  get length(): number {
    return this.#keys.length + this.#undecodable.length;
  }

  get bytes(): number {
    return this.rows.length;
  }

  /** Takes a row that was just added. */
  keep(key: RowKey, at: number): void {
    if (typeof key === 'string') {
      this.#keys.push(key);
      this.#starts.push(at);
      return;
    }
    this.#undecodable.push({
      rawKey: new Uint8Array(key),
      revision: modRevisionAt(this.rows.bytes, at) as Revision,
      deleted: false,
    });
    this.rows.cut(at);
  }

  /** Adds an entry that was read in another way. */
  add(key: RowKey, entry: Stored, keysOnly: boolean): void {
    const bytes = encodeStored(keysOnly ? { ...entry, value: EMPTY } : entry);
    this.keep(key, this.rows.add(bytes, bytes.length));
  }

  /** Gives the page, and begins the next one. */
  take(facts: Omit<PageFacts, 'undecodable'>): Page {
    const page = new PackedPage(this.rows.take(), this.#keys, this.#starts, {
      ...facts,
      undecodable: this.#undecodable,
    });
    [this.#keys, this.#starts, this.#undecodable] = [[], [], []];
    return page;
  }
}
