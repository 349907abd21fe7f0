import { StoreError, type Clock, type Op } from '@holdfast/store';
import { refusedLocally } from '@holdfast/store/adapter';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mirror } from '../src/index.js';
import { scriptedStore } from './support/scripted-store.js';
import { PREFIX, thing, world, type World } from './support/world.js';

describe('starting', () => {
  let w: World;
  beforeEach(async () => {
    w = world();
    await w.data.put(`${PREFIX}a`, thing(1));
  });
  afterEach(() => w.close());

  test('while the store is unreachable it keeps trying, says why, and then loads', async () => {
    const states: unknown[] = [];
    w.script.cut(new StoreError('unavailable', 'connection refused'));
    void w.clock.advance(5_000).then(() => {
      w.script.heal();
    });
    const mirror = await w.open({ onState: (state: unknown) => states.push(state) });
    expect(mirror.size).toBe(1);
    expect(states[0]).toMatchObject({ status: 'loading', cause: { message: 'connection refused' } });
    expect(states.at(-1)).toMatchObject({ status: 'live' });
  });

  test('after startTimeoutMs it rejects with the endpoint and the last cause', async () => {
    const cause = new StoreError('unavailable', 'connect ECONNREFUSED 127.0.0.1:1', { endpoint: '127.0.0.1:1' });
    w.script.cut(cause);
    const started = w.clock.now();
    const error = await w.open({ startTimeoutMs: 7_000 }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'timeout', cause, endpoint: '127.0.0.1:1' });
    expect((error as Error).message).toMatch(/prefix "\/things\/".*memory.*7000 ms.*127\.0\.0\.1:1.*startTimeoutMs/);
    expect(w.clock.now() - started).toBeGreaterThanOrEqual(7_000);
    expect(w.clock.now() - started).toBeLessThan(8_000);
  });

  test('a store that does not answer at all is no different', async () => {
    w.script.beforeRead = () => new Promise(() => undefined);
    await expect(w.open({ startTimeoutMs: 3_000 })).rejects.toMatchObject({ code: 'timeout' });
  });

  test('a process that needs long to decode is not taken for a store that does not answer', async () => {
    for (let from = 0; from < 3_000; from += 100) {
      const put = (n: number): Op => ({ type: 'put', key: `${PREFIX}${from + n}`, value: thing(n) });
      await w.data.txn({ then: Array.from({ length: 100 }, (_, n) => put(n)) });
    }
    let looks = 0;
    let decoded = 0;
    // A mirror lets the loop turn whenever its clock has gone on, which this one does with each look.
    const clock: Clock = {
      now: () => w.clock.now() + (looks += 1),
      setTimeout: (callback, ms) => w.clock.setTimeout(callback, ms),
      clearTimeout: (timer) => {
        w.clock.clearTimeout(timer);
      },
    };
    const decode = (bytes: Uint8Array) => {
      decoded += 1;
      return bytes.length;
    };
    const pending = mirror(w.store, {
      prefix: PREFIX,
      codec: { name: 'slow', decode },
      clock,
      startTimeoutMs: 600_000,
    });
    const began = w.clock.now();
    let isOver = false;
    const over = pending.finally(() => (isOver = true)).catch(() => undefined);
    // While it decodes, seconds pass with each turn of the loop.
    while (!isOver) await w.clock.advance(decoded > 0 ? 5_000 : 1);
    await over;
    const mirrored = await pending;
    expect(mirrored.size).toBe(3_001);
    // Much longer than a store may take for a page, and each value but once.
    expect(w.clock.now() - began).toBeGreaterThan(60_000);
    expect(decoded).toBe(3_001);
    await mirrored.close();
  });

  test('missing permission is waited for: a role may be granted', async () => {
    w.script.cut(new StoreError('permission-denied', 'no'));
    await expect(w.open({ startTimeoutMs: 3_000 })).rejects.toMatchObject({
      code: 'timeout',
      cause: { code: 'permission-denied' },
    });
  });

  test.each(['invalid-argument', 'unsupported'] as const)(
    '%s that was refused in this process, before anything was sent, can not heal: it rejects at once',
    async (code) => {
      const error = refusedLocally(new StoreError(code, 'no use'));
      w.script.cut(error);
      const started = w.clock.now();
      await expect(w.open()).rejects.toBe(error);
      expect(w.clock.now() - started).toBeLessThan(100);
    },
  );

  test('a store that is closed can not heal: it rejects at once', async () => {
    const started = w.clock.now();
    const { store } = scriptedStore(w.data);
    await store.close();
    await expect(mirror(store, { prefix: PREFIX, clock: w.clock })).rejects.toMatchObject({ code: 'closed' });
    expect(w.clock.now() - started).toBeLessThan(100);
  });

  test('nor can one that is closed while the mirror loads', async () => {
    const { store, script } = scriptedStore(w.data);
    script.beforeRead = () => new Promise(() => undefined);
    const pending = mirror(store, { prefix: PREFIX, clock: w.clock });
    await Promise.all([expect(pending).rejects.toMatchObject({ code: 'closed' }), store.close()]);
  });

  test('a signal ends the load, and later the mirror', async () => {
    const early = new AbortController();
    w.script.beforeRead = () => new Promise(() => undefined);
    const pending = w.open({ signal: early.signal });
    early.abort('enough');
    await expect(pending).rejects.toMatchObject({ code: 'aborted', cause: 'enough' });
    w.script.beforeRead = () => undefined;
    await expect(w.open({ signal: early.signal })).rejects.toMatchObject({ code: 'aborted' });
    const late = new AbortController();
    const mirror = await w.open({ signal: late.signal });
    late.abort();
    expect(mirror.state).toMatchObject({ status: 'closed', error: { code: 'aborted' } });
    await mirror.close();
  });

  test('an error that is no StoreError, against the contract, is reported as internal and retried', async () => {
    let fails = 2;
    w.store.scan = (
      (scan) =>
      (...args: Parameters<typeof scan>) => {
        if (fails-- > 0) throw new TypeError('a bug');
        return scan(...args);
      }
    )(w.store.scan.bind(w.store));
    const causes: unknown[] = [];
    await w.open({ onState: (state) => causes.push('cause' in state ? state.cause : undefined) });
    expect(causes[0]).toMatchObject({ code: 'internal', cause: expect.any(TypeError) });
  });
});
