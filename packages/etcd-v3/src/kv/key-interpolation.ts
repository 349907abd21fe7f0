/** The bytes that keys have at one place, in order. */
type Alphabet = readonly number[];

/** How many bytes before the first differing one a guess may carry over, as from `r0999` to `r1000`. */
const CARRIED_BYTES = 4;
/** The most places that a number holds exactly. */
const MOST_PLACES = 2 ** 52;

/**
 * Maps keys to numbers: each place of a key is a digit, and its digits are the bytes that were seen there. Counted and random keys lie
 * evenly, and so do their numbers: they show about where later keys begin. It is a guess: no key need be there, and between two
 * guesses there may be any number of keys.
 */
export class KeyLine {
  readonly #head: Uint8Array;
  readonly #alphabets: readonly Alphabet[];
  /** The average distance of two keys. */
  readonly #distance: number;

  private constructor(head: Uint8Array, alphabets: readonly Alphabet[], distance: number) {
    this.#head = head;
    this.#alphabets = alphabets;
    this.#distance = distance;
  }

  /**
   * @param keys some keys of a stretch, in order, with its first and its last
   * @param steps how many keys the last is after the first
   * @param fixed how many leading bytes all keys of the range share
   * @returns `undefined` if there are too few keys
   */
  static through(keys: readonly Uint8Array[], steps: number, fixed: number): KeyLine | undefined {
    const [first] = keys;
    const last = keys.at(-1);
    if (first === undefined || last === undefined || steps < 1) return undefined;
    const shared = sharedLength(first, last);
    const start = Math.max(Math.min(fixed, shared), shared - CARRIED_BYTES);
    // Copied: a view would keep a whole response in memory.
    const head = Uint8Array.from(first.subarray(0, start));
    const alphabets = alphabetsOf(keys, start, shared);
    const line = new KeyLine(head, alphabets, 1);
    const from = line.#numberOf(first);
    const to = line.#numberOf(last);
    if (from === undefined || to === undefined || to <= from) return undefined;
    return new KeyLine(head, alphabets, (to - from) / steps);
  }

  /** The guessed start of the key that is `count` keys after `key`; `undefined` if there is no guess. */
  after(key: Uint8Array, count: number): Uint8Array | undefined {
    const number = this.#numberOf(key);
    if (number === undefined) return undefined;
    const guess = this.#keyOf(Math.ceil(number + count * this.#distance));
    return guess !== undefined && Buffer.compare(guess, key) > 0 ? guess : undefined;
  }

  #numberOf(key: Uint8Array): number | undefined {
    if (sharedLength(key, this.#head) < this.#head.length) return undefined;
    let number = 0;
    let beyond = false;
    this.#alphabets.forEach((alphabet, place) => {
      const byte = key[this.#head.length + place];
      let digit = 0;
      if (byte !== undefined && !beyond) {
        while (digit < alphabet.length && (alphabet[digit] ?? 0) < byte) digit += 1;
        // An unseen byte counts as the next seen one.
        beyond = alphabet[digit] !== byte;
      }
      number = number * alphabet.length + digit;
    });
    return number;
  }

  #keyOf(number: number): Uint8Array | undefined {
    const digits: number[] = [];
    let rest = number;
    for (const alphabet of this.#alphabets.toReversed()) {
      digits.unshift(alphabet[rest % alphabet.length] ?? 0);
      rest = Math.floor(rest / alphabet.length);
    }
    return rest > 0 ? undefined : Uint8Array.of(...this.#head, ...digits);
  }
}

/** The bytes of keys at each place from `start` on. They differ from `shared` on. */
function alphabetsOf(keys: readonly Uint8Array[], start: number, shared: number): Alphabet[] {
  const seen: Set<number>[] = [];
  for (const key of keys) {
    for (let place = 0; start + place < key.length; place += 1) {
      (seen[place] ??= new Set()).add(key[start + place] ?? 0);
    }
  }
  // At the leading places of a counter only some digits were seen yet. They get the digits of all varying places.
  const common = new Set(seen.slice(shared - start).flatMap((bytes) => (bytes.size > 1 ? [...bytes] : [])));
  const alphabets: Alphabet[] = [];
  let places = 1;
  for (const bytes of seen) {
    const alphabet = [...([...bytes].every((byte) => common.has(byte)) ? common : bytes)].sort((a, b) => a - b);
    places *= alphabet.length;
    if (places > MOST_PLACES) break;
    alphabets.push(alphabet);
  }
  return alphabets;
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length += 1;
  return length;
}
