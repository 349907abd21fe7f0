import { describe, expect, test } from '@jest/globals';
import type { RowResult } from '../src/harness/results.js';
import type { Goal, Row } from '../src/harness/row.js';
import { verdictsOf } from '../src/harness/verdict.js';
import { assertEqualContent } from '../src/harness/equal-content.js';
import { percentile } from '../src/harness/stats.js';

const side = { label: 'a side', run: () => Promise.resolve({ figures: {} }) };

function judge(goal: Goal, figures: RowResult['figures'], at = '') {
  const row: Row = {
    name: 'row',
    title: 'Row',
    about: '',
    server: 'none',
    sides: { ours: side, peer: side },
    ours: ['ours'],
    metrics: { ms: { label: 'time', unit: 'ms' } },
    goals: [goal],
    start: () => Promise.reject(new Error('not run')),
  };
  return verdictsOf(row, { row: 'row', server: '', at, commit: '', keys: 1, load: 0, figures })[0]!;
}

const ours = { side: 'ours', metric: 'ms' };
const peer = { side: 'peer', metric: 'ms' };

describe('a goal', () => {
  test('of a ratio is judged by the medians, and shows the ratios of the rounds', () => {
    const goal: Goal = { what: 'time', kind: 'ratio', ours, peer, limit: 0.5 };
    const figures = { ours: { ms: [10, 40, 30] }, peer: { ms: [100, 50, 60] } };
    expect(judge(goal, figures)).toMatchObject({ met: true, ratio: { median: 0.5, min: 0.1, max: 0.8 } });
    expect(judge({ ...goal, limit: 0.49 }, figures).met).toBe(false);
  });

  test('of a figure alone needs no peer', () => {
    const goal: Goal = { what: 'stall', kind: 'at-most', ours, limit: 30 };
    expect(judge(goal, { ours: { ms: [10, 40, 30] } }).met).toBe(true);
    expect(judge(goal, { ours: { ms: [10, 40, 31] } }).met).toBe(false);
  });

  test('above a peer is judged by the difference', () => {
    const goal: Goal = { what: 'memory', kind: 'above', ours, peer, limit: 20 };
    expect(judge(goal, { ours: { ms: [90] }, peer: { ms: [70] } }).met).toBe(true);
    expect(judge(goal, { ours: { ms: [91] }, peer: { ms: [70] } }).met).toBe(false);
  });

  test('against another checkout is missed by what is worse in every round, and by more than noise', () => {
    const goal: Goal = { what: 'time', kind: 'no-worse', ours, peer };
    const of = (own: number[]) => judge(goal, { ours: { ms: own }, peer: { ms: [100, 100, 100] } }).met;
    expect(of([120, 130, 110])).toBe(false);
    expect(of([120, 130, 99])).toBe(true);
    expect(of([104, 104, 104])).toBe(true);
  });

  test('that is newer than the figures is not judged by them, and by all later ones it is', () => {
    const goal: Goal = { what: 'time', kind: 'at-most', ours, limit: 30, since: '2026-12-01' };
    expect(judge(goal, {}, '2026-11-30T23:59:59.999Z')).toBeUndefined();
    expect(judge(goal, { ours: { ms: [31] } }, '2026-12-01T00:00:00.000Z').met).toBe(false);
    expect(() => judge(goal, {}, '2026-12-01T00:00:00.000Z')).toThrow('measured no ms of ours');
  });

  test('that nothing was measured for is an error, not met', () => {
    const goal: Goal = { what: 'time', kind: 'ratio', ours, peer, limit: 0.5 };
    expect(() => judge(goal, { ours: { ms: [1] } })).toThrow('measured no ms of peer');
  });
});

test('sides that read different content fail the round', () => {
  const read = (digest: string) => ({ figures: {}, digest });
  expect(() => {
    assertEqualContent({ ours: read('3:abc'), peer: read('3:abc'), floor: { figures: {} } });
  }).not.toThrow();
  expect(() => {
    assertEqualContent({ ours: read('3:abc'), peer: read('2:def') });
  }).toThrow('different content: ours 3:abc, peer 2:def');
});

test('a percentile lies between the two values beside it', () => {
  expect(percentile([4, 1, 3, 2], 50)).toBe(2.5);
  expect(percentile([5], 99)).toBe(5);
});
