import type { Page, Revision, UndecodableKey } from '@holdfast/store';
import { EntryPage, type PageFacts } from '@holdfast/adapter-kit';
import { text, type Row } from '../sql/literals.js';
import { headerOf, undecodableOf, versionAt, wholeAt, type Header } from '../sql/versions.js';

/**
 * A page over versions as they came: all in one piece of memory, which its values share. An array with memory of its own costs as much as all the
 * rest of an entry.
 */
class PackedPage extends EntryPage<Header> {
  readonly #packed: Buffer;

  constructor(packed: Buffer, headers: readonly Header[], facts: PageFacts) {
    super(headers, facts);
    this.#packed = packed;
  }

  override get retainedBytes(): number {
    return this.keysOnly ? 0 : this.#packed.length;
  }

  key(index: number): string {
    return this.at(index).key;
  }

  value(index: number): Uint8Array {
    const { buffer, byteOffset } = this.#packed;
    const { valueAt, end } = this.at(index);
    return new Uint8Array(buffer, byteOffset + valueAt, end - valueAt);
  }

  modRevision(index: number): Revision {
    return wholeAt(this.#packed, this.at(index).at) as Revision;
  }

  createRevision(index: number): Revision {
    return wholeAt(this.#packed, this.at(index).at + 8) as Revision;
  }

  version(index: number): number | undefined {
    return wholeAt(this.#packed, this.at(index).at + 16);
  }

  protected weigh({ valueAt, end }: Header): number {
    return end - valueAt;
  }
}

/** Makes a page of rows whose first column is a version. */
export function pageOf(rows: readonly Row[], facts: Omit<PageFacts, 'undecodable'>): Page {
  const digits = rows.map((row) => text(row, 0));
  const packed = Buffer.allocUnsafeSlow(digits.reduce((sum, { length }) => sum + length / 2, 0));
  packed.write(digits.join(''), 'hex');
  const headers: Header[] = [];
  const undecodable: UndecodableKey[] = [];
  let at = 0;
  for (const { length } of digits) {
    const header = headerOf(packed, at, at + length / 2);
    if (header.key === undefined) undecodable.push(undecodableOf(versionAt(packed, header)));
    else headers.push(header as Header);
    at = header.end;
  }
  return new PackedPage(packed, headers, { ...facts, undecodable });
}
