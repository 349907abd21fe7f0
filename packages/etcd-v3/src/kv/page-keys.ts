import type { Revision, UndecodableKey } from '@holdfast/store';
import { Slicer, systemClock, type KeyRange } from '@holdfast/store/adapter';
import { isUtf8 } from 'node:buffer';
import { EntryReader } from '../protobuf/entry.js';
import type { RangeOutline } from '../protobuf/range.js';
import { RangeRules, type RangeQuestion } from './range-rules.js';

/** The entries of a response with UTF-8 keys, and separately those with other keys (C1). */
export interface PageKeys {
  /** The start and the end of each entry, alternating. */
  readonly bounds: readonly number[];
  readonly undecodable: readonly UndecodableKey[];
  /** Whether every key is ASCII, so that no decoder is needed. */
  readonly ascii: boolean;
}

/** The answer to a range read, checked against the request. */
export interface RangeAnswer extends RangeOutline {
  readonly keys: PageKeys;
}

type Entries = Pick<RangeOutline, 'buffer' | 'bounds'>;

/** The number of entries that are checked between two checks of the time. */
const STEP = 512;

/**
 * Finds the keys of an answer, in slices that let the event loop run, and checks the answer against the request.
 *
 * @throws StoreError `internal` if the answer does not fit the request
 */
export async function findKeys(outline: RangeOutline, range: KeyRange, asked: RangeQuestion): Promise<PageKeys> {
  const rules = new RangeRules(range, asked, outline.header.revision);
  const keys = await checkKeys(outline, rules);
  rules.end(outline);
  return keys;
}

/** The same for a part of an answer, whose other parts are checked by the same rules, in order. */
export async function checkKeys({ buffer, bounds }: Entries, rules: RangeRules): Promise<PageKeys> {
  const slicer = new Slicer(systemClock, STEP);
  const entry = new EntryReader(buffer);
  const undecodable: UndecodableKey[] = [];
  const bad = new Set<number>();
  let ascii = true;
  let isLastAscii = false;
  for (let i = 0; i < bounds.length; i += 2) {
    if (slicer.isDue()) await slicer.pause();
    entry.read(bounds[i] ?? 0, bounds[i + 1] ?? 0);
    rules.next(entry);
    // What an ASCII key has in common with this one need not be looked at again: that is most of it.
    isLastAscii = entry.hasAsciiKey(isLastAscii ? rules.shared : 0);
    if (isLastAscii) continue;
    ascii = false;
    const { rawKey } = entry;
    if (isUtf8(rawKey)) continue;
    bad.add(i);
    undecodable.push({ rawKey: rawKey.slice(), revision: entry.modRevision as Revision, deleted: false });
  }
  rules.checkLast();
  const good = bad.size === 0 ? bounds : bounds.filter((_bound, i) => !bad.has(i - (i % 2)));
  return { bounds: good, undecodable, ascii };
}
