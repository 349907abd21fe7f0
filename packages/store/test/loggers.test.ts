import { Writable } from 'node:stream';
import { createStore } from '@holdfast/store/adapter';
import { fromPino, isStoreError, type Logger, type PinoLogger, StoreError } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';
import { pino } from 'pino';
import winston from 'winston';
import { ScriptDriver, BOOKMARK } from './support/script-driver.js';

/** Lets a store log that a listener of its user threw `thrown`. */
async function report(logger: unknown, thrown: unknown): Promise<void> {
  const driver = new ScriptDriver();
  const watch = createStore(driver, { logger: logger as Logger }).watch({ prefix: '' });
  watch.onState(({ status }) => {
    if (status === 'live') throw thrown;
  });
  driver.sinks[0]?.established(BOOKMARK);
  await watch.close();
}

/** What a logger wrote, one JSON object a line. */
class Lines extends Writable {
  readonly written: Record<string, unknown>[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const line of chunk.toString().split('\n')) if (line !== '') this.written.push(JSON.parse(line) as never);
    done();
  }
}

const BOOM = Object.assign(new TypeError('boom', { cause: new Error('the root') }), { code: 'E_BOOM' });
const TEXT = expect.stringMatching(/^a state listener of a watch failed/);

describe('a logger of pino keeps everything', () => {
  const lines = new Lines();
  const parent = pino({ level: 'debug' }, lines);

  afterEach(() => {
    lines.written.length = 0;
  });

  test.each<[string, () => unknown, object]>([
    ['pino itself', () => parent, {}],
    ['a child, such as the log of a request in Fastify', () => parent.child({ reqId: 'r1' }), { reqId: 'r1' }],
    ['one with serializers of its own', () => pino({ serializers: { req: () => 'request' } }, lines), {}],
    [
      'one whose error serializer is replaced',
      () => pino({ serializers: { err: (error: unknown) => error } }, lines),
      {},
    ],
    ['one with another key for errors', () => pino({ errorKey: 'failure' }, lines), {}],
    ['one that is wrapped, by fromPino()', () => fromPino(wrap(parent)), {}],
  ])('%s', async (_what, logger, bound) => {
    await report(logger(), BOOM);
    expect(lines.written).toMatchObject([
      { level: 50, msg: TEXT, err: { stack: expect.stringMatching(/boom[^]*loggers/) }, ...bound },
    ]);
    expect(JSON.stringify(lines.written[0]?.['err'])).toMatch(/TypeError.*boom.*the root/);
  });

  test('its level is respected, and its method keeps its object', async () => {
    await report(pino({ level: 'fatal' }, lines), BOOM);
    expect(lines.written).toEqual([]);
  });
});

/** A class around pino, as frameworks have it. */
function wrap(logger: pino.Logger): PinoLogger {
  const pass = (level: 'debug' | 'info' | 'warn' | 'error') => (details: object, message: string) => {
    logger[level](details, message);
  };
  return { debug: pass('debug'), info: pass('info'), warn: pass('warn'), error: pass('error') };
}

describe('winston keeps everything, as it is', () => {
  const { combine, errors, json, splat, timestamp } = winston.format;

  test.each([
    ['json', json()],
    [
      'json with everything that its documentation recommends',
      combine(timestamp(), errors({ stack: true }), splat(), json()),
    ],
  ])('as %s', async (_what, format) => {
    const lines = new Lines();
    const transports = [new winston.transports.Stream({ stream: lines })];
    const logger = winston.createLogger({ level: 'debug', format, transports, defaultMeta: { service: 'gateway' } });
    await report(logger.child({ reqId: 'r1' }), BOOM);
    expect(lines.written).toMatchObject([
      {
        level: 'error',
        message: TEXT,
        service: 'gateway',
        reqId: 'r1',
        error: {
          name: 'TypeError',
          message: 'boom',
          code: 'E_BOOM',
          cause: { message: 'the root' },
          stack: expect.any(String),
        },
      },
    ]);
  });

  test('as text: what matters is in the message itself', async () => {
    const written: string[] = [];
    const stream = new Writable({ write: (chunk, _, done) => (written.push(String(chunk)), done()) });
    const format = winston.format.printf(({ level, message }) => `${level}: ${String(message)}`);
    await report(winston.createLogger({ format, transports: [new winston.transports.Stream({ stream })] }), BOOM);
    expect(written.join('')).toMatch(/^error: a state listener of a watch failed: boom/);
  });
});

describe('console, and what follows its order of arguments', () => {
  const error = jest.fn<(...args: unknown[]) => void>();
  beforeEach(() => {
    error.mockClear();
  });

  test('gets the error itself, as far as anyone can tell', async () => {
    await report({ error }, BOOM);
    expect(error).toHaveBeenCalledTimes(1);
    const [message, details] = error.mock.calls[0] as [string, { error: TypeError }];
    expect(message).toEqual(TEXT);
    expect(details.error).toBeInstanceOf(TypeError);
    expect(details.error).toMatchObject({ message: 'boom', code: 'E_BOOM', cause: { message: 'the root' } });
    expect(Object.keys(BOOM)).toEqual(['code']);
  });

  test('a StoreError stays one', async () => {
    await report({ error }, new StoreError('timeout', 'no answer', { endpoint: 'a:1' }));
    const [, details] = error.mock.calls[0] as [string, { error: StoreError }];
    expect(isStoreError(details.error, 'timeout')).toBe(true);
    expect(JSON.parse(JSON.stringify(details.error))).toMatchObject({ code: 'timeout', endpoint: 'a:1' });
  });

  test('gets no control characters, of whichever set, and no endless text', async () => {
    await report({ error }, new Error(`\u001b[31m red\r\n\u009b31m ${'long '.repeat(10_000)}`));
    const [message, details] = error.mock.calls[0] as [string, { error: Error }];
    for (const text of [message, details.error.message, JSON.stringify(details.error), details.error.stack ?? '']) {
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
      expect(text.length).toBeLessThan(10_000);
    }
    expect(message).toMatch(/\\u\{1b\}\[31m red/);
  });

  test('a percent sign is no placeholder that takes the details away', async () => {
    await report({ error }, new Error('100%d of %s'));
    const [message, details] = error.mock.calls[0] as [string, object];
    expect(message).not.toMatch(/%[a-z]/);
    expect(details).toMatchObject({ error: { message: '100%d of %s' } });
  });
});

describe('a logger that can not be', () => {
  test.each([[null], ['console'], [5], [Promise.resolve(console)]])('%p is refused', (logger) => {
    expect(() => createStore(new ScriptDriver(), { logger: logger as never })).toThrow(
      /logger must be an object.*pino/,
    );
  });

  test.each([[undefined], [null], ['pino'], [{}], [{ debug: () => 0, info: () => 0, warn: () => 0 }]])(
    'fromPino(%p) is refused',
    (logger) => {
      expect(() => fromPino(logger as never)).toThrow(/fromPino\(\) takes a logger such as pino/);
    },
  );
});

test('their types fit', () => {
  expectTypeOf<pino.Logger>().toExtend<Logger>();
  expectTypeOf<pino.BaseLogger>().toExtend<Logger>();
  expectTypeOf<pino.Logger>().toExtend<PinoLogger>();
  expectTypeOf<winston.Logger>().toExtend<Logger>();
  expectTypeOf<Console>().toExtend<Logger>();
});
