/** The most keys for one `Map`: growing it further blocks the event loop for tens of milliseconds. */
const MOST_IN_ONE = 131_072;
/** The number of keys that a part is meant for. Growing to twice as many takes a few milliseconds. */
const PER_PART = 32_768;
/** The most parts: a number that a server announces must not decide how much memory is taken. */
const MOST_PARTS = 1_024;
/** The number of characters, from the key's end, that decide its part. */
const HASHED_CHARACTERS = 64;

/** A map for about this many keys: a plain one, or one in parts for very many. */
export function mapFor<V>(keys: number): Map<string, V> {
  return keys <= MOST_IN_ONE ? new Map<string, V>() : new LargeMap<V>(keys);
}

/**
 * A `Map` in parts. When a plain `Map` is full, it moves everything into one twice as large within a single turn of the event loop. With
 * hundreds of thousands of keys that takes too long for the host (promise M11). Here only one part grows at a time. Iteration goes part by
 * part.
 */
export class LargeMap<V> extends Map<string, V> {
  /** @internal For its test. */
  readonly parts: readonly Map<string, V>[];
  readonly #mask: number;
  #size = 0;

  /** @param keys the expected number of keys */
  constructor(keys: number) {
    super();
    const wanted = Math.min(MOST_PARTS, Math.max(1, keys / PER_PART));
    const count = Number.isNaN(wanted) ? 1 : 2 ** Math.ceil(Math.log2(wanted));
    this.parts = Array.from({ length: count }, () => new Map<string, V>());
    this.#mask = count - 1;
  }

  override get size(): number {
    return this.#size;
  }

  override get(key: string): V | undefined {
    return this.#partOf(key).get(key);
  }

  override has(key: string): boolean {
    return this.#partOf(key).has(key);
  }

  override set(key: string, value: V): this {
    const part = this.#partOf(key);
    this.#size -= part.size;
    part.set(key, value);
    this.#size += part.size;
    return this;
  }

  override delete(key: string): boolean {
    const isDeleted = this.#partOf(key).delete(key);
    if (isDeleted) this.#size -= 1;
    return isDeleted;
  }

  override clear(): void {
    for (const part of this.parts) part.clear();
    this.#size = 0;
  }

  override *entries(): MapIterator<[string, V]> {
    for (const part of this.parts) yield* part;
  }

  override *keys(): MapIterator<string> {
    for (const part of this.parts) yield* part.keys();
  }

  override *values(): MapIterator<V> {
    for (const part of this.parts) yield* part.values();
  }

  override [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  override forEach(visit: (value: V, key: string, map: Map<string, V>) => void, self?: unknown): void {
    for (const part of this.parts) {
      part.forEach((value, key) => {
        visit.call(self, value, key, this);
      });
    }
  }

  #partOf(key: string): Map<string, V> {
    let hash = 0;
    for (let at = Math.max(0, key.length - HASHED_CHARACTERS); at < key.length; at += 1) {
      hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0;
    }
    // The hash's low bits come from the low bits of the characters only.
    const part = this.parts[(hash ^ (hash >>> 15)) & this.#mask];
    if (part === undefined) throw new RangeError('a part of the map is missing');
    return part;
  }
}
