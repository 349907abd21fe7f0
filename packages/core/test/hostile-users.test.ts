import { type Codec, json, mirror, type Mirror } from '@holdfast/core';
import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { type Logger, StoreError } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

// What users hand to a mirror is not trusted: what it throws, or promises, stays with the key or the listener that it is about.

const BAD = '{"bad":true}';
const GOOD = '{"bad":false}';

function isBad(value: unknown): boolean {
  return (value as { readonly bad: boolean }).bad;
}

/** The three places at which a user's code meets a value: it does `act` for a bad one, and takes a good one as it is. */
const PLACES: readonly (readonly [place: string, optionsOf: (act: () => unknown) => object])[] = [
  [
    'codec',
    (act) => {
      const decode: Codec<unknown>['decode'] = (bytes) => {
        const value: unknown = JSON.parse(Buffer.from(bytes).toString());
        return isBad(value) ? act() : value;
      };
      return { codec: { name: 'own', decode } };
    },
  ],
  [
    'schema',
    (act) => {
      const validate = (value: unknown) => (value !== undefined && isBad(value) ? act() : { value });
      return { codec: json(), schema: { '~standard': { version: 1, vendor: 'own', validate } } };
    },
  ],
  [
    'value of the schema',
    (act) => {
      const validate = (value: unknown) => ({ value: value !== undefined && isBad(value) ? act() : value });
      return { codec: json(), schema: { '~standard': { version: 1, vendor: 'own', validate } } };
    },
  ],
  ['transform', (act) => ({ codec: json(), transform: (value: unknown) => (isBad(value) ? act() : value) })],
];

const DECODE = ['eager', 'lazy'] as const;

function throwing(name: string): object {
  return Object.defineProperty({}, name, {
    get: () => {
      throw new Error(`nobody may read ${name}`);
    },
  });
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe('what users hand to a mirror (trap 24)', () => {
  let store: MemoryStore;
  const opened: { close(): Promise<void> }[] = [];
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown) => rejections.push(reason);

  beforeEach(async () => {
    rejections.length = 0;
    process.on('unhandledRejection', onRejection);
    store = memoryStore();
    for (const [key, value] of Object.entries({ a: GOOD, b: BAD, c: GOOD })) await store.put(`/v/${key}`, value);
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
    await store.close();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', onRejection);
    expect(rejections).toEqual([]);
  });

  async function open(options: object): Promise<Mirror<unknown>> {
    const given: object = { prefix: '/v/', startTimeoutMs: 60_000, syncTimeoutMs: 60_000, ...options };
    const mirrored = await mirror(store, given as { prefix: string; codec: Codec<unknown> });
    opened.push(mirrored);
    return mirrored;
  }

  /** `b` has no value to show, and everything else goes on; a bad value after a good one keeps that. */
  async function expectOneProblem(mirrored: Mirror<unknown>, reason: RegExp): Promise<void> {
    const seen = [...mirrored].map(([key, { value }]) => [key, value]);
    expect(seen).toEqual(['a', 'c'].map((key) => [key, { bad: false }]));
    expect(mirrored.get('b')).toBeUndefined();
    expect(mirrored.problems()).toMatchObject([{ key: 'b', reason: expect.stringMatching(reason) }]);
    await store.put('/v/b', GOOD);
    await mirrored.sync();
    expect(mirrored.get('b')?.value).toEqual({ bad: false });
    await store.put('/v/b', BAD);
    await store.put('/v/d', GOOD);
    await mirrored.sync();
    expect(mirrored.get('b')?.value).toEqual({ bad: false });
    expect(mirrored.get('d')?.value).toEqual({ bad: false });
    expect(mirrored.problems()).toMatchObject([{ key: 'b', reason: expect.stringMatching(reason) }]);
    expect(mirrored.state.status).toBe('live');
  }

  describe.each(DECODE)('with decode: %s', (decode) => {
    describe.each(PLACES)(
      'a promise in place of a value, by the %s, is a problem of that key:',
      (_place, optionsOf) => {
        test.each<[string, () => unknown]>([
          ['one that rejects', () => Promise.reject(new Error('later'))],
          ['one that resolves', () => Promise.resolve({ value: { bad: false }, bad: false })],
          [
            'one that rejects much later',
            async () => {
              await new Promise((resolve) => setImmediate(resolve));
              throw new Error('later');
            },
          ],
          [
            'something with a then of its own',
            () => ({ then: (_: unknown, reject: (why: Error) => void) => reject(new Error('own')) }),
          ],
          [
            'something whose then throws',
            () => ({
              then: () => {
                throw new Error('own');
              },
            }),
          ],
          ['something whose then cannot be read', () => throwing('then')],
          ['a function with a then', () => Object.assign(() => undefined, { then: () => undefined })],
        ])('%s', async (_what, act) => {
          await expectOneProblem(await open({ decode, ...optionsOf(act) }), /asynchronous/);
        });
      },
    );

    describe.each(PLACES)('whatever the %s throws is a problem of that key:', (_place, optionsOf) => {
      test.each<[string, unknown, RegExp]>([
        ['an object without a prototype', Object.create(null), /shown as text/],
        ['an object whose toString throws', throwing('toString'), /shown as text/],
        ['an error whose message throws', Object.setPrototypeOf(throwing('message'), Error.prototype), /./],
        ['a revoked proxy', revoked(), /shown as text/],
        ['a symbol', Symbol('sign'), /Symbol\(sign\)/],
        ['undefined', undefined, /undefined/],
        ['a text', 'disk full', /disk full/],
      ])('%s', async (_what, thrown, reason) => {
        const act = () => {
          throw thrown;
        };
        await expectOneProblem(await open({ decode, ...optionsOf(act) }), reason);
      });
    });

    test('a codec that writes into the bytes it is given changes nothing but what it shows', async () => {
      const inPlace: Codec<string> = {
        name: 'in place',
        decode: (bytes) => {
          const text = Buffer.from(bytes).toString();
          bytes.fill(0x30);
          return text;
        },
      };
      await store.put('/v/b', 'not ASCII: é');
      // A small cache: values are decoded again and again.
      const mirrored = await open({ decode, codec: inPlace, ...(decode === 'lazy' && { cacheSize: 1 }) });
      const changed: string[][] = [];
      mirrored.on('change', ({ changes }) => changed.push(changes.map(({ key }) => key)));
      const shown = () => [...mirrored].map(([key, { value }]) => [key, value]);
      await store.put('/v/d', 'later: é');
      await mirrored.sync();
      const before = shown();
      expect(before).toEqual([
        ['a', GOOD],
        ['b', 'not ASCII: é'],
        ['c', GOOD],
        ['d', 'later: é'],
      ]);
      const goOn = store.interrupt();
      await store.compact((await store.put('/other', 'x')).revision);
      const resynced = new Promise((resolve) => mirrored.once('resync', resolve));
      goOn();
      await resynced;
      expect(shown()).toEqual(before);
      expect(changed).toEqual([['d']]);
      expect(Buffer.from((await store.get('/v/b'))!.value).toString()).toBe('not ASCII: é');
    });

    test('a codec whose name cannot be read, and issues that have no text, are told of all the same', async () => {
      const codec = Object.assign(throwing('name'), {
        decode: (bytes: Uint8Array) => {
          const text = Buffer.from(bytes).toString();
          if (text === BAD) throw new Error('not mine');
          return JSON.parse(text) as unknown;
        },
      });
      await expectOneProblem(await open({ decode, codec }), /not mine/);
    });

    test('issues that have no text are a problem all the same', async () => {
      const nothing: unknown = Object.create(null);
      const validate = (value: unknown) =>
        value !== undefined && isBad(value)
          ? { issues: [{ message: nothing, path: [nothing, { key: nothing }] }] }
          : { value };
      const schema = { '~standard': { version: 1, vendor: 'own', validate } };
      await expectOneProblem(await open({ decode, codec: json(), schema }), /fails its schema/);
    });

    test('in a collection too', async () => {
      const gateway = await mirror(store, {
        prefix: '/v',
        collections: {
          things: {
            prefix: '/',
            codec: json(),
            transform: (value: unknown) => (isBad(value) ? Promise.reject(new Error('later')) : value),
          },
        },
        decode,
      });
      opened.push(gateway);
      expect([...gateway.things].map(([key]) => key)).toEqual(['a', 'c']);
      expect(gateway.problems()).toMatchObject([
        { collection: 'things', key: 'b', reason: expect.stringMatching(/asynchronous/) },
      ]);
    });
  });

  test('a JSON value with a field `then` is a value', async () => {
    await store.put('/v/b', '{"then":"later","bad":false}');
    const mirrored = await open({ codec: json() });
    expect(mirrored.get('b')?.value).toEqual({ then: 'later', bad: false });
  });

  test('listeners that are async and reject, or give a promise of their own kind, are reported and disturb nobody', async () => {
    const reported: string[] = [];
    const logger = { error: (_: string, { error }: { error: Error }) => reported.push(error.message) };
    const rejecting = (what: string) => async () => {
      await Promise.resolve();
      throw new Error(what);
    };
    const mirrored = await open({
      codec: json(),
      transform: (value: unknown) => {
        if (isBad(value)) throw new Error('bad');
        return value;
      },
      logger,
      onChange: rejecting('onChange'),
      onInvalid: rejecting('onInvalid'),
      onState: rejecting('onState'),
    });
    mirrored.on('change', () => ({
      then: (_: unknown, reject: (why: Error) => void) => reject(new Error('own promise')),
    }));
    mirrored.once('change', rejecting('once'));
    mirrored.subscribe(rejecting('replay'), { replay: true });
    mirrored.subscribe(rejecting('debounced'), { debounceMs: 1 });
    await store.put('/v/d', GOOD);
    const all = ['onChange', 'onInvalid', 'onState', 'own promise', 'once', 'replay', 'debounced'];
    await eventually(() => {
      expect(new Set(reported)).toEqual(new Set(all));
    });
  });

  describe('a logger', () => {
    const fail = () => {
      throw new Error('the log is full');
    };
    const rejects = () => Promise.reject(new Error('the log is full'));
    test.each<[string, object]>([
      ['that throws', { debug: fail, info: fail, warn: fail, error: fail }],
      ['that rejects', { debug: rejects, info: rejects, warn: rejects, error: rejects }],
      ['that lacks levels', {}],
      [
        'whose levels cannot be read',
        ['debug', 'info', 'warn', 'error'].reduce((all, name) => Object.defineProperty(all, name, { get: fail }), {}),
      ],
    ])('%s disturbs nothing', async (_what, logger) => {
      const mirrored = await open({ codec: json(), logger: logger as Logger, onChange: fail, onState: rejects });
      // It is told of trouble, of a resync, and of listeners that fail.
      const goOn = store.interrupt();
      await store.put('/v/d', GOOD);
      await store.compact((await store.put('/v/e', GOOD)).revision);
      goOn();
      await eventually(() => {
        expect(mirrored.has('e')).toBe(true);
        expect(mirrored.state.status).toBe('live');
      });
    });

    test('that is no object is refused at once', async () => {
      await expect(open({ logger: 'console' })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/logger/),
      });
    });
  });

  test.each<[string, object | undefined]>([
    ['a schema that cannot be read', { schema: throwing('~standard') }],
    ['no schema but null', { schema: null }],
    ['a signal that is none', { signal: {} }],
    ['an option that cannot be read', throwing('codec')],
  ])('%s is refused as an argument', async (_what, options) => {
    const descriptors = { prefix: { value: '/v/', enumerable: true }, ...Object.getOwnPropertyDescriptors(options) };
    await expect(mirror(store, Object.create(null, descriptors) as { prefix: string })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  test.each<[string, () => number]>([
    ['are no numbers', () => Number.NaN],
    ['are out of range', () => 7],
    [
      'throw',
      () => {
        throw new Error('no more');
      },
    ],
  ])('random numbers that %s end nothing that is to be tried again', async (_what, random) => {
    const scan = store.scan.bind(store);
    let failures = 3;
    store.scan = (...args) => {
      if (failures-- > 0) throw new StoreError('unavailable', 'not yet');
      return scan(...args);
    };
    const mirrored = await open({ codec: json(), random, backoff: { initialMs: 1, maxMs: 5 } });
    expect(mirrored.has('a')).toBe(true);
  });
});
