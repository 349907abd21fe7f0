// How the chunks of a range are taken from a call: bounded, in time, and to the end.
import { expect, test } from '@jest/globals';
import { StoreError } from '@holdfast/store';
import { virtualClock } from '@holdfast/testkit';
import { RangeCall, type RangeCallHandlers, type RangeEnd } from '../src/connection/range-call.js';
import type { StreamCall } from '../src/connection/stream-call.js';
import { build } from '../../../checks/hostile/src/protobuf.js';

/** A call that says what the test says. */
function world() {
  const clock = virtualClock();
  const stop = new AbortController();
  const done: string[] = [];
  const complaints: StoreError[] = [];
  let handlers: RangeCallHandlers | undefined;
  const stream = {
    pause: () => done.push('pause'),
    resume: () => done.push('resume'),
    cancel: () => done.push('cancel'),
  } as unknown as StreamCall;
  const call = new RangeCall(
    (given) => {
      handlers = given;
      return Promise.resolve({ status: 'answered', response: stream });
    },
    {
      clock,
      signal: stop.signal,
      endpoint: 'http://etcd:2379',
      onLacking: (why) => complaints.push(why),
      onSilence: (error) => complaints.push(error),
    },
  );
  return {
    ...{ clock, stop, done, complaints, call },
    say: (text: string) => handlers?.onMessage(build([[1, Buffer.from(text)]])),
    end: (end: RangeEnd) => handlers?.onEnd(end),
    next: async () => {
      const next = await call.next();
      return Buffer.isBuffer(next) ? next.toString() : next;
    },
  };
}

test('no more than two chunks wait for their reader', async () => {
  const { done, say, next, end } = world();
  await Promise.resolve();
  say('a');
  expect(done).toEqual([]);
  say('b');
  expect(done).toEqual(['pause']);
  expect(await next()).toBe('a');
  expect(done).toEqual(['pause', 'resume']);
  end({ status: 'ended' });
  // What came before the end is good.
  expect(await next()).toBe('b');
  expect(await next()).toEqual({ status: 'ended' });
  expect(await next()).toEqual({ status: 'ended' });
});

test.each([
  ['the first chunk', [], 2_000],
  ['a later chunk', ['a'], 5_000],
])('%s that does not come is not waited for without end', async (_which, chunks, ms) => {
  const { clock, done, say, next } = world();
  for (const chunk of chunks) {
    say(chunk);
    await next();
  }
  // Time in which nobody waits does not count.
  await clock.advance(60_000);
  const waiting = next();
  await clock.advance(ms - 1);
  expect(done).not.toContain('cancel');
  await clock.advance(1);
  expect(await waiting).toEqual({ status: 'silent' });
  expect(done).toContain('cancel');
  expect(clock.pending).toBe(0);
});

test.each([
  ['a time-out in a long silence speaks against the member', 'timeout', 600, 1],
  ['a time-out after a short one does not', 'timeout', 300, 0],
  ["a caller's abort does not", 'aborted', 600, 0],
] as const)('%s', async (_what, code, silentMs, complained) => {
  const { clock, stop, done, complaints, next, say } = world();
  const waiting = next();
  await clock.advance(silentMs);
  const error = new StoreError(code, 'over');
  stop.abort(error);
  expect(await waiting).toEqual({ status: 'aborted', error });
  expect(complaints).toHaveLength(complained);
  expect(done).toEqual(['cancel']);
  // Too late for anybody.
  say('a');
  expect(await next()).toEqual({ status: 'aborted', error });
  expect(clock.pending).toBe(0);
});

test('a call that opens only after its reader has gone is cancelled', async () => {
  const { call, done, next } = world();
  call.cancel();
  await Promise.resolve();
  await Promise.resolve();
  expect(done).toEqual(['cancel']);
  expect(await next()).toEqual({ status: 'gone' });
});
