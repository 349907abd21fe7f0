import { memoryStore } from '@holdfast/memory';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { collection, json, mirror, text } from '../src/index.js';

describe('options', () => {
  const store = memoryStore();
  const bad = (options: object) => mirror(store, options as never);

  test.each([
    [{}, /either prefix .* or key/],
    [{ prefix: '/a/', key: 'b' }, /either prefix .* or key/],
    [{ prefix: '/\ud800' }, /lone surrogates/],
    [{ key: '' }, /must not be empty/],
    [{ prefix: '/', prefx: 1 }, /no option "prefx"; it takes codec, /],
    [{ prefix: '/', decode: 'never' }, /'eager' or 'lazy'/],
    [{ prefix: '/', cacheSize: 10 }, /decode: 'lazy'/],
    [{ prefix: '/', decode: 'lazy', cacheSize: 0.5 }, /whole number/],
    [{ prefix: '/', livenessMs: 0 }, /livenessMs must be a number of milliseconds/],
    [{ prefix: '/', startTimeoutMs: -1 }, /startTimeoutMs/],
    [{ prefix: '/', syncTimeoutMs: 2 ** 31 }, /syncTimeoutMs/],
    [{ prefix: '/', auditEveryMs: '5' }, /auditEveryMs/],
    [{ prefix: '/', fullResyncKeys: -1 }, /fullResyncKeys must be a whole number from 0, or Infinity/],
    [{ prefix: '/', replayRevisions: -1 }, /replayRevisions must be a whole number from 0, or Infinity/],
    [{ prefix: '/', fullResyncKeys: 0.5 }, /fullResyncKeys/],
    [{ prefix: '/', graceMs: Number.NaN }, /graceMs/],
    [{ prefix: '/', backoff: { initialMs: 0 } }, /backoff.initialMs/],
    [{ prefix: '/', onChange: 'x' }, /onChange must be a function/],
    [{ prefix: '/', codec: 'json' }, /must be an object with decode/],
    [{ prefix: '/', transform: 'x' }, /transform of the mirror must be a function/],
    [{ prefix: '/', schema: {} }, /Standard Schema/],
    [{ prefix: '/', collections: {} }, /at least one collection/],
    [{ key: '/a', collections: { a: {} } }, /give prefix instead of key/],
    [{ prefix: '/', collections: { a: {} }, schema: z.any() }, /schema belongs to each of the collections/],
    [{ prefix: '/', collections: { a: { prefix: 'a', key: 'a' } } }, /prefix or key, not both/],
    [{ prefix: '/', collections: { a: { kye: 'a' } } }, /collection "a" has no option "kye"/],
    [{ prefix: '/', collections: { a: { prefix: 'x/' }, b: { prefix: 'x/y/' } } }, /"a".*"b".*overlap/],
    [{ prefix: '/', collections: { a: {}, b: { key: 'a/b' } } }, /overlap/],
    [{ prefix: '/', collections: { a: { prefix: '\ud800' } } }, /collection "a": .*surrogate/],
    [{ prefix: '', collections: { a: { key: '' } } }, /collection "a": a key must not be empty/],
    ...['state', 'close', 'then', 'constructor', 'toString', 'collections', ''].map(
      (name) => [{ prefix: '/', collections: { [name]: {} } }, /can't be called/] as const,
    ),
  ] as const)('%j is refused: %s', async (options, message) => {
    await expect(bad(options)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(message),
    });
  });

  test('an asynchronous schema is refused when the mirror is made', async () => {
    const schema = {
      '~standard': { version: 1, vendor: 'test', validate: async (value: unknown) => ({ value }) },
    } as const;
    await expect(mirror(store, { prefix: '/', schema })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/asynchronous/),
    });
  });

  test('one that only shows later makes its values problems', async () => {
    await store.put('/late/a', '{"n":1}');
    const schema = z.object({ n: z.number().refine(async () => true) });
    const m = await mirror(store, { prefix: '/late/', schema });
    expect(m.problems()).toMatchObject([{ key: 'a', reason: expect.stringMatching(/asynchronous/) }]);
    await m.close();
  });
});

describe('what values are', () => {
  const store = memoryStore();
  const closing: { close(): Promise<void> }[] = [];
  const track = <T extends { close(): Promise<void> }>(opened: T): T => {
    closing.push(opened);
    return opened;
  };
  beforeEach(async () => {
    await store.put('/v/a', '{"n":1}');
    await store.put('/v/limits', '7');
  });
  afterEach(async () => {
    for (const opened of closing.splice(0)) await opened.close();
  });

  test('bytes without a codec; JSON with only a schema; the types say so', async () => {
    const raw = track(await mirror(store, { prefix: '/v/' }));
    const bytes: Uint8Array | undefined = raw.get('a')?.value;
    expect(new TextDecoder().decode(bytes)).toBe('{"n":1}');

    const texts = track(await mirror(store, { prefix: '/v/', codec: text() }));
    const string: string | undefined = texts.get('limits')?.value;
    expect(string).toBe('7');

    const checked = track(
      await mirror(store, { prefix: '/v/a', schema: z.object({ n: z.number().transform(String) }) }),
    );
    const n: string | undefined = checked.get('')?.value.n;
    expect(n).toBe('1');
    // @ts-expect-error The schema makes it a string.
    const wrong: number | undefined = checked.get('')?.value.n;
    expect(wrong).toBe('1');
  });

  test('onChange and onInvalid are typed by the values too', async () => {
    const seen: number[] = [];
    track(
      await mirror(store, {
        prefix: '/v/',
        codec: json<number | object>(),
        schema: z.number(),
        onChange: ({ changes }) => {
          for (const change of changes) if (change.type === 'put') seen.push(change.current.value + 1);
        },
        onInvalid: ({ key }) => {
          expect(key).toBe('a');
        },
      }),
    );
    expect(seen).toEqual([8]);
  });

  test('a mirror of one key', async () => {
    const limits = track(await mirror(store, { key: '/v/limits', codec: json<number>() }));
    const value: number | undefined = limits.value;
    expect(value).toBe(7);
    expect(limits.key).toBe('/v/limits');
    expect(limits.get()).toBe(limits.entry);
    expect(limits.get('/v/limits')).toBe(limits.entry);
    expect(limits.get('/v/a')).toBeUndefined();
    expect(limits.size).toBe(1);
    await limits.waitFor((await store.put('/v/limits', '8')).revision);
    expect(limits.value).toBe(8);
    await limits.waitFor((await store.put('/v/limitsx', '8')).revision);
    await limits.waitFor((await store.delete('/v/limits')).revision);
    expect(limits.value).toBeUndefined();
    expect(limits.size).toBe(0);
  });

  test('collections: typed by name, with a default codec, with transforms, as one key, under other prefixes', async () => {
    await store.put('/c/routes/r1', '{"uri":"/x"}');
    await store.put('/c/up/u1', '{"host":"h"}');
    await store.put('/c/limits', '5');
    await store.put('/c/notes/n', 'hello');
    const m = track(
      await mirror(store, {
        prefix: '/c/',
        codec: json<{ host: string }>(),
        collections: {
          routes: collection({ schema: z.object({ uri: z.string() }), transform: ({ uri }) => uri.length }),
          upstreams: { prefix: 'up/' },
          limits: { key: 'limits', schema: z.number() },
          notes: { codec: text() },
        },
      }),
    );
    const uriLength: number | undefined = m.routes.get('r1')?.value;
    const host: string | undefined = m.upstreams.get('u1')?.value.host;
    const limit: number | undefined = m.limits.value;
    const note: string | undefined = m.notes.get('n')?.value;
    expect([uriLength, host, limit, note]).toEqual([2, 'h', 5, 'hello']);
    expect(m.collections.routes).toBe(m.routes);
    expect(m.limits.key).toBe('limits');
    expect([...m.routes].map(([key, entry]) => [key, entry.value])).toEqual([['r1', 2]]);
    expect(m.problems()).toEqual([]);
  });

  test('entries are frozen, and know their revisions', async () => {
    const m = track(await mirror(store, { prefix: '/v/', codec: json() }));
    const entry = m.get('a')!;
    expect(entry).toEqual({
      key: 'a',
      value: { n: 1 },
      modRevision: entry.modRevision,
      createRevision: expect.any(Number),
      version: expect.any(Number),
    });
    expect(Object.isFrozen(entry)).toBe(true);
    expect([...m.values()]).toContain(entry);
    expect(new Map(m.entries()).get('a')).toBe(entry);
  });

  test('the empty prefix is everything, and keys are then whole', async () => {
    const m = track(await mirror(store, { prefix: '' }));
    expect(m.has('/v/a')).toBe(true);
    await m.sync();
  });
});
