import { invalid } from './check-options.js';
import type { ConfigStore } from './config-store.js';
import { isThenable } from './thenable.js';

// Enough to tell a store from anything else. Tests may pass one that has nothing but these.
const METHODS = ['get', 'list', 'watch'] as const;

/**
 * Checks that a caller without types passed a store, and not what it is made of or opened with.
 *
 * @param taker what takes it, for the message: `mirror()`
 * @param place where it was to be, for the message
 * @throws StoreError `invalid-argument` that says what to pass instead. It repeats nothing: a URL may hold a password.
 */
export function checkStore(
  given: unknown,
  taker: string,
  place = 'as its first argument',
): asserts given is ConfigStore {
  if (isStore(given)) return;
  throw invalid(`${taker} takes a store ${place}, such as memoryStore(). ${mistake(given)}`);
}

function isStore(given: unknown): boolean {
  if (typeof given !== 'object' || given === null) return false;
  try {
    const store = given as Partial<ConfigStore>;
    return (
      METHODS.every((method) => typeof store[method] === 'function') &&
      typeof store.capabilities === 'object' &&
      !isThenable(given)
    );
  } catch {
    // An object that can't be looked at is no store.
    return false;
  }
}

function mistake(given: unknown): string {
  if (isThenable(given)) return 'This is a promise: write await openStore(…)';
  if (typeof given === 'string') return 'This is a string: open a store by its URL with await openStore(url)';
  if (typeof given === 'function') return `This is a function: call it, ${given.name || 'memoryStore'}(…)`;
  if (typeof given !== 'object' || given === null) return `This is ${String(given)}`;
  if ('scheme' in given && 'open' in given)
    return 'This is an adapter: write await openStore(url, { adapters: [adapter] })';
  if ('endpoints' in given)
    return 'These are options of a store: pass them to etcdV3Store() or another function that makes one';
  return 'This is another object';
}
