import type { Revision } from '@holdfast/store';
import type { DriverListOptions, KeyRange } from '@holdfast/store/adapter';
import { excerpt } from '@holdfast/etcd-common';
import { badAnswer } from '../protobuf/bad-answer.js';
import { checkNumbers, type EntryNumbers } from '../protobuf/entry.js';

/** The part of a range request that its answer must show. */
export type RangeQuestion = Partial<
  Pick<DriverListOptions, 'revision' | 'limit' | 'countOnly' | 'keysOnly' | 'minModRevision' | 'sort'>
>;

/** The places of an entry's key and value, and its numbers. */
export interface EntryParts extends EntryNumbers {
  readonly keyBuffer: Uint8Array;
  readonly keyFrom: number;
  readonly keyTo: number;
  readonly valueBuffer: Uint8Array;
  readonly valueFrom: number;
  readonly valueTo: number;
}

/** The parts of the last entry that are compared with the next one. Changed in place, because there may be a million entries. */
interface Last {
  key: Uint8Array;
  from: number;
  to: number;
  target: number;
  value: Uint8Array | undefined;
}

/**
 * Checks the answer to a range request against the request: every key comes once, in order and inside the range, its revisions are
 * possible, and the count fits. etcd's answers pass. Those of a proxy that mixes up requests, or of a server that is not etcd, may not,
 * and a mirror would show them.
 */
export class RangeRules {
  readonly #range: KeyRange;
  readonly #asked: RangeQuestion;
  /** No entry may be newer. */
  readonly revision: number;
  /** None may be older. */
  readonly #least: number;
  readonly #limit: number;
  readonly #descends: boolean;
  readonly #isByKey: boolean;
  /** The keys so far; only if the order does not show repeated ones. */
  readonly #seen: Set<string> | undefined;
  readonly #last: Last = { key: NONE, from: 0, to: 0, target: 0, value: undefined };
  #entries = 0;
  #shared = 0;

  /** @throws StoreError `internal` if the answer's head is before the requested revision */
  constructor(range: KeyRange, asked: RangeQuestion, head: Revision) {
    this.#range = range;
    this.#asked = asked;
    this.revision = asked.revision ?? head;
    if (head < this.revision) {
      throw badAnswer(`etcd answered a read at revision ${this.revision} with its state at ${head}`);
    }
    this.#least = asked.minModRevision ?? 0;
    this.#limit = asked.limit ?? Infinity;
    this.#descends = asked.sort?.order === 'descend';
    this.#isByKey = asked.sort === undefined || asked.sort.target === 'key';
    this.#seen = this.#isByKey ? undefined : new Set();
  }

  /** @throws StoreError `internal` if this can't be the next entry. */
  next(entry: EntryParts): void {
    const { keyBuffer, keyFrom, keyTo, modRevision: mod } = entry;
    checkNumbers(entry);
    if (mod > this.revision || mod < this.#least) {
      throw badAnswer(`etcd sent ${this.#name(entry)} of revision ${mod}, which is none of those that were asked for`);
    }
    if (this.#entries >= this.#limit) {
      throw badAnswer(`etcd sent more entries than the ${this.#limit} that were asked for`);
    }
    if (this.#entries === 0) this.#checkInside(entry);
    else if (this.#isByKey) {
      const { key, from, to } = this.#last;
      const shared = sharedLength(key, from, to, keyBuffer, keyFrom, keyTo);
      // A key that ends comes before one that goes on.
      const order =
        (from + shared < to ? (key[from + shared] ?? 0) : -1) -
        (keyFrom + shared < keyTo ? (keyBuffer[keyFrom + shared] ?? 0) : -1);
      this.#shared = shared;
      if (this.#descends ? order <= 0 : order >= 0) {
        throw badAnswer(`etcd sent ${this.#name(entry)} twice, or out of order`);
      }
    }
    if (!this.#isByKey) this.#checkSorted(entry);
    this.#last.key = keyBuffer;
    this.#last.from = keyFrom;
    this.#last.to = keyTo;
    this.#entries += 1;
  }

  /** With how many bytes of the key before it the last key begins; 0 if that was not looked at. */
  get shared(): number {
    return this.#shared;
  }

  /** Call it before the entries so far are used. @throws StoreError `internal` if they are not all in the range */
  checkLast(): void {
    // In key order, every key between two keys of the range is in the range.
    if (this.#entries <= 1 || !this.#isByKey) return;
    const { key, from, to } = this.#last;
    if (!this.#range.contains(key.subarray(from, to))) throw this.#outside(key, from, to);
  }

  /** Call it after the last entry. @throws StoreError `internal` if count and `more` don't fit the entries. */
  end({ count, more }: { readonly count: number; readonly more: boolean }): void {
    const { limit, countOnly, minModRevision } = this.#asked;
    const entries = this.#entries;
    this.checkLast();
    const told = (): string => `etcd sent ${entries} entries of ${this.#range.toString()} with a count of ${count}`;
    if (count < entries || (countOnly === true && (entries > 0 || more))) throw badAnswer(told());
    // A filter leaves out entries that the count includes.
    const isLess = minModRevision === undefined && countOnly !== true && count > entries;
    if (isLess !== more && minModRevision === undefined) {
      throw badAnswer(`${told()}, and says that there are ${more ? '' : 'no '}more`);
    }
    if (more && entries !== limit) throw badAnswer(`${told()}, which is not the limit, and says that there are more`);
  }

  #checkInside({ keyBuffer, keyFrom, keyTo }: EntryParts): void {
    if (!this.#range.contains(keyBuffer.subarray(keyFrom, keyTo))) throw this.#outside(keyBuffer, keyFrom, keyTo);
  }

  #checkSorted(entry: EntryParts): void {
    this.#checkInside(entry);
    const { keyBuffer, keyFrom, keyTo, valueBuffer, valueFrom, valueTo } = entry;
    const key = Buffer.from(keyBuffer.subarray(keyFrom, keyTo)).toString('latin1');
    if (this.#seen?.has(key) === true) throw badAnswer(`etcd sent ${this.#name(entry)} twice`);
    this.#seen?.add(key);
    const last = this.#last;
    const target = this.#asked.sort?.target;
    // Without values, their order can't be checked.
    if (target === 'value' && this.#asked.keysOnly === true) return;
    let order: number;
    if (target === 'value') {
      const value = valueBuffer.subarray(valueFrom, valueTo);
      order = Buffer.compare(last.value ?? value, value);
      last.value = value;
    } else {
      const number = target === 'version' ? entry.version : entry[target === 'createRevision' ? target : 'modRevision'];
      order = last.target - number;
      last.target = number;
    }
    if (this.#entries > 0 && (this.#descends ? order < 0 : order > 0)) {
      throw badAnswer(`etcd sent ${this.#name(entry)} out of order`);
    }
  }

  #outside(buffer: Uint8Array, from: number, to: number): Error {
    return badAnswer(`etcd sent ${nameOf(buffer, from, to)}, which is not in ${this.#range.toString()}`);
  }

  #name({ keyBuffer, keyFrom, keyTo }: EntryParts): string {
    return nameOf(keyBuffer, keyFrom, keyTo);
  }
}

const NONE = new Uint8Array(0);

function nameOf(buffer: Uint8Array, from: number, to: number): string {
  return `key "${excerpt(Buffer.from(buffer.subarray(from, to)).toString())}"`;
}

// Neighbouring keys are short and share most of their bytes: `Buffer.compare` would cost more.
function sharedLength(a: Uint8Array, aFrom: number, aTo: number, b: Uint8Array, bFrom: number, bTo: number): number {
  const most = aTo - aFrom < bTo - bFrom ? aTo - aFrom : bTo - bFrom;
  let length = 0;
  while (length < most && a[aFrom + length] === b[bFrom + length]) length += 1;
  return length;
}
