import { describe, expect, test } from '@jest/globals';
import type { Logger, StoreError } from '@holdfast/store';
import { createStore } from '@holdfast/store/adapter';
import { BOOKMARK, ScriptDriver } from './support/script-driver.js';
import { THROWN_VALUES } from './support/thrown-values.js';
import { thrown } from './support/thrown.js';

describe('whatever a driver throws, a StoreError comes of it (trap 24)', () => {
  test.each(THROWN_VALUES)('%s, by a call', async (_what, value, text) => {
    class Failing extends ScriptDriver {
      override list(): Promise<never> {
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- That is what it is about.
        return Promise.reject(value);
      }
    }
    const failure = await thrown(() => createStore(new Failing()).list({ prefix: '' }));
    expect(failure).toMatchObject({ code: 'internal', message: expect.stringMatching(text) });
  });

  test.each(THROWN_VALUES)('%s, where a watch is opened', async (_what, value, text) => {
    class Failing extends ScriptDriver {
      override watch(): never {
        throw value as Error;
      }
    }
    const watch = createStore(new Failing()).watch({ prefix: '' });
    expect(await thrown(() => watch[Symbol.asyncIterator]().next())).toMatchObject({
      code: 'internal',
      message: expect.stringMatching(text),
    });
  });

  test.each(THROWN_VALUES)('%s, told of a watch that is interrupted and ends', async (_what, value) => {
    const driver = new ScriptDriver();
    const watch = createStore(driver).watch({ prefix: '' });
    const [sink] = driver.sinks;
    sink?.interrupted(value as StoreError);
    expect(watch.state).toMatchObject({ status: 'interrupted', cause: { code: 'internal' } });
    sink?.established(BOOKMARK);
    sink?.fail(value as StoreError);
    expect(await thrown(() => watch[Symbol.asyncIterator]().next())).toMatchObject({ code: 'internal' });
  });

  test('an argument that has no text is refused like any other', async () => {
    const store = createStore(new ScriptDriver());
    const nothing = Object.create(null) as number;
    expect(await thrown(() => store.get('a', { timeoutMs: nothing }))).toMatchObject({ code: 'invalid-argument' });
    expect(await thrown(() => store.list({ prefix: '' }, { limit: nothing }))).toMatchObject({
      code: 'invalid-argument',
    });
  });
});

describe('a logger disturbs nothing (trap 24)', () => {
  const fail = () => {
    throw new Error('the log is full');
  };
  const loggers: readonly (readonly [what: string, logger: unknown])[] = [
    ['that throws', { debug: fail, info: fail, warn: fail, error: fail }],
    ['that rejects', { error: () => Promise.reject(new Error('the log is full')) }],
    ['that lacks levels', {}],
    ['whose levels cannot be read', Object.defineProperty({}, 'error', { get: fail })],
    ['that is a function', Object.assign(() => undefined, { error: fail })],
  ];

  test.each(loggers)('one %s', async (_what, logger) => {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown) => rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    try {
      const driver = new ScriptDriver();
      const heard: string[] = [];
      const watch = createStore(driver, { logger: logger as Logger }).watch({ prefix: '' });
      watch.onState(fail);
      const failAsync: () => unknown = () => Promise.reject(new Error('later'));
      watch.onState(failAsync);
      watch.onState(({ status }) => heard.push(status));
      driver.sinks[0]?.established(BOOKMARK);
      await watch.close();
      for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
      expect(heard).toEqual(['live', 'closed']);
    } finally {
      process.off('unhandledRejection', onRejection);
    }
    expect(rejections).toEqual([]);
  });

  test('one that is no object is refused', () => {
    expect(() => createStore(new ScriptDriver(), { logger: 'console' as never })).toThrow(/logger must be an object/);
  });
});
