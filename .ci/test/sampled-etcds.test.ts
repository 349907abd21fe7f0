import { expect, test } from '@jest/globals';
import { firstAndAnother } from './support/sampled-etcds.js';

test('turns in a row choose each other version once', () => {
  const turns = [7, 8, 9].map((turn) => firstAndAnother(['3.5', '3.4', '3.6', '3.7'], turn));
  expect(turns).toEqual([
    ['3.5', '3.6'],
    ['3.5', '3.7'],
    ['3.5', '3.4'],
  ]);
});

test('one version, or none, is what there is', () => {
  expect(firstAndAnother(['3.5'], 4)).toEqual(['3.5']);
  expect(firstAndAnother([], 4)).toEqual([]);
});
