const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

/** The words that plans are made of: few, so that calls meet one another, and with everything odd among them. */
export interface Vocabulary {
  /** Keys that are written. */
  readonly keys: readonly [string, ...string[]];
  /** Keys that are asked for beside those. */
  readonly otherKeys: readonly [string, ...string[]];
  readonly prefixes: readonly [string, ...string[]];
  readonly bounds: readonly [string | Uint8Array, ...(string | Uint8Array)[]];
  /** Prefixes of views. */
  readonly views: readonly [string, ...string[]];
  readonly values: readonly [string | Uint8Array, ...(string | Uint8Array)[]];
  /** What compares are on. A store without leases has a lease of 0 for each key, and a time to live makes no other. */
  readonly compared: readonly [string, ...string[]];
  /** Times to live that no plan lives to see the end of, and some that there can't be. */
  readonly ttls: { readonly good: readonly [number, ...number[]]; readonly bad: readonly [number, ...number[]] };
  /** Keys that are not UTF-8. */
  readonly rawKeys: readonly Uint8Array[];
}

const LONG = 'k'.repeat(3_000);

/** For stores with any keys. Keys order differently by UTF-16 and by UTF-8, begin with one another, and end in 0xff-like bytes. */
export const ANY_KEYS: Vocabulary = {
  keys: [
    ...(['a', 'a/', 'a/b', 'a/bc', 'a/é', 'a/b/c', 'b', 'b/\u{10000}', 'b/\uffff', 'b/\ufe00'] as const),
    ...['c/\u007f', 'c/\u0080', '\u{10ffff}', '\0', 'a\0', '/', '/a//b', LONG],
  ],
  otherKeys: ['none', 'a/b/', '\u{10ffff}\u{10ffff}', '\0\0', 'a/e\u0301'],
  prefixes: ['', 'a', 'a/', 'a/b', 'b/', 'b/\uffff', '\u{10ffff}', '\0', 'none', '/', LONG],
  bounds: [
    ...(['', '\0', 'a', 'a\0', 'a/', 'a0', 'b', 'b/\uffff', 'c', '\u{10ffff}', '\u{10ffff}\u{10ffff}'] as const),
    ...[bytes(), bytes(0), bytes(0, 0), bytes(0x61), bytes(0x61, 0xff), bytes(0xc3), bytes(0xff), bytes(0xff, 0xff)],
  ],
  views: ['a/', 'a', 'b/', 'a/b', '\u{10ffff}', 'none/', '\0', 'é'],
  values: ['', '1', '2', 'é', 'long'.repeat(10), bytes(0), bytes(0xff, 0xfe), bytes(0, 1, 2, 0)],
  compared: ['value', 'lease', 'version', 'createRevision', 'modRevision'],
  ttls: { good: [60, 600, 3_600, 9_000_000_000], bad: [9_000_000_001, 2 ** 40, 0, 1.5] },
  rawKeys: [bytes(0xff), bytes(0xff, 0xff), bytes(0x61, 0xff), bytes(0x61, 0x2f, 0xff, 0xfe), bytes(0x62, 0x2f, 0xc3)],
};

/** The same for a store with a longest key: none is longer, in any view. Bounds and prefixes may be. */
export function keysUpTo(most: number): Vocabulary {
  const longest = Math.max(...ANY_KEYS.views.map((view) => Buffer.byteLength(view)));
  const fitting = (key: string): string => (Buffer.byteLength(key) > most ? 'k'.repeat(most - 2 * longest) : key);
  const [first, ...rest] = ANY_KEYS.keys;
  return { ...ANY_KEYS, keys: [fitting(first), ...rest.map(fitting)] };
}

/**
 * For stores whose keys are paths, such as etcd v2. No key is a directory of another: those can't both be there, which is a difference to
 * other stores that the capability `keySyntax` declares.
 */
export const PATHS: Vocabulary = {
  keys: ['/a/x', '/a/y', '/a/d/z', '/a/é', '/ab', '/b/1', '/b/2/3', '/b/\u{10000}', '/b/\uffff', '/c', '/e f/%41?#'],
  otherKeys: [
    '/a',
    '/a/d',
    '/none',
    '/none/x',
    '/b/2',
    '/a/x/y',
    'a',
    '/',
    '/a/',
    '//',
    '/a//x',
    '/a/../x',
    '/_h',
    '/a/_h',
  ],
  prefixes: [
    '',
    '/',
    '/a',
    '/a/',
    '/a/d/',
    '/a/d',
    '/b/',
    '/b/2/',
    '/ab',
    '/none/',
    '/c/',
    '/e f/',
    'x',
    '//',
    '/_',
    '/a/.',
  ],
  bounds: [
    ...(['', '\0', '/', '/a', '/a/', '/a/d', '/a/x', '/a0', '/b/', '/b/2', '/b/\uffff', '/c', '0'] as const),
    ...[bytes(), bytes(0), bytes(0x2f, 0xff), bytes(0x2f, 0x61, 0x2f, 0xc3), bytes(0xff)],
  ],
  views: ['/a/', '/a', '/b/', '/a/d/', '/none/', '/', '/e f/'],
  values: ['', '1', '2', 'é', 'long'.repeat(10), 'a=b&c=d', '%00+ \u0000', bytes(0xff, 0xfe)],
  compared: ['value', 'version', 'createRevision', 'modRevision'],
  ttls: { good: [60, 600, 3_600, 2 ** 31], bad: [9_000_000_001, 2 ** 40, 0, 1.5] },
  rawKeys: [],
};

/** What is passed in place of an argument, or of a part of one, to see it refused. */
export const JUNK: readonly [unknown, ...unknown[]] = [
  ...([undefined, null, 0, -1, 1.5, NaN, Infinity, 2 ** 31, 2 ** 53, -0, 5n] as const),
  ...['', 'x', '\ud800', 'a\udc00', '0', '-1', '9223372036854775808', true, false, [], {}, { key: 'a' }, [['a']]],
  ...[bytes(0xff), new Map([['a', 1]]), () => 'a', Symbol('junk'), Object.create(null) as object],
];
