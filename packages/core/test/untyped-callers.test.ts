// JavaScript callers, and casts, pass anything. Each mistake is told as what it is, and what to write instead.
import { json, mirror } from '@holdfast/core';
import { yaml } from '@holdfast/core/yaml';
import { memory, memoryStore } from '@holdfast/memory';
import { openStore } from '@holdfast/store';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';

const store = memoryStore();
const call = mirror as unknown as (...args: unknown[]) => Promise<unknown>;
const Schema = z.object({ n: z.number() });

describe('mirror()', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['nothing', () => undefined, /mirror\(\) takes a store as its first argument, such as memoryStore\(\)/],
    ['a URL', () => 'etcd-v3://root:s3cret@h', /This is a string/],
    [
      'a forgotten await',
      () => openStore('memory:', { adapters: [memory] }),
      /This is a promise: write await openStore/,
    ],
    ['the function that makes a store', () => memoryStore, /call it, memoryStore/],
    ['the adapter', () => memory, /This is an adapter/],
    ['its options', () => ({ prefix: '/v/' }), /This is another object/],
  ])('is told that its store is %s', async (_what, given, said) => {
    const refused = await call(given(), { prefix: '/v/' }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'invalid-argument', message: expect.stringMatching(said) });
    expect((refused as Error).message).not.toContain('s3cret');
  });

  test.each<[unknown, RegExp]>([
    [undefined, /either prefix .* or key/],
    [null, /mirror\(\) takes an object/],
    ['/v/', /mirror\(\) takes an object/],
    [[], /mirror\(\) takes an object/],
    [{ prefix: 5 }, /a prefix must be a string/],
    [{ key: 5 }, /a key must be a string/],
    [{ prefix: '/', schemas: Schema }, /no option "schemas"/],
    [{ prefix: '/', codec: json }, /codec of the mirror .*This is a function: call it/],
    [{ prefix: '/', codec: null }, /codec of the mirror must be an object/],
    [{ prefix: '/', codec: 'json' }, /codec of the mirror must be an object/],
    [{ prefix: '/', schema: null }, /Standard Schema/],
    [{ prefix: '/', schema: {} }, /Standard Schema/],
    [{ prefix: '/', collections: null }, /collections must be an object/],
    [{ prefix: '/', collections: [{}] }, /collections must be an object/],
    [{ prefix: '/', collections: { a: null } }, /collection "a" must be an object of options/],
    [{ prefix: '/', collections: { a: undefined } }, /collection "a" must be an object of options/],
    [{ prefix: '/', collections: { a: Schema } }, /collection "a" is a schema: write "a": \{ schema: … \}/],
    [{ prefix: '/', collections: { a: { prefix: 5 } } }, /the prefix of collection "a" must be a string/],
    [{ prefix: '/', collections: { a: { key: 5 } } }, /the key of collection "a" must be a string/],
    [{ prefix: '/', collections: { a: { schemas: Schema } } }, /collection "a" has no option "schemas"/],
    [{ prefix: '/', signal: null }, /signal must be an AbortSignal/],
    [{ prefix: '/', signal: new AbortController() }, /pass controller\.signal/],
    [{ prefix: '/', backoff: 5 }, /backoff takes an object/],
    [{ prefix: '/', backoff: null }, /backoff takes an object/],
    [{ prefix: '/', backoff: { initialMS: 5 } }, /backoff has no option "initialMS"/],
    [{ prefix: '/', clock: {} }, /clock must be an object with the methods now/],
    [{ prefix: '/', logger: null }, /logger must be an object/],
    [{ prefix: '/', random: 5 }, /random must be a function/],
    [{ prefix: '/', onChange: 'x' }, /onChange must be a function/],
  ])('refuses the options %p', async (options, said) => {
    await expect(call(store, options)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(said),
    });
  });
});

test.each([null, 5, 'x', []])('yaml(%p) is refused', (options) => {
  expect(() => (yaml as (given: unknown) => unknown)(options)).toThrow(/yaml\(\) takes an object/);
});

describe('the members of a mirror', () => {
  let mirrored: Record<'sync' | 'waitFor' | 'subscribe' | 'changes' | 'on' | 'close', (...args: unknown[]) => unknown>;
  beforeAll(async () => {
    mirrored = (await call(store, { prefix: '/v/' })) as typeof mirrored;
  });
  afterAll(async () => {
    await mirrored.close();
  });

  test.each<[string, () => unknown, RegExp]>([
    ['sync', () => mirrored.sync(5), /sync\(\) takes an object/],
    ['sync', () => mirrored.sync(null), /sync\(\) takes an object/],
    ['sync', () => mirrored.sync({ timeout: 5 }), /no option "timeout"; it takes timeoutMs, signal/],
    ['sync', () => mirrored.sync({ timeoutMs: '5' }), /timeoutMs must be a number/],
    ['sync', () => mirrored.sync({ signal: new AbortController() }), /pass controller\.signal/],
    ['waitFor', () => mirrored.waitFor(undefined), /a revision that a write or a read gave/],
    ['waitFor', () => mirrored.waitFor(Object.create(null)), /a revision that a write or a read gave/],
    ['waitFor', () => mirrored.waitFor(store.put('/v/a', '1')), /a revision that a write or a read gave/],
    ['waitFor', () => mirrored.waitFor(1, { timeout: 5 }), /no option "timeout"/],
    ['subscribe', () => mirrored.subscribe(() => 0, null), /subscribe\(\) takes an object/],
    ['subscribe', () => mirrored.subscribe(() => 0, { reply: true }), /no option "reply"; it takes replay/],
    ['subscribe', () => mirrored.subscribe(() => 0, { replay: 'yes' }), /replay must be true or false/],
    ['subscribe', () => mirrored.subscribe(() => 0, { debounceMs: '5' }), /debounceMs must be a number/],
    ['changes', () => mirrored.changes(null), /changes\(\) takes an object/],
    ['changes', () => mirrored.changes({ signal: 5 }), /signal must be an AbortSignal/],
  ])('%s', async (_what, act, said) => {
    await expect((async () => act())()).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(said),
    });
  });

  test.each<[string, () => unknown, RegExp]>([
    ['no listener', () => mirrored.subscribe(undefined), /a listener must be a function/],
    [
      'arguments in the wrong order',
      () => mirrored.subscribe({ replay: true }, () => 0),
      /a listener must be a function/,
    ],
    ['no event', () => mirrored.on('changed', () => 0), /no event 'changed'/],
    ['an event without a listener', () => mirrored.on('change', undefined), /a listener must be a function/],
  ])('%s', (_what, act, said) => {
    expect(act).toThrow(said);
  });
});

describe('a replay of an empty mirror', () => {
  test('tells that nothing is there: to a subscriber, and to an iteration', async () => {
    const empty = await mirror(store, { prefix: '/empty/' });
    const heard: unknown[] = [];
    empty.subscribe((event) => heard.push(event), { replay: true });
    const changes = empty.changes({ replay: true });
    const first = { cause: 'load', changes: [], bookmark: empty.bookmark };
    expect(heard).toMatchObject([first]);
    expect(await changes.next()).toMatchObject({ value: first });
    const { revision } = await store.put('/empty/a', '1');
    await empty.waitFor(revision);
    expect(heard).toMatchObject([first, { cause: 'watch', changes: [{ key: 'a' }] }]);
    expect(await changes.next()).toMatchObject({ value: { cause: 'watch', changes: [{ key: 'a' }] } });
    await empty.close();
  });

  test('of a collection, too, and debounced', async () => {
    const app = await mirror(store, { prefix: '/none/', collections: { routes: {}, limits: { key: 'limits' } } });
    const heard: unknown[] = [];
    app.routes.subscribe((event) => heard.push(event), { replay: true, debounceMs: 5 });
    app.limits.subscribe((event) => heard.push(event), { replay: true });
    expect(heard).toMatchObject([
      { cause: 'load', changes: [] },
      { cause: 'load', changes: [] },
    ]);
    await app.close();
  });

  test('that was taken late is still told, with what came meanwhile, even if that is gone again', async () => {
    const empty = await mirror(store, { prefix: '/late/' });
    const [first, second] = [empty.changes({ replay: true }), empty.changes({ replay: true })];
    await empty.waitFor((await store.put('/late/a', '1')).revision);
    expect(await first.next()).toMatchObject({ value: { cause: 'load', changes: [{ key: 'a' }] } });
    await empty.waitFor((await store.delete('/late/a')).revision);
    expect(await second.next()).toMatchObject({ value: { cause: 'load', changes: [] } });
    await empty.close();
  });
});
