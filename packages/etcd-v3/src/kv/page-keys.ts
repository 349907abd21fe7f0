import type { Revision, UndecodableKey } from '@holdfast/store';
import { Slicer, systemClock, type KeyRange } from '@holdfast/store/adapter';
import { isUtf8 } from 'node:buffer';
import { EntryReader } from '../protobuf/entry.js';
import type { RangeOutline } from '../protobuf/range.js';
import { RangeRules, type RangeQuestion } from './range-rules.js';

/** The entries of a response with UTF-8 keys, and separately those with other keys (C1). Compact, because a page may be kept for long. */
export interface PageKeys {
  /** The start and the end of each entry, alternating. */
  readonly bounds: Uint32Array;
  readonly modRevisions: Uint32Array | Float64Array;
  readonly undecodable: readonly UndecodableKey[];
  /** Whether every key is ASCII, so that no decoder is needed. */
  readonly ascii: boolean;
  /** Whether every entry begins with its key, and that is short: it is found there without a look at the rest. */
  readonly keysFirst: boolean;
}

export const NO_KEYS: PageKeys = {
  bounds: new Uint32Array(),
  modRevisions: new Uint32Array(),
  undecodable: [],
  ascii: true,
  keysFirst: true,
};

/** The answer to a range read, checked against the request. */
export interface RangeAnswer extends RangeOutline {
  readonly keys: PageKeys;
}

type Entries = Pick<RangeOutline, 'buffer' | 'bounds'>;

/** Where a key of fewer than 128 bytes begins if its entry begins with it: after the tag, and one byte that tells the length. */
export const SHORT_KEY_OFFSET = 2;

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
  const entries = bounds.length / 2;
  const good = new Uint32Array(bounds.length);
  const modRevisions = rules.revision < 2 ** 32 ? new Uint32Array(entries) : new Float64Array(entries);
  const undecodable: UndecodableKey[] = [];
  let count = 0;
  let ascii = true;
  let keysFirst = true;
  let isLastAscii = false;
  for (let i = 0; i < bounds.length; i += 2) {
    if (slicer.isDue()) await slicer.pause();
    const start = bounds[i] ?? 0;
    const end = bounds[i + 1] ?? 0;
    entry.read(start, end);
    rules.next(entry);
    // What an ASCII key has in common with this one need not be looked at again: that is most of it.
    isLastAscii = entry.hasAsciiKey(isLastAscii ? rules.shared : 0);
    if (!isLastAscii) {
      ascii = false;
      const { rawKey, modRevision } = entry;
      if (!isUtf8(rawKey)) {
        undecodable.push({ rawKey: rawKey.slice(), revision: modRevision as Revision, deleted: false });
        continue;
      }
    }
    keysFirst &&= entry.keyFrom === start + SHORT_KEY_OFFSET;
    good[2 * count] = start;
    good[2 * count + 1] = end;
    modRevisions[count] = entry.modRevision;
    count += 1;
  }
  rules.checkLast();
  const rest = { undecodable, ascii, keysFirst };
  if (count === entries) return { bounds: good, modRevisions, ...rest };
  return { bounds: good.slice(0, 2 * count), modRevisions: modRevisions.slice(0, count), ...rest };
}
