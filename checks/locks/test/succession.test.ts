import { describe, expect, test } from '@jest/globals';
import type { Token } from '@holdfast/coordination';
import { toRevision } from '@holdfast/store';
import { noPhantom, observed, Succession, type Candidate, type Told } from '../src/judging.js';

const candidate = (id: string, createRevision: number, value = id): Candidate => ({
  key: `/e/${id}`,
  createRevision,
  value,
});
const token = (revision: number, identity = 'x'): Token => ({ revision: toRevision(revision), identity });
const told = (value: string, revision: number, gap = false): Told => ({ token: token(revision), value, gap });

/** a leads, then b, who proclaims a value; then nobody; then c. */
function story(): Succession {
  const succession = new Succession('/e', 'x', 1, [candidate('a', 1)]);
  const put = (revision: number, each: Candidate) => {
    succession.apply(revision, [{ key: each.key, candidate: each }]);
  };
  const remove = (revision: number, key: string) => {
    succession.apply(revision, [{ key, candidate: undefined }]);
  };
  put(2, candidate('b', 2));
  remove(3, '/e/a');
  put(4, candidate('b', 2, 'b again'));
  remove(5, '/e/b');
  put(6, candidate('c', 6));
  return succession;
}

const RIGHT: readonly Told[] = [told('a', 1), told('b', 2), told('b again', 2), undefined, told('c', 6)];

describe('who really leads', () => {
  test('is the oldest candidate of a queue, revision by revision; other keys are none', () => {
    const succession = story();
    succession.apply(7, [
      { key: '/e/sub/d', candidate: { key: '/e/sub/d', createRevision: 0, value: '' } },
      { key: '/e/not-hex', candidate: { key: '/e/not-hex', createRevision: 0, value: '' } },
    ]);
    expect(succession.reigns.map(({ revision, leader }) => [revision, leader?.value])).toEqual([
      [1, 'a'],
      [3, 'b'],
      [4, 'b again'],
      [5, undefined],
      [6, 'c'],
    ]);
  });
});

describe('the checker of phantoms', () => {
  test('finds one who was told that it holds, and never was the first', () => {
    const right = [1, 2, 6].map((revision) => ({ who: 'w', token: token(revision) }));
    expect(noPhantom([story()], right)).toEqual([]);
    expect(noPhantom([story()], [{ who: 'w', token: token(3) }])).toHaveLength(1);
    expect(noPhantom([story()], [{ who: 'w', token: token(2, 'another history') }])).toHaveLength(1);
  });
});

describe('the checker of observers', () => {
  test('finds nothing where all is well', () => {
    expect(observed([story()], RIGHT, true)).toEqual([]);
    // One that began later, or was stopped early.
    expect(observed([story()], RIGHT.slice(2), true)).toEqual([]);
    expect(observed([story()], RIGHT.slice(0, 2), false)).toEqual([]);
    // After a gap: the present leader, again or another one; and where nobody led then, the next one.
    expect(observed([story()], [told('a', 1), told('a', 1, true), ...RIGHT.slice(1)], true)).toEqual([]);
    expect(observed([story()], [told('a', 1), told('c', 6, true)], true)).toEqual([]);
    expect(observed([story()], [told('a', 1), undefined, told('c', 6, true)], true)).toEqual([]);
  });

  /** A copy of the store under its old identity, in which somebody led already. */
  function copyOf(leader: Candidate): Succession {
    const copy = new Succession('/e', 'x', 6, [leader]);
    copy.apply(7, [{ key: leader.key, candidate: undefined }]);
    copy.apply(8, [{ key: '/e/f', candidate: candidate('f', 8) }]);
    return copy;
  }

  test('finds nothing where the last leader goes on to lead in a copy of the store', () => {
    const histories = [story(), copyOf(candidate('c', 6))];
    const rest = [undefined, told('f', 8)];
    expect(observed(histories, [...RIGHT, ...rest], true)).toEqual([]);
    expect(observed(histories, [...RIGHT, told('c', 6, true), ...rest], true)).toEqual([]);
    // It does not lead any more in a copy, or led before: then somebody was missed.
    expect(observed([story(), copyOf(candidate('b', 2, 'b again'))], [...RIGHT, ...rest], true)).toHaveLength(1);
    expect(observed(histories, [told('a', 1), ...rest], true)).toHaveLength(1);
  });

  const other = new Succession('/e', 'y', 1, [candidate('d', 1)]);
  test.each<[string, readonly Succession[], readonly Told[]]>([
    ['a leader left out', [story()], [told('a', 1), told('b again', 2), undefined, told('c', 6)]],
    ['"nobody" left out', [story()], [told('b again', 2), told('c', 6)]],
    ['a leader told twice', [story()], [told('a', 1), told('a', 1)]],
    ['leaders in another order', [story()], [told('b', 2), told('a', 1)]],
    ['an older leader after a gap', [story()], [told('b', 2), told('a', 1, true)]],
    ['a candidate that does not lead', [story()], [told('a', 1), told('c', 6)]],
    ['a leader that was invented', [story()], [told('z', 9)]],
    ['a leader with the value of another', [story()], [told('b', 1)]],
    ['a token of another history', [other], [told('d', 1)]],
    [
      'another history without a gap',
      [story(), other],
      [told('c', 6), { token: token(1, 'y'), value: 'd', gap: false }],
    ],
    ['an observer that was never told of the last leader', [story()], [told('a', 1), told('b', 2)]],
    ['an observer that was told nothing', [story()], []],
  ])('finds %s', (_what, successions, said) => {
    expect(observed(successions, said, true)).toHaveLength(1);
  });
});
