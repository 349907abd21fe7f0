import { decodeUtf8 } from '@holdfast/adapter-kit';
import { badContent } from './bad-content.js';

// JSON read for its content. JSON.parse would round large numbers, drop all but the last of two equal keys, and repeat a part of the text, which
// may be a secret, in its errors.

/** Deeper texts are refused: what reads them later would end in a stack overflow. */
export const DEEPEST = 1_000;
const NUMBER = /^-?(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const NUMBER_HERE = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

// Without a choice at each character: a long string would need a stack as long.
const STRING_HERE = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const SPACE_HERE = /[ \t\n\r]*/y;
const WORD_HERE = /true|false|null/y;

/** Whether a text is a number in JSON. */
export function isJsonNumber(text: string): boolean {
  return NUMBER.test(text);
}

/**
 * A text that is the same for JSON texts of the same content: without white space, keys sorted, numbers in one form, none of them rounded.
 *
 * @throws StoreError `invalid-argument` with the place, for what is no JSON or has a key twice
 */
export function canonicalJson(text: string): string {
  const reader = new Reader(text, 'canonical');
  const canonical = reader.value(0);
  reader.end();
  return canonical;
}

/**
 * The members of an object, each as JSON text as it is written, without white space.
 *
 * @throws StoreError `invalid-argument` with the place, for what is no JSON object or has a key twice
 */
export function membersOfJson(text: string): Map<string, string> {
  const reader = new Reader(text, 'as written');
  const members = reader.members();
  reader.end();
  return members;
}

/** {@link canonicalJson} of bytes; `undefined` if they are no JSON, or have a key twice. */
export function contentOf(value: Uint8Array): string | undefined {
  const text = decodeUtf8(value);
  if (text === undefined) return undefined;
  try {
    return canonicalJson(text);
  } catch {
    return undefined;
  }
}

class Reader {
  readonly #text: string;
  readonly #form: 'canonical' | 'as written';
  #at = 0;

  constructor(text: string, form: 'canonical' | 'as written') {
    this.#text = text;
    this.#form = form;
  }

  members(): Map<string, string> {
    this.#take(SPACE_HERE);
    if (this.#text[this.#at] !== '{') throw this.#wrong('no object');
    return this.#members(0);
  }

  value(depth: number): string {
    if (depth > DEEPEST) throw this.#wrong(`more than ${DEEPEST} levels`);
    this.#take(SPACE_HERE);
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#take(WORD_HERE) ?? this.#number();
    }
  }

  end(): void {
    this.#take(SPACE_HERE);
    if (this.#at < this.#text.length) this.#fail();
  }

  #number(): string {
    const text = this.#take(NUMBER_HERE) ?? this.#fail();
    return this.#form === 'canonical' ? canonicalNumber(text) : text;
  }

  #object(depth: number): string {
    const members = [...this.#members(depth)];
    if (this.#form === 'canonical') members.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
  }

  #members(depth: number): Map<string, string> {
    const members = new Map<string, string>();
    this.#each('}', () => {
      this.#take(SPACE_HERE);
      const key = JSON.parse(this.#string()) as string;
      if (members.has(key)) throw this.#wrong('a key twice in one object');
      this.#take(SPACE_HERE);
      if (this.#text[this.#at] !== ':') this.#fail();
      this.#at += 1;
      members.set(key, this.value(depth + 1));
    });
    return members;
  }

  #array(depth: number): string {
    const items: string[] = [];
    this.#each(']', () => items.push(this.value(depth + 1)));
    return `[${items.join(',')}]`;
  }

  /** The members between the bracket here and its other half. */
  #each(end: string, member: () => void): void {
    this.#at += 1;
    this.#take(SPACE_HERE);
    if (this.#text[this.#at] === end) {
      this.#at += 1;
      return;
    }
    for (;;) {
      member();
      this.#take(SPACE_HERE);
      const next = this.#text[this.#at];
      if (next !== ',' && next !== end) this.#fail();
      this.#at += 1;
      if (next === end) return;
    }
  }

  #string(): string {
    return JSON.stringify(JSON.parse(this.#take(STRING_HERE) ?? this.#fail()));
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #fail(): never {
    throw this.#at < this.#text.length ? this.#wrong('no JSON') : this.#wrong('an end in the middle');
  }

  #wrong(what: string): Error {
    const before = this.#text.slice(0, this.#at).split('\n');
    return badContent(
      `it has ${what} at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: correct it there`,
    );
  }
}

/** Digits without zeros at their ends, and the exponent. Minus zero is a number of its own. */
function canonicalNumber(text: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  const sign = text.startsWith('-') ? '-' : '';
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = withoutZerosBehind(digits);
  if (significant === '') return `${sign}0`;
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}

/** Not by a pattern: it would look at each row of zeros again from each of them, which takes hours for a number of a megabyte. */
function withoutZerosBehind(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return digits.slice(0, end);
}
