import type { LeaseId, Op } from '@holdfast/store';
import { compareBytes, compareKeys, encodeUtf8, KeyRange, keySuccessor } from '@holdfast/store/adapter';
import type { TransactionEntry } from './transaction.js';

interface Put {
  readonly value: Uint8Array;
  readonly lease: LeaseId | undefined;
}

/** What a transaction has written so far. Deletes come before puts: a put after a delete stays, a delete after a put removes it. */
export class Writes {
  readonly #puts = new Map<string, Put>();
  #deletes: readonly KeyRange[] = [];

  get isEmpty(): boolean {
    return this.#puts.size === 0 && this.#deletes.length === 0;
  }

  put(key: string, put: Put): void {
    this.#puts.set(key, put);
  }

  delete(range: KeyRange): void {
    for (const key of [...this.#puts.keys()]) if (range.contains(key)) this.#puts.delete(key);
    if (this.#deletes.some((other) => range.within(other))) return;
    this.#deletes = [...this.#deletes.filter((other) => !other.within(range)), range];
  }

  /** What was written to a key: an entry, `'deleted'`, or `undefined` for nothing. */
  of(key: string): TransactionEntry | 'deleted' | undefined {
    const put = this.#puts.get(key);
    if (put !== undefined) return entryOf(key, put);
    return this.#isDeleted(key) ? 'deleted' : undefined;
  }

  #isDeleted(key: string): boolean {
    return this.#deletes.some((range) => range.contains(key));
  }

  /** The entries of a range, with what was written there. */
  over(range: KeyRange, items: readonly TransactionEntry[]): readonly TransactionEntry[] {
    const kept = items.filter(({ key }) => !this.#puts.has(key) && !this.#isDeleted(key));
    const put = [...this.#puts].filter(([key]) => range.contains(key)).map(([key, each]) => entryOf(key, each));
    return [...kept, ...put].sort((a, b) => compareKeys(a.key, b.key));
  }

  /** As operations that write no key twice, which no store would take. */
  operations(): readonly Op[] {
    const keys = [...this.#puts.keys()].sort(compareKeys);
    const deletes = this.#deletes.flatMap((range) => without(range, keys));
    return [
      ...deletes.map((range): Op => ({ type: 'delete', range: range.toRange() })),
      ...[...this.#puts].map(([key, { value, lease }]): Op => ({ type: 'put', key, value, lease })),
    ];
  }
}

/** With bytes that the function may change. */
function entryOf(key: string, { value, lease }: Put): TransactionEntry {
  return { key, value: new Uint8Array(value), ...(lease !== undefined && { lease }) };
}

/** The parts of a range between some of its keys. @param keys in order */
function without(range: KeyRange, keys: readonly string[]): readonly KeyRange[] {
  const inside = keys.filter((key) => range.contains(key));
  if (inside.length === 0) return [range];
  const parts: KeyRange[] = [];
  let { start } = range;
  for (const key of inside) {
    const bytes = encodeUtf8(key);
    if (compareBytes(start, bytes) < 0) parts.push(KeyRange.ofInterval(start, bytes));
    start = keySuccessor(bytes);
  }
  if (range.end === undefined || compareBytes(start, range.end) < 0) parts.push(KeyRange.ofInterval(start, range.end));
  return parts;
}
