import { quoted } from './excerpt.js';
import { checkKey, compareBytes, decodeUtf8, encodeUtf8, isWellFormed } from './bytes.js';
import { StoreError } from './errors.js';

/** Shown by the compiler where a range says two things. */
export type OneRange = 'a range is a key, or a prefix, or start and end: leave this one out';

/**
 * The keys that a read, delete or watch is about. A bare string means one key. A prefix is a plain string prefix on
 * every backend: `'/a'` matches `'/ab'`, so write `'/a/'` if you mean a directory. The empty prefix is everything. `start` is
 * inclusive; by default it is the first key. `end` is exclusive; by default there is none.
 */
export type Range =
  | string
  | { readonly key: string; readonly prefix?: OneRange; readonly start?: OneRange; readonly end?: OneRange }
  | { readonly prefix: string; readonly key?: OneRange; readonly start?: OneRange; readonly end?: OneRange }
  | {
      readonly start?: string | Uint8Array;
      readonly end?: string | Uint8Array;
      readonly key?: OneRange;
      readonly prefix?: OneRange;
    };

// The smallest key. It stands for "from the beginning", since keys are never empty.
const FIRST = Uint8Array.of(0);

/**
 * A normalised range: the half-open interval `[start, end)`. Its bounds are bytes, since the end of a prefix is often not
 * UTF-8. `end === undefined` means no upper bound.
 */
export class KeyRange {
  readonly start: Uint8Array;
  readonly end: Uint8Array | undefined;
  /** Set if the range was given as one key. */
  readonly key: string | undefined;
  /** Set if the range was given as a prefix (`''` for everything). */
  readonly prefix: string | undefined;

  /** @param start not empty, and before `end`: what {@link KeyRange.ofInterval} checks */
  private constructor(start: Uint8Array, end: Uint8Array | undefined, form: { key?: string; prefix?: string } = {}) {
    this.start = start;
    this.end = end;
    this.key = form.key;
    this.prefix = form.prefix;
  }

  /**
   * @throws StoreError `invalid-argument` for an empty or ill-formed key, an ill-formed bound, an interval whose end
   * is not after its start, or an object of another shape.
   */
  static from(range: Range): KeyRange {
    if (range instanceof KeyRange) return range;
    if (typeof range === 'string') return KeyRange.ofKey(range);
    if (typeof range !== 'object' || range === null) throw malformed();
    const given = Object.keys(range).filter((name) => (range as Record<string, unknown>)[name] !== undefined);
    if ('key' in range && given.length === 1) return KeyRange.ofKey(range.key);
    if ('prefix' in range && given.length === 1) return KeyRange.ofPrefix(range.prefix);
    if (given.length > 0 && given.every((name) => name === 'start' || name === 'end')) {
      const { start, end } = range as { start?: string | Uint8Array; end?: string | Uint8Array };
      return KeyRange.ofInterval(
        start === undefined ? FIRST : boundBytes(start, 'start'),
        end === undefined ? undefined : boundBytes(end, 'end'),
      );
    }
    throw malformed();
  }

  static ofKey(key: string): KeyRange {
    checkKey(key);
    const start = encodeUtf8(key);
    return new KeyRange(start, keySuccessor(start), { key });
  }

  static ofPrefix(prefix: string): KeyRange {
    if (typeof prefix !== 'string' || !isWellFormed(prefix)) {
      throw new StoreError('invalid-argument', 'a prefix must be a string without lone surrogates');
    }
    const start = encodeUtf8(prefix);
    return new KeyRange(orFirst(start), prefixEnd(start), { prefix });
  }

  /** @throws StoreError `invalid-argument` where no key can lie between the bounds. */
  static ofInterval(start: Uint8Array, end: Uint8Array | undefined): KeyRange {
    // An empty start means the first key. It must be replaced before the bounds are compared: `['', '\0')` holds no key,
    // and etcd reads the bounds `\0`, `\0` as everything.
    const first = orFirst(start);
    if (end !== undefined && compareBytes(first, end) >= 0) {
      throw new StoreError(
        'invalid-argument',
        'the range is empty: its end must come after its start in UTF-8 byte order, and "\\0" is the smallest key',
      );
    }
    // Copied: a caller may reuse its bytes before the request is sent, and the bounds would not be those checked here.
    return new KeyRange(new Uint8Array(first), end && new Uint8Array(end));
  }

  contains(key: string | Uint8Array): boolean {
    if (typeof key === 'string') {
      if (this.key !== undefined) return key === this.key;
      if (this.prefix !== undefined) return key.startsWith(this.prefix);
      key = encodeUtf8(key);
    }
    return compareBytes(key, this.start) >= 0 && (this.end === undefined || compareBytes(key, this.end) < 0);
  }

  /** The part of this range that lies in `other`, or `undefined` where they don't meet. */
  intersect(other: KeyRange): KeyRange | undefined {
    if (this.within(other)) return this;
    if (other.within(this)) return other;
    const start = compareBytes(this.start, other.start) >= 0 ? this.start : other.start;
    const end = compareEnds(this.end, other.end) <= 0 ? this.end : other.end;
    return end !== undefined && compareBytes(start, end) >= 0 ? undefined : new KeyRange(start, end);
  }

  /** Whether all of this range lies in `other`. */
  within(other: KeyRange): boolean {
    return compareBytes(this.start, other.start) >= 0 && compareEnds(this.end, other.end) <= 0;
  }

  /** The form that a caller would have written, for events and messages. */
  toRange(): Range {
    if (this.key !== undefined) return { key: this.key };
    if (this.prefix !== undefined) return { prefix: this.prefix };
    const start = decodeUtf8(this.start) ?? this.start;
    return this.end === undefined ? { start } : { start, end: decodeUtf8(this.end) ?? this.end };
  }

  toString(): string {
    if (this.key !== undefined) return `key ${quoted(this.key)}`;
    if (this.prefix !== undefined) return `prefix ${quoted(this.prefix)}`;
    const show = (bound: Uint8Array) => quoted(decodeUtf8(bound) ?? `0x${Buffer.from(bound).toString('hex')}`);
    return `range [${show(this.start)}, ${this.end === undefined ? 'end' : show(this.end)})`;
  }
}

/** The smallest byte string after `key`. */
export function keySuccessor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** The end of the range of all keys that start with `prefix`: `undefined` for the empty prefix and for all-0xff ones. */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix[i] ?? 0xff;
    if (byte === 0xff) continue;
    // A copy in any case: what `slice` gives of a Buffer is the Buffer's own memory.
    const end = new Uint8Array(prefix.subarray(0, i + 1));
    end[i] = byte + 1;
    return end;
  }
  return undefined;
}

function compareEnds(a: Uint8Array | undefined, b: Uint8Array | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  return compareBytes(a, b);
}

function orFirst(start: Uint8Array): Uint8Array {
  return start.length === 0 ? FIRST : start;
}

function boundBytes(bound: string | Uint8Array, what: string): Uint8Array {
  if (bound instanceof Uint8Array) return bound;
  if (typeof bound !== 'string' || !isWellFormed(bound)) {
    throw new StoreError(
      'invalid-argument',
      `the ${what} of a range must be bytes, or a string without lone surrogates`,
    );
  }
  return encodeUtf8(bound);
}

function malformed(): StoreError {
  return new StoreError(
    'invalid-argument',
    'a range is a key (string), { key }, { prefix }, or { start, end }, and only one of these; use { prefix: "" } for everything',
  );
}
