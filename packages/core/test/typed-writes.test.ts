// cspell:ignore Unchangd
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { isStoreError, readOnly, StoreError } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import { z } from 'zod';
import {
  bytes,
  type Codec,
  collection,
  json,
  mirror,
  type Mirror,
  type Problem,
  type StandardSchemaV1,
  text,
} from '../src/index.js';
import { yaml } from '../src/values/yaml.js';

const Route = z.object({ host: z.string(), port: z.number().int().default(80) });

async function refusal(call: Promise<unknown>): Promise<StoreError> {
  const error = await call.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!isStoreError(error)) throw new Error(`it was no StoreError: ${String(error)}`);
  return error;
}

let store: MemoryStore;
beforeEach(() => {
  store = memoryStore();
});
afterEach(() => store.close());

async function stored(key: string): Promise<string | undefined> {
  const item = await store.get(key);
  return item && Buffer.from(item.value).toString();
}

describe('a value that is put', () => {
  test('is stored as it was given, below the prefix, and is visible after waitFor()', async () => {
    await using routes = await mirror(store, { prefix: '/routes/', schema: Route });
    const { revision } = await routes.put('a', { host: 'one' });
    expect(await stored('/routes/a')).toBe('{"host":"one"}');
    await routes.waitFor(revision);
    // What is shown is the schema's output.
    expect(routes.get('a')?.value).toEqual({ host: 'one', port: 80 });
    expect(routes.get('a')?.modRevision).toBe(revision);
  });

  test('takes the options of the store, and gives its results', async () => {
    await using routes = await mirror(store, { prefix: '/routes/', schema: Route });
    await routes.put('a', { host: 'one' });
    const put = await routes.put('a', { host: 'two' }, { previous: true, ttl: 600 });
    expect(put).toMatchObject({ previous: { version: 1 }, ttl: 600 });
    expect(await routes.put('a', { host: 'x' }, { ifAbsent: true })).toMatchObject({ succeeded: false });
    expect(await routes.put('a', { host: 'x' }, { ifModRevision: put.revision })).toMatchObject({ succeeded: true });
    expect(await routes.put('a', { host: 'y' }, { ifPresent: true })).toMatchObject({ succeeded: true });
    expect(await routes.delete('a', { previous: true })).toMatchObject({
      deleted: 1,
      previous: [{ key: '/routes/a' }],
    });
    expect(await routes.delete('a')).toMatchObject({ deleted: 0 });
  });

  test('in a collection and in a single key', async () => {
    await using gateway = await mirror(store, {
      prefix: '/gw/',
      collections: {
        routes: { schema: Route },
        limits: { key: 'limits', codec: json<{ rps: number }>() },
        raw: {},
      },
    });
    await gateway.routes.put('a', { host: 'one' });
    await gateway.limits.set({ rps: 1 });
    await gateway.limits.put('limits', { rps: 2 });
    const { revision } = await gateway.raw.put('x', Uint8Array.of(0, 255));
    await gateway.waitFor(revision);
    expect(await stored('/gw/routes/a')).toBe('{"host":"one"}');
    expect(gateway.limits.value).toEqual({ rps: 2 });
    expect(gateway.raw.get('x')?.value).toEqual(Uint8Array.of(0, 255));
    expect(await gateway.limits.delete()).toMatchObject({ deleted: 1 });
    expect(await refusal(gateway.limits.put('other', { rps: 1 }))).toMatchObject({
      code: 'invalid-argument',
      outcome: 'not-applied',
      message: expect.stringContaining('"/gw/other"'),
    });
    expect(await stored('/gw/other')).toBeUndefined();
  });

  test('in a mirror of one key', async () => {
    await using limits = await mirror(store, { key: '/limits', codec: json<{ rps: number }>() });
    const { revision } = await limits.set({ rps: 7 });
    await limits.waitFor(revision);
    expect(limits.value).toEqual({ rps: 7 });
    expect(await limits.set({ rps: 8 }, { ifUnchanged: true })).toMatchObject({ succeeded: true });
    expect(await limits.set({ rps: 9 }, { ifAbsent: true })).toMatchObject({ succeeded: false });
    await limits.sync();
    expect(await limits.delete(undefined, { ifUnchanged: true })).toMatchObject({ succeeded: true, deleted: 1 });
  });

  test.each<[string, Codec<never>, unknown, string]>([
    ['json', json(), { a: ['ä', 1, null] }, '{"a":["ä",1,null]}'],
    ['text', text() as Codec<never>, 'ä\n', 'ä\n'],
    ['bytes', bytes() as Codec<never>, Buffer.from('x'), 'x'],
    ['yaml', yaml(), { a: [1, 'two'] }, 'a:\n  - 1\n  - two\n'],
  ])('goes through its codec: %s', async (_name, codec, value, expected) => {
    await using config = await mirror(store, { prefix: '', codec });
    const { revision } = await config.put('k', value as never);
    expect(await stored('k')).toBe(expected);
    await config.waitFor(revision);
    expect(config.problems()).toEqual([]);
    expect(Buffer.isBuffer(value) ? Buffer.from(config.get('k')!.value) : config.get('k')?.value).toEqual(value);
  });

  test('is the one that was given, though the caller changes it while an asynchronous schema is asked', async () => {
    let asked: (() => void) | undefined;
    const slow = z.object({ n: z.number() }).refine(async () => {
      await new Promise<void>((resolve) => (asked = resolve));
      return true;
    });
    // Asynchronous for valid values only, which a mirror finds out with the first.
    await using config = await mirror(store, { prefix: '', schema: slow });
    const value = { n: 1 };
    const putting = config.put('k', value);
    value.n = 2;
    for (let looks = 0; looks < 2; looks += 1) {
      while (asked === undefined) await new Promise(setImmediate);
      const go: () => void = asked;
      asked = undefined;
      go();
    }
    await putting;
    expect(await stored('k')).toBe('{"n":1}');
  });
});

describe('ifUnchanged', () => {
  let routes: Mirror<{ host: string; port: number }, z.input<typeof Route>>;
  beforeEach(async () => {
    await store.put('/routes/a', '{"host":"one"}');
    routes = await mirror(store, { prefix: '/routes/', schema: Route });
  });
  afterEach(() => routes.close());

  test('lets a write pass where the mirror knows the latest, and stops it where it does not', async () => {
    expect(await routes.put('a', { host: 'two' }, { ifUnchanged: true })).toMatchObject({ succeeded: true });
    await routes.sync();
    const release = store.interrupt();
    await store.put('/routes/a', '{"host":"other"}');
    expect(await routes.put('a', { host: 'three' }, { ifUnchanged: true })).toMatchObject({ succeeded: false });
    expect(await stored('/routes/a')).toBe('{"host":"other"}');
    release();
    await routes.sync();
    expect(await routes.put('a', { host: 'three' }, { ifUnchanged: true })).toMatchObject({ succeeded: true });
  });

  test('means absent for a key that the mirror does not know', async () => {
    expect(await routes.put('new', { host: 'x' }, { ifUnchanged: true })).toMatchObject({ succeeded: true });
    const other = { host: 'y' };
    const release = store.interrupt();
    await store.put('/routes/theirs', '{"host":"theirs"}');
    expect(await routes.put('theirs', other, { ifUnchanged: true })).toMatchObject({
      succeeded: false,
      current: { key: '/routes/theirs' },
    });
    expect(await stored('/routes/theirs')).toBe('{"host":"theirs"}');
    release();
  });

  test('is the revision of the bad value for a problem', async () => {
    const { revision } = await store.put('/routes/a', '{"host":1}');
    await routes.waitFor(revision);
    expect(routes.get('a')?.value).toEqual({ host: 'one', port: 80 });
    expect(routes.problems()).toMatchObject([{ key: 'a', revision } satisfies Partial<Problem>]);
    expect(await routes.put('a', { host: 'good' }, { ifUnchanged: true })).toMatchObject({ succeeded: true });
  });

  test('of a delete', async () => {
    const release = store.interrupt();
    await store.put('/routes/b', '{"host":"b"}');
    expect(await routes.delete('b', { ifUnchanged: true })).toMatchObject({
      succeeded: false,
      current: { key: '/routes/b' },
    });
    release();
    await routes.sync();
    expect(await routes.delete('b', { ifUnchanged: true })).toMatchObject({ succeeded: true, deleted: 1 });
    expect(await routes.delete('never', { ifUnchanged: true })).toMatchObject({ succeeded: true, deleted: 0 });
    expect(await stored('/routes/b')).toBeUndefined();
    const again = store.interrupt();
    await store.put('/routes/a', '{"host":"two"}');
    expect(await routes.delete('a', { ifUnchanged: true })).toMatchObject({ succeeded: false });
    expect(await stored('/routes/a')).toBe('{"host":"two"}');
    again();
  });

  test('with decode: lazy, also of values that nobody has read', async () => {
    await using lazy = await mirror(store, { prefix: '/routes/', schema: Route, decode: 'lazy' });
    expect(await lazy.put('a', { host: 'two' }, { ifUnchanged: true })).toMatchObject({ succeeded: true });
  });

  test.each([
    [{ ifUnchanged: true, ifAbsent: true }, /two guards/],
    [{ ifUnchanged: true, ifModRevision: 1 }, /two guards/],
    [{ ifUnchanged: false }, /must be true/],
    [{ ifUnchanged: 1 }, /must be true/],
    [{ ifUnchangd: true }, /no option "ifUnchangd"/],
    [{ ignoreValue: true }, /no option "ignoreValue"/],
    ['ifUnchanged', /takes an object/],
  ])('and other options that can not be are refused: %j', async (options, message) => {
    const error = await refusal(routes.put('a', { host: 'x' }, options as never));
    expect(error).toMatchObject({ code: 'invalid-argument', outcome: 'not-applied' });
    expect(error.message).toMatch(message);
    expect(await stored('/routes/a')).toBe('{"host":"one"}');
  });

  test('options that can not be read are refused', async () => {
    const hostile = {
      get ifUnchanged(): never {
        throw new Error('a bad getter');
      },
    };
    for (const call of [routes.put('a', { host: 'x' }, hostile), routes.delete('a', hostile)]) {
      expect(await refusal(call)).toMatchObject({
        code: 'invalid-argument',
        outcome: 'not-applied',
        message: expect.stringContaining('a bad getter'),
      });
    }
  });
});

describe('what fails its check is never sent', () => {
  const broken = (changes: Partial<Codec<unknown>>): Codec<unknown> => ({ ...json(), ...changes });
  const schema = (validate: (value: unknown) => unknown): StandardSchemaV1<unknown, unknown> => ({
    '~standard': { version: 1, vendor: 'test', validate: validate as never },
  });
  const rejecting = Promise.reject(new Error('too late'));
  rejecting.catch(() => undefined);

  test.each<[what: string, options: object, value: unknown, says: RegExp]>([
    ['by its schema', { schema: Route }, { host: 1 }, /value of "\/x\/k" fails its schema: host: .*string/],
    [
      'by its schema, once stored',
      { schema: z.object({ at: z.date() }) },
      { at: new Date(0) },
      /as it would be stored/,
    ],
    ['without a JSON form', { codec: json() }, undefined, /can't be written as json: JSON has no form for undefined/],
    ['a number too large for JSON', { codec: json() }, { n: 1n }, /can't be written as json: .*BigInt/],
    ['a circle', { codec: json() }, circle(), /can't be written as json: .*circular/],
    ['no text', { codec: text() }, 5, /must be a string/],
    ['a text with a lone surrogate', { codec: text() }, '\ud800', /lone surrogate/],
    ['no bytes', { codec: bytes() }, 'x', /must be a Uint8Array/],
    ['a codec that throws', { codec: broken({ encode: () => throwing('no ink') }) }, 1, /no ink/],
    ['a codec that gives a number', { codec: broken({ encode: () => 5 as never }) }, 1, /string or a Uint8Array/],
    ['a codec that gives a promise', { codec: broken({ encode: () => rejecting as never }) }, 1, /synchronous/],
    ['a codec that reads a promise', { codec: broken({ decode: () => rejecting }) }, 1, /asynchronous/],
    [
      'a codec that can not read what it wrote',
      { codec: broken({ encode: () => '{' }) },
      1,
      /can't be read again as json/,
    ],
    [
      'a schema that throws',
      { schema: schema((v) => (v === undefined ? { issues: [] } : throwing('oh'))) },
      1,
      /schema of the value of "\/x\/k" threw: oh/,
    ],
    ['a schema that rejects', { schema: schema((v) => (v === undefined ? { issues: [] } : rejecting)) }, 1, /too late/],
    [
      'a schema that finds something later',
      { schema: schema((v) => (v === undefined ? { issues: [] } : Promise.resolve({ issues: [{ message: 'no' }] }))) },
      1,
      /fails its schema: no/,
    ],
  ])('%s', async (_what, options, value, says) => {
    await using config = (await mirror(store, { prefix: '/x/', ...options })) as unknown as Mirror<unknown, unknown>;
    for (const write of [
      () => config.put('k', value),
      () => config.put('k', value, { ifUnchanged: true }),
      () => config.putOp('k', value),
    ]) {
      const error = await refusal(write());
      expect(error).toMatchObject({ code: 'invalid-argument', outcome: 'not-applied', retryable: false });
      expect(error.message).toMatch(says);
    }
    expect((await store.list({ prefix: '' })).count).toBe(0);
  });

  test('has the issues of its schema as its cause', async () => {
    await using routes = await mirror(store, { prefix: '', schema: Route });
    const { cause } = await refusal(routes.put('a', { host: 1 } as never));
    expect(cause).toEqual([expect.objectContaining({ path: ['host'], message: expect.any(String) })]);
  });

  test('without encode() in its codec it is unsupported', async () => {
    await using config = await mirror(store, { prefix: '', codec: { name: 'mine', decode: () => 1 } });
    expect(await refusal(config.put('a', 1))).toMatchObject({
      code: 'unsupported',
      outcome: 'not-applied',
      message: expect.stringContaining('(mine) has no encode(value)'),
    });
    expect((await store.list({ prefix: '' })).count).toBe(0);
  });

  test('nor is anything through a read-only view, or a mirror that is closed', async () => {
    const config = await mirror(readOnly(store), { prefix: '', codec: json() });
    expect(await refusal(config.put('a', 1))).toMatchObject({ code: 'permission-denied', outcome: 'not-applied' });
    await config.close();
    for (const call of [config.put('a', 1), config.delete('a'), config.putOp('a', 1)]) {
      expect(await refusal(call)).toMatchObject({ code: 'closed', outcome: 'not-applied' });
    }
  });

  test.each([[undefined], [5], ['']])('a key that is none is refused: %j', async (key) => {
    await using config = await mirror(store, { prefix: '', codec: json() });
    expect(await refusal(config.put(key as never, 1))).toMatchObject({
      code: 'invalid-argument',
      outcome: 'not-applied',
    });
  });

  test('by a signal that aborts while the schema is asked', async () => {
    const never = schema((value) => (value === undefined ? { issues: [] } : new Promise(() => undefined)));
    await using config = await mirror(store, { prefix: '', schema: never });
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const call = refusal(config.put('a', 1, { signal: controller.signal }));
    controller.abort(reason);
    expect(await call).toMatchObject({ code: 'aborted', outcome: 'not-applied', cause: reason });
  });
});

describe('an asynchronous schema that takes its time', () => {
  /** Answers when it is let go. */
  function slowSchema() {
    let go: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (go = resolve));
    const schema: StandardSchemaV1<unknown, unknown> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => (value === undefined ? { issues: [] } : gone.then(() => ({ value }))),
      },
    };
    return { schema, go };
  }

  test('is waited for no longer than timeoutMs', async () => {
    await using config = await mirror(store, { prefix: '', schema: slowSchema().schema });
    expect(await refusal(config.put('a', 1, { timeoutMs: 20 }))).toMatchObject({
      code: 'timeout',
      outcome: 'not-applied',
    });
    expect(await refusal(config.put('a', 1, { timeoutMs: -1 }))).toMatchObject({ code: 'invalid-argument' });
  });

  test('lets nothing be written through a mirror that was closed meanwhile', async () => {
    const { schema, go } = slowSchema();
    const config = await mirror(store, { prefix: '', schema });
    const putting = refusal(config.put('a', 1));
    const closing = config.close();
    go();
    expect(await putting).toMatchObject({ code: 'closed', outcome: 'not-applied' });
    await closing;
    expect(await stored('a')).toBeUndefined();
  });

  test('is left by a signal, whatever its reason is', async () => {
    await using config = await mirror(store, { prefix: '', schema: slowSchema().schema });
    const reason = new StoreError('session-lost', 'the lease ran out');
    expect(await refusal(config.put('a', 1, { signal: AbortSignal.abort(reason) }))).toMatchObject({
      code: 'aborted',
      outcome: 'not-applied',
      cause: reason,
    });
  });
});

describe('putOp()', () => {
  test('gives an operation of a transaction, checked', async () => {
    await using gateway = await mirror(store, {
      prefix: '/gw/',
      collections: { routes: { schema: Route }, limits: { key: 'limits', codec: json<number>() } },
    });
    const ops = [await gateway.routes.putOp('a', { host: 'one' }), await gateway.limits.putOp('limits', 5)];
    const { revision, succeeded } = await store.txn({ then: ops });
    expect(succeeded).toBe(true);
    await gateway.waitFor(revision);
    expect(gateway.routes.get('a')?.value.host).toBe('one');
    expect(gateway.limits.value).toBe(5);
    expect(await gateway.routes.putOp('a', { host: 'x' }, { ignoreLease: true })).toMatchObject({ ignoreLease: true });
    expect(await refusal(gateway.routes.putOp('a', { host: 'x' }, { ttl: 5 } as never))).toMatchObject({
      code: 'invalid-argument',
    });
  });
});

test('values are typed by what the schema takes, or by the codec', async () => {
  await using routes = await mirror(store, { prefix: '', schema: Route });
  expectTypeOf<Parameters<typeof routes.put>[1]>().toEqualTypeOf<{ host: string; port?: number | undefined }>();
  await using numbers = await mirror(store, { prefix: '', codec: json<number>(), transform: (n) => String(n) });
  expectTypeOf<Parameters<typeof numbers.put>[1]>().toEqualTypeOf<number>();
  expectTypeOf(numbers.get('')?.value).toEqualTypeOf<string | undefined>();
  await using limit = await mirror(store, { key: 'k', codec: json<number>() });
  expectTypeOf<Parameters<typeof limit.set>[0]>().toEqualTypeOf<number>();
  await using gateway = await mirror(store, {
    prefix: '/gw/',
    codec: text(),
    collections: {
      routes: { schema: Route },
      limits: { key: 'limits', codec: json<{ rps: number }>() },
      typed: collection({ schema: Route, transform: ({ port }) => port }),
      plain: {},
    },
  });
  expectTypeOf<Parameters<typeof gateway.routes.put>[1]>().toEqualTypeOf<{ host: string; port?: number | undefined }>();
  expectTypeOf<Parameters<typeof gateway.limits.set>[0]>().toEqualTypeOf<{ rps: number }>();
  expectTypeOf<Parameters<typeof gateway.typed.put>[1]>().toEqualTypeOf<{ host: string; port?: number | undefined }>();
  expectTypeOf<Parameters<typeof gateway.plain.put>[1]>().toEqualTypeOf<string>();
  const { revision } = await gateway.plain.put('a', 'text');
  await gateway.waitFor(revision);
  expect([limit.value, gateway.plain.get('a')?.value]).toEqual([undefined, 'text']);
  // Where a function only reads, its parameter says so.
  const reading: Mirror<{ host: string; port: number }> = routes;
  expectTypeOf<Parameters<typeof reading.put>[1]>().toEqualTypeOf<never>();
  expect(reading.get('a')).toBeUndefined();
});

function throwing(message: string): never {
  throw new Error(message);
}

function circle(): object {
  const value: Record<string, unknown> = {};
  return Object.assign(value, { value });
}
