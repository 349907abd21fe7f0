import { describe, expect, test } from '@jest/globals';
import type { Dispatcher } from 'undici';
import { BodyBuffer } from '../src/connection/body-buffer.js';
import { HttpExchange, type ExchangeHandlers } from '../src/connection/http-exchange.js';

const controller = { abort: () => undefined } as unknown as Dispatcher.DispatchController;

/** An exchange whose handlers note that they were called, and then do what they are told to. */
function exchange(more: Partial<ExchangeHandlers>, maxBytes = 1_000) {
  const called: string[] = [];
  const made = new HttpExchange(
    {
      onHead: (head) => {
        called.push('head');
        more.onHead?.(head);
      },
      onDone: (response) => {
        called.push('done');
        more.onDone?.(response);
      },
      onFail: (error) => {
        called.push(`fail: ${error.message}`);
      },
    },
    maxBytes,
  );
  made.onRequestStart(controller);
  return { made, called };
}

const explode = (): never => {
  throw new Error('a handler threw');
};

describe('an exchange is settled exactly once', () => {
  test('where the handler of its answer throws: nobody waits for ever', () => {
    const { made, called } = exchange({ onDone: explode });
    made.onResponseStart(controller, 400, {});
    made.onResponseEnd();
    made.onResponseError(null, new Error('late'));
    expect(called).toEqual(['head', 'done', 'fail: a handler threw']);
  });

  test("where the handler of its head throws: the rest of the answer doesn't matter", () => {
    const { made, called } = exchange({ onHead: explode });
    made.onResponseStart(controller, 200, {});
    made.onResponseData(controller, Buffer.from('x'));
    made.onResponseEnd();
    expect(called).toEqual(['head', 'fail: a handler threw']);
  });

  test('where its body is too long', () => {
    const { made, called } = exchange({}, 3);
    made.onResponseStart(controller, 200, {});
    for (const chunk of ['xx', 'yy', 'zz']) made.onResponseData(controller, Buffer.from(chunk));
    made.onResponseEnd();
    expect(called).toEqual(['head', expect.stringContaining('maxResponseBytes')]);
  });
});

test('a body that comes byte by byte is the same body', () => {
  const body = new BodyBuffer();
  const text = 'ü€😀'.repeat(2_000);
  for (const byte of Buffer.from(text)) body.push(Buffer.of(byte));
  body.push(Buffer.from('end'));
  expect(body.length).toBe(Buffer.byteLength(text) + 3);
  expect(body.take()).toBe(`${text}end`);
});
