import type { StoreError } from '@holdfast/store';
import { compareBytes, KeyRange, keySuccessor } from '@holdfast/store/adapter';
import { badAnswer } from '../protobuf/bad-answer.js';
import { EntryReader } from '../protobuf/entry.js';
import type { RangeOutline } from '../protobuf/range.js';
import { KeyLine } from './key-interpolation.js';

/** The number of stretches in flight: while one is sent and used, the server reads the next one. */
const DEPTH = 2;

/** How much longer than others the last stretch may be: a small remainder is not worth a request. */
const LAST_FACTOR = 1.25;
/** How much longer than expected a stretch may be before its rest is requested separately. */
const LIMIT_FACTOR = 1.5;

/** The last part of a stretch, as 1/n, from which the guesses are made: it resembles the following keys most. */
const SAMPLED_PART = 4;
const SAMPLES = 128;

export interface ReadAheadOptions<Answer extends RangeOutline> {
  readonly range: KeyRange;
  /** The number of all keys. */
  readonly total: number;
  /** The wanted number of keys in the next stretch, judged by the previous one. */
  length(outline: RangeOutline): number;
  read(range: KeyRange, limit: number): Promise<Answer>;
}

/** A part of the range that was requested. */
interface Request<Answer> {
  readonly end: Uint8Array | undefined;
  readonly expected: number;
  readonly answer: Promise<Answer>;
}

/**
 * Reads a range after its first stretch, in order. It requests stretches before it knows where the previous ones end: it guesses the
 * positions of keys from the keys so far (see {@link KeyLine}). The stretches are contiguous even if the guesses are bad. Then some are
 * too short, and others are read in parts.
 */
export class ReadAhead<Answer extends RangeOutline> {
  readonly #options: ReadAheadOptions<Answer>;
  readonly #fixed: number;
  readonly #requests: Request<Answer>[] = [];
  /** The start of the next stretch to request; `undefined` if everything is requested. */
  #next: Uint8Array | undefined;
  #left: number;
  #length = 1;
  #line: KeyLine | undefined;
  /** The length of the next guess, in stretches: more after guesses that found almost nothing. */
  #stride = 1;

  constructor(options: ReadAheadOptions<Answer>) {
    this.#options = options;
    this.#left = options.total;
    const { start, end } = options.range;
    this.#fixed =
      end === undefined
        ? 0
        : Math.max(
            0,
            start.findIndex((byte, i) => byte !== end[i]),
          );
  }

  /**
   * Takes the first stretch, and requests the stretches after it.
   *
   * @returns whether there are any
   * @throws StoreError `internal` if the stretches don't add up to the count
   */
  begin(outline: RangeOutline): boolean {
    return this.#took(outline, this.#options.range.end);
  }

  /** The next stretch that has keys, or the last one. Call it only if there is more. */
  async next(): Promise<{ readonly outline: Answer; readonly more: boolean }> {
    for (;;) {
      const request = this.#requests.shift();
      if (request === undefined) throw new Error('there is nothing more to read');
      const outline = await request.answer;
      const more = this.#took(outline, request.end);
      if (outline.bounds.length > 0 || !more) return { outline, more };
    }
  }

  /** @throws StoreError `internal` if the stretches don't add up to the count */
  #took(outline: RangeOutline, end: Uint8Array | undefined): boolean {
    const count = outline.bounds.length / 2;
    this.#left -= count;
    // At one revision the count is exact: stretches that are still requested have no keys.
    if (this.#left === 0 && !outline.more) return false;
    if (this.#left <= 0) throw this.#mismatch('more');
    this.#learn(outline, count);
    if (outline.more && count > 0) {
      const from = keySuccessor(keyAt(outline, count - 1));
      if (end !== undefined && compareBytes(from, end) >= 0) throw this.#mismatch('more');
      this.#resume(from, end);
    }
    this.#askAhead();
    // Missing keys would be taken for deleted.
    if (this.#requests.length === 0) throw this.#mismatch('fewer');
    return true;
  }

  #mismatch(how: 'more' | 'fewer'): StoreError {
    const { range, total } = this.#options;
    return badAnswer(`etcd sent ${how} keys of ${range.toString()} than its count of ${total}`);
  }

  /** A stretch had more keys than its limit. */
  #resume(from: Uint8Array, end: Uint8Array | undefined): void {
    if (this.#requests.length === 0) this.#next = from;
    else this.#requests.unshift(this.#ask(from, end, this.#length));
  }

  #askAhead(): void {
    while (this.#next !== undefined && this.#requests.length < DEPTH) {
      const from = this.#next;
      const left = this.#requests.reduce((sum, { expected }) => sum - expected, this.#left);
      const isLast = left <= this.#length * LAST_FACTOR;
      const guess = isLast ? undefined : this.#guess(from);
      // Without a guess, the end of a stretch is known only when it has arrived.
      if (guess === undefined && !isLast && this.#requests.length > 0) return;
      const { end } = this.#options.range;
      this.#requests.push(this.#ask(from, guess ?? end, isLast ? Math.max(left, 0) : this.#length));
      this.#next = guess;
    }
  }

  #guess(from: Uint8Array): Uint8Array | undefined {
    const guess = this.#line?.after(from, this.#length * this.#stride);
    const { end } = this.#options.range;
    return guess === undefined || (end !== undefined && compareBytes(guess, end) >= 0) ? undefined : guess;
  }

  #ask(from: Uint8Array, end: Uint8Array | undefined, expected: number): Request<Answer> {
    const limit = Math.ceil(this.#length * LIMIT_FACTOR);
    const answer = this.#options.read(KeyRange.ofInterval(from, end), limit);
    // It is awaited when its turn comes. Until then its failure must not count as unhandled.
    answer.catch(() => undefined);
    return { end, expected, answer };
  }

  #learn(outline: RangeOutline, count: number): void {
    if (count * SAMPLED_PART < this.#length) this.#stride *= 2;
    else this.#stride = 1;
    if (count > 0) this.#length = this.#options.length(outline);
    if (count < 2) return;
    const from = Math.floor((count - 1) * (1 - 1 / SAMPLED_PART));
    const steps = count - 1 - from;
    const samples = Math.min(steps, SAMPLES);
    const entry = new EntryReader(outline.buffer);
    const keys: Uint8Array[] = [];
    for (let i = 0; i <= samples; i += 1) keys.push(keyOf(entry, outline, from + Math.round((i * steps) / samples)));
    this.#line = KeyLine.through(keys, steps, this.#fixed) ?? this.#line;
  }
}

/** The key of an entry: a view of its bytes. */
export function keyAt(outline: Pick<RangeOutline, 'buffer' | 'bounds'>, index: number): Uint8Array {
  return keyOf(new EntryReader(outline.buffer), outline, index);
}

function keyOf(entry: EntryReader, { bounds }: Pick<RangeOutline, 'bounds'>, index: number): Uint8Array {
  entry.read(bounds[2 * index] ?? 0, bounds[2 * index + 1] ?? 0);
  return entry.rawKey;
}
