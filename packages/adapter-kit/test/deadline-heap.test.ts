import { describe, expect, test } from '@jest/globals';
import { Random } from '@holdfast/testkit';
import { DeadlineHeap } from '../src/leases/deadline-heap.js';

describe('DeadlineHeap', () => {
  test('gives things back in the order they are due', () => {
    const random = new Random(5);
    const heap = new DeadlineHeap<number>();
    const expected: number[] = [];
    const popped: number[] = [];
    for (let i = 0; i < 2_000; i++) {
      const at = random.below(500);
      heap.push(at, at);
      expected.push(at);
      if (random.chance(0.3)) {
        const least = Math.min(...expected);
        expected.splice(expected.indexOf(least), 1);
        expect(heap.pop()?.item).toBe(least);
      }
    }
    while (heap.size > 0) popped.push(heap.pop()?.item ?? -1);
    expect(popped).toEqual(expected.sort((a, b) => a - b));
    expect(heap.pop()).toBeUndefined();
  });
});
