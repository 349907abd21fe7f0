// In a process of its own, since Node can be made to write without an end in one turn, which nothing in that process can stop.
import { constants } from 'node:http2';
import { expect, test } from '@jest/globals';
import { runInChild } from './child.js';
import type { Result } from './programs/full-connection.js';

test('a proxy ends calls whose answers wait for a client that does not read', async () => {
  const { NGHTTP2_INTERNAL_ERROR } = constants;
  expect(await runInChild<Result>('full-connection', {})).toEqual({
    ended: { '/large': NGHTTP2_INTERNAL_ERROR, '/small': NGHTTP2_INTERNAL_ERROR },
  });
});
