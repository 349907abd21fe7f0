import { text } from '@holdfast/core';
import { StoreError } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { PREFIX, thing, world, type World } from './support/world.js';

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('what a health endpoint answers survives JSON.stringify', () => {
  let w: World;
  beforeEach(async () => {
    w = world();
    await w.data.put(`${PREFIX}a`, thing(1));
  });
  afterEach(() => w.close());

  test('the cause of a state', async () => {
    const mirrored = await w.open({ livenessMs: 3_000 });
    const refused = new Error('connect ECONNREFUSED 127.0.0.1:1');
    w.script.cut(new StoreError('unavailable', 'etcd is unreachable', { endpoint: '127.0.0.1:1', cause: refused }));
    await w.until(() => mirrored.state.status === 'stale' && 'cause' in mirrored.state);
    expect(json({ ...mirrored.state })).toMatchObject({
      status: 'stale',
      cause: {
        code: 'unavailable',
        message: 'etcd is unreachable',
        endpoint: '127.0.0.1:1',
        cause: { message: 'connect ECONNREFUSED 127.0.0.1:1' },
      },
    });
  });

  test('the causes of problems: what a codec threw, and the issues of a schema', async () => {
    const mirrored = await w.open({ schema: z.object({ n: z.number() }) });
    await w.data.put(`${PREFIX}a`, '{"n":"many"}');
    await w.data.put(`${PREFIX}b`, '{');
    await w.until(() => mirrored.problems().length === 2);
    expect(json(mirrored.problems())).toMatchObject([
      {
        key: 'a',
        reason: expect.stringMatching(/fails its schema/),
        cause: [{ path: ['n'], message: expect.any(String) }],
      },
      { key: 'b', cause: { name: 'SyntaxError', message: expect.stringMatching(/JSON/) } },
    ]);
  });

  test.each([
    ['a big number', 10n, '10'],
    ['an object that contains itself', circular(), '[object Object]'],
    ['an object without a prototype', Object.create(null), 'a value that cannot be shown as text'],
  ])('a cause that JSON does not know: %s', async (_what, thrown, shown) => {
    const transform = () => {
      throw thrown;
    };
    const mirrored = await w.open({ ...({ codec: text(), transform } as object) });
    expect(json(mirrored.problems())).toMatchObject([{ key: 'a', cause: shown }]);
  });

  test('the bytes of a key that is no text', async () => {
    w.data.injectRaw(Uint8Array.of(...Buffer.from(PREFIX), 0xff, 0x01), '1');
    const mirrored = await w.open();
    expect(json(mirrored.problems())).toMatchObject([
      { rawKey: `0x${Buffer.from(PREFIX).toString('hex')}ff01`, reason: expect.any(String) },
    ]);
    expect(mirrored.problems()[0]?.rawKey).toBeInstanceOf(Uint8Array);
  });
});

function circular(): object {
  const thrown: Record<string, unknown> = {};
  thrown['self'] = thrown;
  return thrown;
}
