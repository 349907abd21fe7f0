import { expect, test } from '@jest/globals';
import { runInChild } from './child.js';
import { CHANNELS, type Disturbed } from './programs/throwing-subscribers.js';

test('a subscriber of a diagnostics channel that throws disturbs nothing, and Node reports it', async () => {
  const { reported, ...rest } = await runInChild<Disturbed>('throwing-subscribers', undefined);
  expect(rest).toEqual({ shown: { a: { n: 1 }, b: { n: 2 } }, problems: ['bad'], failed: 'invalid-argument' });
  expect(reported).toEqual(CHANNELS);
});
