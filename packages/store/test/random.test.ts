import { describe, expect, test } from '@jest/globals';
import { safeRandom } from '@holdfast/store/adapter';

describe('random numbers of a user (trap 24)', () => {
  test('are taken where they are in [0, 1)', () => {
    const drawn = [0, 0.5, 0.999];
    const random = safeRandom(() => drawn.shift() ?? 0);
    expect([random(), random(), random()]).toEqual([0, 0.5, 0.999]);
    expect(safeRandom(undefined)).toBe(Math.random);
  });

  test.each<[string, () => unknown]>([
    ['no number', () => 'many'],
    ['an object with a valueOf', () => ({ valueOf: () => 0.5 })],
    ['NaN', () => NaN],
    ['1', () => 1],
    ['a negative one', () => -0.1],
    ['Infinity', () => Infinity],
    [
      'a throw',
      () => {
        throw new Error('no more');
      },
    ],
  ])('are replaced where there is %s', (_what, given) => {
    const drawn = safeRandom(given as () => number)();
    expect(typeof drawn).toBe('number');
    expect(drawn >= 0 && drawn < 1).toBe(true);
  });

  test('come of a function', () => {
    expect(() => safeRandom(0.5 as never)).toThrow(/random must be a function/);
  });
});
