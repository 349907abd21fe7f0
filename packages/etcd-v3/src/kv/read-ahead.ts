import { compareBytes, KeyRange, keySuccessor, type StoreError } from '@holdfast/store';
import { badAnswer } from '../protobuf/bad-answer.js';
import { keyBounds, type RangeOutline } from '../protobuf/range.js';
import { KeyLine } from './key-interpolation.js';

/** How many stretches are asked for at a time: while one is sent and used, the server looks the next one up. */
const DEPTH = 2;

/** How much longer than others the last stretch may be, since what it has left over is not worth a request. */
const LAST_FACTOR = 1.25;
/** How much more than expected a stretch may have before the rest of it is asked for apart. */
const LIMIT_FACTOR = 1.5;

/** Of a stretch, its end tells best what comes after it. */
const SAMPLED_PART = 4;
const SAMPLES = 128;

export interface ReadAheadOptions<Answer extends RangeOutline> {
  readonly range: KeyRange;
  /** How many keys there are in all. */
  readonly total: number;
  /** How many keys a stretch is to have, as far as it can be told from the one before it. */
  length(outline: RangeOutline): number;
  read(range: KeyRange, limit: number): Promise<Answer>;
}

/** A part of the range that was asked for. */
interface Request<Answer> {
  readonly end: Uint8Array | undefined;
  readonly expected: number;
  readonly answer: Promise<Answer>;
}

/**
 * Reads a range after its first stretch, in order, and asks for stretches before it is known where the ones before them
 * end: where keys lie is guessed by those that came (see {@link KeyLine}). Stretches follow on each other whatever the
 * guesses are worth; bad ones make some too short, and others be read in parts.
 */
export class ReadAhead<Answer extends RangeOutline> {
  readonly #options: ReadAheadOptions<Answer>;
  readonly #fixed: number;
  readonly #requests: Request<Answer>[] = [];
  /** Where the stretch begins that is to be asked for next; `undefined` where all is asked for. */
  #next: Uint8Array | undefined;
  #left: number;
  #length = 1;
  #line: KeyLine | undefined;
  /** How far to go at a time, in stretches: more after guesses that found next to nothing. */
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
   * Takes note of the first stretch, and asks for what comes after it.
   *
   * @returns whether anything does
   * @throws StoreError `internal` where the stretches don't add up to what there is
   */
  begin(outline: RangeOutline): boolean {
    return this.#took(outline, this.#options.range.end);
  }

  /** The next stretch that has keys, or the last. To be called only where there is more. */
  async next(): Promise<{ readonly outline: Answer; readonly more: boolean }> {
    for (;;) {
      const request = this.#requests.shift();
      if (request === undefined) throw new Error('there is nothing more to read');
      const outline = await request.answer;
      const more = this.#took(outline, request.end);
      if (outline.bounds.length > 0 || !more) return { outline, more };
    }
  }

  /** @throws StoreError `internal` where the stretches don't add up to what there is */
  #took(outline: RangeOutline, end: Uint8Array | undefined): boolean {
    const count = outline.bounds.length / 2;
    this.#left -= count;
    // At one revision their number is exact: nothing is there where the last stretches were asked for in vain.
    if (this.#left === 0 && !outline.more) return false;
    if (this.#left <= 0) throw this.#mismatch('more');
    this.#learn(outline, count);
    if (outline.more && count > 0) {
      const from = keySuccessor(keyAt(outline, count - 1));
      if (end !== undefined && compareBytes(from, end) >= 0) throw this.#mismatch('more');
      this.#resume(from, end);
    }
    this.#askAhead();
    // What is missing would be taken for deleted.
    if (this.#requests.length === 0) throw this.#mismatch('fewer');
    return true;
  }

  #mismatch(how: 'more' | 'fewer'): StoreError {
    const { range, total } = this.#options;
    return badAnswer(`etcd sent ${how} keys of ${range.toString()} than its count of ${total}`);
  }

  /** A stretch had more than was asked for. */
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
      // Without a guess, where a stretch ends is only known when it is there.
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
    // It is awaited when its turn comes; until then its failure is nobody's.
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
    const keys: Uint8Array[] = [];
    for (let i = 0; i <= samples; i += 1) keys.push(keyAt(outline, from + Math.round((i * steps) / samples)));
    this.#line = KeyLine.through(keys, steps, this.#fixed) ?? this.#line;
  }
}

function keyAt({ buffer, bounds }: RangeOutline, index: number): Uint8Array {
  const { from, to } = keyBounds(buffer, bounds[2 * index] ?? 0, bounds[2 * index + 1] ?? 0);
  return buffer.subarray(from, to);
}
