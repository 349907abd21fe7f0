import type { Page, Revision, UndecodableKey } from '@holdfast/store';
import { EntryPage, type PageFacts } from '@holdfast/adapter-kit';
import {
  createRevisionAt,
  keyAt,
  revisionAt,
  rowEnd,
  undecodableAt,
  valueStart,
  versionNumberAt,
} from '../sql/copied.js';

/**
 * A page over rows as they came: all in one piece of memory, which its values share. An array with memory of its own costs as much as all the
 * rest of an entry.
 */
class PackedPage extends EntryPage<number> {
  readonly #rows: Buffer;
  readonly #keys: readonly string[];

  /** @param starts where the entries are in the rows */
  constructor(rows: Buffer, starts: readonly number[], keys: readonly string[], facts: PageFacts) {
    super(starts, facts);
    this.#rows = rows;
    this.#keys = keys;
  }

  override get retainedBytes(): number {
    return this.keysOnly ? 0 : this.#rows.length;
  }

  key(index: number): string {
    return this.#keys[index] ?? String(this.at(index));
  }

  value(index: number): Uint8Array {
    const at = this.at(index);
    const start = valueStart(this.#rows, at);
    return new Uint8Array(this.#rows.buffer, this.#rows.byteOffset + start, rowEnd(this.#rows, at) - start);
  }

  modRevision(index: number): Revision {
    return revisionAt(this.#rows, this.at(index));
  }

  createRevision(index: number): Revision {
    return createRevisionAt(this.#rows, this.at(index));
  }

  version(index: number): number | undefined {
    return versionNumberAt(this.#rows, this.at(index));
  }

  protected weigh(at: number): number {
    return rowEnd(this.#rows, at) - valueStart(this.#rows, at);
  }
}

/** Where each of the rows begins. */
export function startsOf(rows: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at < rows.length; at = rowEnd(rows, at)) starts.push(at);
  return starts;
}

/** Makes a page of the rows that begin at `starts`. */
export function pageOf(rows: Buffer, starts: readonly number[], facts: Omit<PageFacts, 'undecodable'>): Page {
  const keys: string[] = [];
  const readable: number[] = [];
  const undecodable: UndecodableKey[] = [];
  for (const at of starts) {
    const key = keyAt(rows, at);
    if (key === undefined) {
      undecodable.push(undecodableAt(rows, at));
      continue;
    }
    keys.push(key);
    readable.push(at);
  }
  return new PackedPage(rows, readable, keys, { ...facts, undecodable });
}
