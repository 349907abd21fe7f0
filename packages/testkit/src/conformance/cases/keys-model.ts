import type { Range } from '@holdfast/store';
import type { Random } from '../../random.js';

type Bound = string | Uint8Array | undefined;

/** The keys of a store as sorted bytes, and which of them lie in a range: as plainly as can be, to judge stores by. */
export class KeysModel {
  readonly keys: readonly Uint8Array[];

  constructor(keys: readonly Uint8Array[]) {
    this.keys = [...keys].sort((a, b) => Buffer.compare(a, b));
  }

  /** The keys in the range, in order; `undefined` where no key whatsoever can lie in it. */
  in(range: Range): readonly Uint8Array[] | undefined {
    const { start, end } = range as { start?: Bound; end?: Bound };
    const low = bytesOf(start ?? '');
    const high = end === undefined ? undefined : bytesOf(end);
    // Keys are not empty: the smallest one is a single zero byte.
    const smallest = low.length === 0 ? Uint8Array.of(0) : low;
    if (high !== undefined && Buffer.compare(smallest, high) >= 0) return undefined;
    return this.keys.filter(
      (key) => Buffer.compare(key, low) >= 0 && (high === undefined || Buffer.compare(key, high) < 0),
    );
  }

  without(gone: readonly Uint8Array[]): KeysModel {
    return new KeysModel(this.keys.filter((key) => !gone.includes(key)));
  }
}

// Bounds at the very beginning of all keys, where an empty one, and etcd's spelling of "everything", are near.
const FIRST: readonly (readonly [start: Bound, end: Bound])[] = [
  ['', '\0'],
  [Uint8Array.of(), Uint8Array.of(0)],
  ['\0', '\0'],
  ['', ''],
  [undefined, '\0'],
  [undefined, ''],
  ['\0', ''],
  ['', undefined],
  ['\0', undefined],
  ['', '\0\0'],
  ['', '\u0001'],
];

/** An interval with bounds at, before and behind the keys: first those where mistakes are known, then any. */
export function randomRange(random: Random, prefix: string, keys: readonly string[], index: number): Range {
  const [start, end] = FIRST[index] ?? [randomBound(random, prefix, keys), randomBound(random, prefix, keys)];
  if (start === undefined && end === undefined) return { start: '' };
  return { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
}

function randomBound(random: Random, prefix: string, keys: readonly string[]): Bound {
  const key = keys[random.below(keys.length)] ?? prefix;
  const choice = random.weighted<() => Bound>([
    [6, () => key],
    [2, () => `${key}\0`],
    [1, () => `${key}~`],
    [1, () => prefix],
    [1, () => `${prefix.slice(0, -1)}0`],
    [1, () => random.pick(['', '\0', '\0\0', '/', '~', '\u{10ffff}'])],
    [1, () => Uint8Array.of(...Buffer.from(prefix), random.below(256))],
    [1, () => Uint8Array.from({ length: random.below(3) }, () => random.below(256))],
    [1, () => undefined],
  ])();
  return typeof choice === 'string' && random.chance(0.4) ? new Uint8Array(Buffer.from(choice)) : choice;
}

function bytesOf(bound: string | Uint8Array): Uint8Array {
  return typeof bound === 'string' ? Buffer.from(bound) : bound;
}
