import { describe, expect, test } from '@jest/globals';
import type { Token } from '@holdfast/coordination';
import { toRevision } from '@holdfast/store';
import {
  exclusive,
  fenced,
  inOrder,
  nothingLeft,
  Resource,
  served,
  toldInTime,
  tooManyRepeats,
  type Happening,
  type History,
} from '../src/index.js';

const token = (revision: number): Token => ({ revision: toRevision(revision), identity: 'x' });
const history = (happenings: readonly Happening[], left: readonly string[] = []): History => ({ happenings, left });
const did = (what: 'acquired' | 'told' | 'released', who: string, revision: number): Happening => ({
  what,
  who,
  at: 0,
  token: token(revision),
});
const wrote = (who: string, revision: number, taken = true): Happening => ({
  what: 'write',
  who,
  at: 0,
  token: token(revision),
  taken,
});

/** Two holders, one after the other, as it should be. */
const good = [
  did('acquired', 'a', 5),
  wrote('a', 5),
  did('told', 'a', 5),
  did('acquired', 'b', 7),
  wrote('b', 7),
  did('released', 'b', 7),
];

/** For each checker, what a broken lock leaves in a history. */
const BROKEN = {
  'a resource that takes the write of a holder that was overtaken': [
    fenced,
    history([did('acquired', 'a', 5), did('acquired', 'b', 7), wrote('b', 7), wrote('a', 5)]),
  ],
  'a holder that goes on while another one holds the lock': [
    exclusive,
    history([did('acquired', 'a', 5), did('acquired', 'b', 7), wrote('a', 5, false)]),
  ],
  'a holder that is told when the next one has the lock already': [
    toldInTime,
    history([did('acquired', 'a', 5), did('acquired', 'b', 7), did('told', 'a', 5)]),
  ],
  'one who came later and is served first': [
    inOrder,
    history([did('acquired', 'b', 7), did('released', 'b', 7), did('acquired', 'a', 5)]),
  ],
  'a token that is given out twice': [
    inOrder,
    history([did('acquired', 'a', 5), did('released', 'a', 5), did('acquired', 'b', 5)]),
  ],
  'one who waits for ever': [served(['a', 'b', 'c']), history(good)],
  'a key that is left': [nothingLeft, history(good, ['/l/a/7f'])],
} as const;

describe('the checkers of locks', () => {
  test.each(Object.entries(BROKEN))('find %s', (_what, [checker, broken]) => {
    expect(checker(broken)).toHaveLength(1);
  });

  test('find sessions that were lost before any fault, unless a busy machine explains them', () => {
    const count = (repeats: number) => ({ silent: { runs: 1, attemptedOverlaps: 0, runsWithOverlaps: 0, repeats } });
    for (const repeats of [0, 50]) expect(tooManyRepeats(1_000, count(repeats))).toEqual([]);
    expect(tooManyRepeats(8, count(8))).toEqual([]);
    expect(tooManyRepeats(8, count(9))).toHaveLength(1);
    expect(tooManyRepeats(1_000, { ...count(30), asleep: count(30).silent })).toHaveLength(1);
  });

  test('find nothing where all is well', () => {
    for (const checker of [fenced, exclusive, toldInTime, inOrder, served(['a', 'b']), nothingLeft]) {
      expect(checker(history(good))).toEqual([]);
    }
  });

  test('a fenced resource refuses an old token, and one that is not fenced takes it', () => {
    const [guarded, open] = [new Resource(), new Resource(false)];
    for (const resource of [guarded, open]) {
      resource.write('b', token(7));
      resource.write('a', token(5));
    }
    expect(fenced(history(guarded.happenings))).toEqual([]);
    expect(fenced(history(open.happenings))).toHaveLength(1);
  });
});
