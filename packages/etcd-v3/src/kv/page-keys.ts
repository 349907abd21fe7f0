import type { Revision, UndecodableKey } from '@holdfast/store';
import { Slicer, systemClock, type KeyRange } from '@holdfast/store/adapter';
import { isUtf8 } from 'node:buffer';
import { EntryReader } from '../protobuf/entry.js';
import type { RangeOutline } from '../protobuf/range.js';
import { RangeRules, type RangeQuestion } from './range-rules.js';

type Numbers = Uint32Array | Float64Array;

/** The entries of a response with UTF-8 keys, and separately those with other keys (C1). Compact, because a page may be kept for long. */
export interface PageKeys {
  /** The start and the end of each entry, alternating. */
  readonly bounds: Uint32Array;
  /** The numbers of each entry: who compares a page with what is known needs all of them, and nothing else. */
  readonly modRevisions: Numbers;
  readonly createRevisions: Numbers;
  readonly versions: Numbers;
  readonly undecodable: readonly UndecodableKey[];
  /** Whether every key is ASCII, so that no decoder is needed. */
  readonly ascii: boolean;
  /** Whether every entry begins with its key, and that is short: it is found there without a look at the rest. */
  readonly keysFirst: boolean;
}

export const NO_KEYS: PageKeys = {
  bounds: new Uint32Array(),
  modRevisions: new Uint32Array(),
  createRevisions: new Uint32Array(),
  versions: new Uint32Array(),
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
export async function checkKeys(entries: Entries, rules: RangeRules): Promise<PageKeys> {
  const slicer = new Slicer(systemClock, 1);
  const found = new KeysFound(entries, rules);
  while (found.step()) if (slicer.isDue()) await slicer.pause();
  return found.end();
}

/** The keys so far. The loop over entries is a short function: V8 compiles that sooner, and once, where a long loop that pauses takes it several times. */
class KeysFound {
  readonly #entries: Entries;
  readonly #rules: RangeRules;
  readonly #entry: EntryReader;
  readonly #bounds: Uint32Array;
  #modRevisions: Numbers;
  #createRevisions: Numbers;
  #versions: Numbers;
  readonly #undecodable: UndecodableKey[] = [];
  #at = 0;
  #count = 0;
  #ascii = true;
  #keysFirst = true;
  #isLastAscii = false;

  constructor(entries: Entries, rules: RangeRules) {
    const { length } = entries.bounds;
    this.#entries = entries;
    this.#rules = rules;
    this.#entry = new EntryReader(entries.buffer);
    this.#bounds = new Uint32Array(length);
    this.#modRevisions = new Uint32Array(length / 2);
    this.#createRevisions = new Uint32Array(length / 2);
    this.#versions = new Uint32Array(length / 2);
  }

  /** Looks at some entries. @returns whether there are more */
  step(): boolean {
    const { bounds } = this.#entries;
    const end = Math.min(bounds.length, this.#at + 2 * STEP);
    for (let i = this.#at; i < end; i += 2) this.#add(bounds[i] ?? 0, bounds[i + 1] ?? 0);
    this.#at = end;
    return end < bounds.length;
  }

  end(): PageKeys {
    this.#rules.checkLast();
    const bounds = this.#bounds;
    const modRevisions = this.#modRevisions;
    const createRevisions = this.#createRevisions;
    const versions = this.#versions;
    const rest = { undecodable: this.#undecodable, ascii: this.#ascii, keysFirst: this.#keysFirst };
    const count = this.#count;
    if (2 * count === bounds.length) return { bounds, modRevisions, createRevisions, versions, ...rest };
    return {
      bounds: bounds.slice(0, 2 * count),
      modRevisions: modRevisions.slice(0, count),
      createRevisions: createRevisions.slice(0, count),
      versions: versions.slice(0, count),
      ...rest,
    };
  }

  #add(start: number, end: number): void {
    const entry = this.#entry;
    const rules = this.#rules;
    const count = this.#count;
    entry.read(start, end);
    rules.next(entry);
    // What an ASCII key has in common with this one need not be looked at again: that is most of it.
    this.#isLastAscii = entry.hasAsciiKey(this.#isLastAscii ? rules.shared : 0);
    if (!this.#isLastAscii && !this.#isText()) return;
    if (entry.keyFrom !== start + SHORT_KEY_OFFSET) this.#keysFirst = false;
    this.#bounds[2 * count] = start;
    this.#bounds[2 * count + 1] = end;
    this.#modRevisions = put(this.#modRevisions, count, entry.modRevision);
    this.#createRevisions = put(this.#createRevisions, count, entry.createRevision);
    this.#versions = put(this.#versions, count, entry.version);
    this.#count = count + 1;
  }

  /** Whether a key that is not ASCII is UTF-8. One that is not is noted. */
  #isText(): boolean {
    this.#ascii = false;
    const { rawKey, modRevision } = this.#entry;
    if (isUtf8(rawKey)) return true;
    this.#undecodable.push({ rawKey: rawKey.slice(), revision: modRevision as Revision, deleted: false });
    return false;
  }
}

/** Returns the numbers with this one: in a wider array, if it needs more than 32 bits. */
function put(numbers: Numbers, index: number, value: number): Numbers {
  const wide = value > 0xffff_ffff && numbers instanceof Uint32Array ? Float64Array.from(numbers) : numbers;
  wide[index] = value;
  return wide;
}
