import { afterEach, describe, expect, test } from '@jest/globals';
import { readOnly, withPrefix, type ConfigStore } from '@holdfast/store';
import { GuardedStore, nextTurn, runInBackground, type DriverCall, type KeyRange } from '@holdfast/store/adapter';
import { ScriptDriver, untilAborted } from './support/script-driver.js';

/** No socket and no timer of it keeps the process alive, and no read of it is answered. */
class SilentDriver extends ScriptDriver {
  readonly keepsProcessAlive = false;

  override list(_range: KeyRange, _options: unknown, call: DriverCall): Promise<never> {
    return untilAborted(call);
  }
}

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

const VIEWS: readonly [name: string, view: (store: ConfigStore) => ConfigStore][] = [
  ['a store', (store) => store],
  ['a view', (store) => withPrefix(store, '/app')],
  ['a view of a view', (store) => readOnly(withPrefix(store, '/app'))],
];

const CALLS: readonly [name: string, call: (store: ConfigStore, signal: AbortSignal) => Promise<unknown>][] = [
  ['get', (store, signal) => store.get('/a', { signal })],
  ['list', (store, signal) => store.list({ prefix: '/' }, { signal, timeoutMs: 600_000 })],
  ['scan', (store, signal) => store.scan({ prefix: '/' }, { signal })[Symbol.asyncIterator]().next()],
];

describe.each(VIEWS)('a call of %s', (_view, viewOf) => {
  const store = new GuardedStore(new SilentDriver());
  const ends: AbortController[] = [];
  const begin = (call: (typeof CALLS)[number][1], isInBackground: boolean): Promise<unknown> => {
    const end = new AbortController();
    ends.push(end);
    if (isInBackground) runInBackground(end.signal);
    return call(viewOf(store), end.signal).catch(() => undefined);
  };
  afterEach(() => {
    for (const end of ends.splice(0)) end.abort();
  });

  test.each(CALLS)('keeps the process alive, unless it runs in the background: %s', async (name, call) => {
    const before = timers();
    const ofItsOwn = name === 'list' ? 1 : 0;
    void begin(call, true);
    // A view's call begins another.
    await nextTurn();
    expect(timers()).toBe(before + ofItsOwn);
    const waiting = begin(call, false);
    await nextTurn();
    expect(timers()).toBe(before + 2 * ofItsOwn + 1);
    ends.at(-1)?.abort();
    await waiting;
    expect(timers()).toBe(before + ofItsOwn);
  });
});
