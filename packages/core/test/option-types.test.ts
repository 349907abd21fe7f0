import {
  collection,
  type CollectionOptions,
  json,
  type KeyMirror,
  mirror,
  type Mirror,
  type StandardSchemaV1,
} from '@holdfast/core';
import { memoryStore } from '@holdfast/memory';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import { type Diagnostic, diagnosticsOf } from './support/diagnostics.js';

// cspell:ignore shcema
const HEAD = `
import { collection, json, mirror, type StandardSchemaV1 } from '@holdfast/core';
import type { ConfigStore } from '@holdfast/store';
interface Route { readonly host: string; readonly port: number }
declare const Route: StandardSchemaV1<unknown, Route>;
declare const store: ConfigStore;
`;

// Every name that a mirror of collections refuses at run time.
const RESERVED = [
  ...['state', 'health', 'name', 'on', 'once', 'off', 'close', 'sync', 'waitFor', 'problems', 'subscribe', 'changes'],
  ...['bookmark', 'revision', 'version', 'asOf', 'staleSince', 'collections', 'then', 'constructor', 'toString'],
  ...['hasOwnProperty', 'valueOf', 'isPrototypeOf', 'propertyIsEnumerable', 'toLocaleString'],
  ...['__defineGetter__', '__defineSetter__', '__lookupGetter__', '__lookupSetter__'],
];

const NAMES = `mirror(store, { prefix: '', collections: { ${RESERVED.map((name) => `${name}: {}`).join(', ')}, routes: {} } });`;

const TRANSFORM = `
mirror(store, { prefix: '', collections: { routes: { schema: Route, transform: (route) => route.port }, b: { key: 'b' } } })
  .then(({ routes, b }) => [routes.get('')?.value?.toFixed(), b.value?.byteLength]);
`;

const MISSPELT: Record<string, string> = {
  'in a collection': `mirror(store, { prefix: '', collections: { routes: { shcema: Route } } });`,
  'in a collection with other options': `mirror(store, { prefix: '', collections: { routes: { prefix: 'a/', shcema: Route } } });`,
  'in the second collection': `mirror(store, { prefix: '', collections: { a: {}, routes: { key: 'a', shcema: Route } } });`,
  'in collection()': `collection({ shcema: Route });`,
  'in collection() with other options': `collection({ prefix: 'a/', shcema: Route });`,
  'in collection() inside mirror()': `mirror(store, { prefix: '', collections: { a: collection({ key: 'a', shcema: Route }) } });`,
  'in a mirror of a prefix': `mirror(store, { prefix: '', shcema: Route });`,
  'in a mirror of a key': `mirror(store, { key: 'a', shcema: Route });`,
};

// The property that is one too many, and what to do.
const TWICE: Record<string, readonly [code: string, property: string, advice: string]> = {
  'two guards of a put': [`store.put('a', '1', { ifAbsent: true, ifModRevision: 3 });`, 'ifModRevision', 'one guard'],
  'a guard of a put, and its value': [
    `store.put('a', '1', { ifPresent: true, ifValue: '2' });`,
    'ifValue',
    'one guard',
  ],
  'two guards of a delete': [`store.delete('a', { ifValue: '1', ifModRevision: 3 });`, 'ifModRevision', 'one guard'],
  'a key and a prefix of a mirror': [`mirror(store, { key: 'a', prefix: 'b' });`, 'prefix', 'a prefix or a key'],
  'a key and a prefix of a collection': [
    `mirror(store, { prefix: '', collections: { a: { key: 'a', prefix: 'b/' } } });`,
    'prefix',
    'a prefix or a key',
  ],
  'a key and a prefix in collection()': [`collection({ key: 'a', prefix: 'b/' });`, 'prefix', 'a prefix or a key'],
  'a key and a prefix of a range': [`store.list({ prefix: 'a/', key: 'b' });`, 'key', 'a range is a key, or a prefix'],
  'a prefix and an end of a range': [
    `store.watch({ prefix: 'a/', end: 'b' });`,
    'end',
    'a range is a key, or a prefix',
  ],
};

describe('the compiler says what is wrong with the options of mirror()', () => {
  const found = new Map<string, Diagnostic[]>();

  beforeAll(() => {
    const samples = [...Object.values(MISSPELT), ...Object.values(TWICE).map(([code]) => code), NAMES, TRANSFORM];
    diagnosticsOf(samples.map((code) => HEAD + code)).forEach((diagnostics, index) =>
      found.set(samples[index] ?? '', diagnostics),
    );
  });

  test.each(Object.entries(MISSPELT))('a misspelt option is marked, and named: %s', (_, code) => {
    expect(found.get(code)).toEqual([
      {
        at: 'shcema',
        message: expect.stringMatching(/'shcema' does not exist in type [^]*Did you mean to write 'schema'\?/),
      },
    ]);
  });

  test.each(Object.entries(TWICE))(
    'of two things that exclude each other, one is named: %s',
    (_, [code, property, advice]) => {
      const [first, ...others] = found.get(code) ?? [];
      expect(others).toEqual([]);
      expect(first?.message).toContain(advice);
      expect(
        first?.at === property || first?.message.includes(`Types of property '${property}' are incompatible`),
      ).toBe(true);
    },
  );

  test("a collection cannot have the name of a mirror's member", () => {
    expect(found.get(NAMES)).toEqual(
      RESERVED.map((name) => ({
        at: name,
        message: expect.stringContaining(`choose another name, and give prefix: '${name}/'`),
      })),
    );
  });

  test('transform in a plain object knows its value', () => {
    expect(found.get(TRANSFORM)).toEqual([]);
  });

  test.each(RESERVED)('a collection cannot be called %s at run time either', async (name) => {
    const store = memoryStore();
    // A record of names that the types do not know.
    const collections: Record<string, object> = { [name]: { prefix: 'a/' } };
    await expect(mirror(store, { prefix: '', collections })).rejects.toThrow(/a collection can't be called/);
    await store.close();
  });
});

interface Route {
  readonly host: string;
  readonly port: number;
}

const Route: StandardSchemaV1<unknown, Route> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as Route }) },
};

test('transform in a plain object knows its value, and the mirror knows what it returns', async () => {
  const store = memoryStore();
  await store.put('routes/a', '{"host":"a","port":80}');
  await store.put('limits', '{"rps":7}');
  const gateway = await mirror(store, {
    prefix: '',
    collections: {
      routes: { prefix: 'routes/', schema: Route, transform: (route) => ({ url: `${route.host}:${route.port}` }) },
      limits: { key: 'limits', codec: json<{ rps: number }>(), transform: ({ rps }) => rps },
      raw: { transform: (bytes) => bytes.length },
      annotated: { codec: json<Route>(), transform: (route: Route) => route.host },
      typed: collection({ key: 'typed', schema: Route, transform: ({ port }) => port }),
      plain: {},
    },
  });
  expectTypeOf(gateway.routes.get('a')?.value).toEqualTypeOf<{ url: string } | undefined>();
  expectTypeOf(gateway.limits.value).toEqualTypeOf<number | undefined>();
  expectTypeOf(gateway.raw.get('')?.value).toEqualTypeOf<number | undefined>();
  expectTypeOf(gateway.annotated.get('')?.value).toEqualTypeOf<string | undefined>();
  expectTypeOf(gateway.typed.value).toEqualTypeOf<number | undefined>();
  expectTypeOf(gateway.plain.get('')?.value).toEqualTypeOf<Uint8Array | undefined>();
  expect(gateway.routes.get('a')?.value).toEqual({ url: 'a:80' });
  expect(gateway.limits.value).toBe(7);
  await gateway.close();
  await store.close();
});

test('transform of a collection without a codec has the value of the codec beside the collections', async () => {
  const store = memoryStore();
  const gateway = await mirror(store, {
    prefix: '',
    codec: json<Route>(),
    collections: {
      a: { transform: (route) => route.port },
      b: { schema: Route, transform: (route) => route.host },
      c: {},
    },
    onChange: ({ changes }) => {
      for (const change of changes) {
        if (change.collection === 'a' && change.type === 'put')
          expectTypeOf(change.current.value).toEqualTypeOf<number>();
      }
    },
  });
  expectTypeOf(gateway.a.get('')?.value).toEqualTypeOf<number | undefined>();
  expectTypeOf(gateway.b.get('')?.value).toEqualTypeOf<string | undefined>();
  expectTypeOf(gateway.c.get('')?.value).toEqualTypeOf<Route | undefined>();
  await gateway.close();
  await store.close();
});

test('options that are not written in place keep their types', async () => {
  const store = memoryStore();
  const plain: Record<string, CollectionOptions> = { a: { codec: json() } };
  const byName = await mirror(store, { prefix: '', collections: plain });
  expectTypeOf(byName.collections['a']?.get('')?.value).toEqualTypeOf<unknown>();
  const declared: Mirror<Route> = await mirror(store, { prefix: '', codec: json() });
  expectTypeOf(await mirror(store, { key: 'a', schema: Route })).toEqualTypeOf<KeyMirror<Route, unknown>>();
  await declared.close();
  await store.close();
});

test('the reserved names are all names of a mirror', async () => {
  const store = memoryStore();
  const gateway = await mirror(store, { prefix: '', collections: { a: {} } });
  const base = Object.getPrototypeOf(Object.getPrototypeOf(gateway)) as object;
  const members = [...Object.getOwnPropertyNames(base), ...Object.getOwnPropertyNames(Object.prototype)];
  // No literal has a property of this name: it sets the prototype.
  expect([...RESERVED, '__proto__']).toEqual(expect.arrayContaining(members));
  await gateway.close();
  await store.close();
});
