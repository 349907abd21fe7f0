import type { KeyRange } from '@holdfast/store/adapter';
import {
  type ByteString,
  type Interval,
  bytesToByteString,
  intervalContains,
  keyToByteString,
  toInterval,
} from '../data/byte-string.js';

/** The key of a watch in the index. */
export type WatchScope =
  | { readonly kind: 'key'; readonly key: ByteString }
  | { readonly kind: 'prefix'; readonly prefix: ByteString }
  | { readonly kind: 'interval'; readonly interval: Interval };

export function watchScope(range: KeyRange): WatchScope {
  if (range.key !== undefined) return { kind: 'key', key: keyToByteString(range.key) };
  if (range.prefix !== undefined) return { kind: 'prefix', prefix: keyToByteString(range.prefix) };
  const interval = toInterval(range);
  // `[p, end of p)` written as an interval is a prefix too, and prefixes are found by hashing.
  return isPrefix(range) ? { kind: 'prefix', prefix: interval.start } : { kind: 'interval', interval };
}

/**
 * Finds the watches that a change concerns. Keys and prefixes are found by hashing, with one look-up for each length of prefix
 * in use: the cost of a change does not depend on the watches that follow something else. Other intervals are rare, and are
 * tried one after another; watches of the same interval count once.
 */
export class WatcherIndex<W> {
  readonly #keys = new Map<ByteString, Set<W>>();
  readonly #prefixes = new Map<number, Map<ByteString, Set<W>>>();
  readonly #intervals = new Map<string, { readonly interval: Interval; readonly watchers: Set<W> }>();

  add(scope: WatchScope, watcher: W): void {
    switch (scope.kind) {
      case 'key':
        setOf(this.#keys, scope.key).add(watcher);
        return;
      case 'prefix': {
        const { length } = scope.prefix;
        let ofLength = this.#prefixes.get(length);
        if (ofLength === undefined) this.#prefixes.set(length, (ofLength = new Map<ByteString, Set<W>>()));
        setOf(ofLength, scope.prefix).add(watcher);
        return;
      }
      case 'interval': {
        const { interval } = scope;
        const name = intervalName(interval);
        const known = this.#intervals.get(name);
        if (known === undefined) this.#intervals.set(name, { interval, watchers: new Set([watcher]) });
        else known.watchers.add(watcher);
        return;
      }
      default:
        scope satisfies never;
    }
  }

  remove(scope: WatchScope, watcher: W): void {
    switch (scope.kind) {
      case 'key':
        removeFrom(this.#keys, scope.key, watcher);
        return;
      case 'prefix': {
        const { length } = scope.prefix;
        const ofLength = this.#prefixes.get(length);
        if (ofLength === undefined) return;
        removeFrom(ofLength, scope.prefix, watcher);
        if (ofLength.size === 0) this.#prefixes.delete(length);
        return;
      }
      case 'interval': {
        const name = intervalName(scope.interval);
        const known = this.#intervals.get(name);
        known?.watchers.delete(watcher);
        if (known?.watchers.size === 0) this.#intervals.delete(name);
        return;
      }
      default:
        scope satisfies never;
    }
  }

  /** Calls `found` with every watch whose range holds the key. */
  match(key: ByteString, found: (watcher: W) => void): void {
    this.#keys.get(key)?.forEach(found);
    for (const [length, ofLength] of this.#prefixes) {
      if (length <= key.length) ofLength.get(key.slice(0, length))?.forEach(found);
    }
    for (const { interval, watchers } of this.#intervals.values()) {
      if (intervalContains(interval, key)) watchers.forEach(found);
    }
  }
}

function isPrefix({ start, end }: KeyRange): boolean {
  const expected = end === undefined ? undefined : Uint8Array.from(end);
  const last = expected?.length ?? 0;
  // Only ends of prefixes without a carry (a last byte of 0xff) are recognised.
  if (expected === undefined || last !== start.length || last === 0) return false;
  expected[last - 1] = (expected[last - 1] ?? 0) - 1;
  return bytesToByteString(expected) === bytesToByteString(start);
}

function intervalName({ start, end }: Interval): string {
  return end === undefined ? `${start.length}:${start}` : `${start.length}:${start}:${end}`;
}

function setOf<W>(map: Map<ByteString, Set<W>>, key: ByteString): Set<W> {
  let set = map.get(key);
  if (set === undefined) map.set(key, (set = new Set<W>()));
  return set;
}

function removeFrom<W>(map: Map<ByteString, Set<W>>, key: ByteString, watcher: W): void {
  const set = map.get(key);
  set?.delete(watcher);
  if (set?.size === 0) map.delete(key);
}
