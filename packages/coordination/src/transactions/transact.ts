import {
  isStoreError,
  StoreError,
  type CallOptions,
  type Compare,
  type ConfigStore,
  type Revision,
} from '@holdfast/store';
import {
  abortable,
  Backoff,
  checkStore,
  checkWhole,
  invalidArgument,
  safeRandom,
  sleep,
  withOutcome,
} from '@holdfast/store/adapter';
import { checkCapabilities } from '../capabilities.js';
import { checkSessionClock, type SessionClock } from '../util/elapsed.js';
import { checkCallOptions, withLimits } from '../util/limits.js';
import { Attempt, type Committed } from './attempt.js';
import type { Transaction } from './transaction.js';

/** Options of {@link transact}. `signal` and `timeoutMs` bound all attempts together, and a function that never returns. */
export interface TransactOptions extends CallOptions {
  /** How often the function runs at most. Default: 10. */
  readonly attempts?: number | undefined;
  /** What must hold when the writes happen, such as `held.compare`. Where it does not, `transact()` fails with `conflict`, and does not try again. */
  readonly if?: readonly Compare[] | undefined;
  /** Default: the system's. */
  readonly clock?: SessionClock | undefined;
  /** Gives a number in [0, 1), for delays. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** What the function returned in the attempt that counts, and the revision at which its writes happened. */
export interface Transacted<T> {
  readonly value: T;
  readonly revision: Revision;
}

const DEFAULT_ATTEMPTS = 10;
// Others who want the same keys are done in about this time.
const RETRY = { initialMs: 5, maxMs: 200 };

/**
 * Runs a function whose reads and writes happen as one transaction. Where somebody else changed what it had read, nothing is written and it
 * runs again: so it must have no effects but those through `tx`.
 *
 * @throws whatever the function throws: then nothing was written. StoreError `conflict`, with `retryable: true`, where every attempt met changes by others, and
 * with `retryable: false` where a condition of `if` does not hold; `unsupported`, and what the store says. With `outcome: 'unknown'` the writes may have happened.
 */
export async function transact<T>(
  store: ConfigStore,
  run: (tx: Transaction) => T | PromiseLike<T>,
  options: TransactOptions = {},
): Promise<Transacted<Awaited<T>>> {
  checkStore(store, 'transact()');
  if (typeof run !== 'function') throw invalidArgument('transact() takes a function as its second argument');
  const limits = checkCallOptions(options, 'transact()', ['attempts', 'if', 'clock', 'random']) as CallOptions;
  const attempts =
    options.attempts === undefined ? DEFAULT_ATTEMPTS : checkWhole(options.attempts, 'attempts', 'attempts');
  const conditions = options.if ?? [];
  if (!Array.isArray(conditions))
    throw invalidArgument('"if" of transact() must be an array of compares, such as [held.compare]');
  const clock = checkSessionClock(options.clock);
  const backoff = new Backoff({ ...RETRY, random: safeRandom(options.random) });
  checkCapabilities(store, 'transact()', ['transactions']);
  return withLimits(limits, { clock, what: 'the transaction' }, async (signal) => {
    for (let attempt = 1; ; attempt += 1) {
      const result = await runOnce(store, run, conditions, signal);
      if (result !== 'again') return result;
      if (attempt === attempts) throw contended(attempts);
      await sleep(clock, backoff.next(), signal);
    }
  });
}

async function runOnce<T>(
  store: ConfigStore,
  run: (tx: Transaction) => T | PromiseLike<T>,
  conditions: readonly Compare[],
  signal: AbortSignal,
): Promise<Transacted<Awaited<T>> | 'again'> {
  const attempt = new Attempt(store, signal);
  let value: Awaited<T>;
  try {
    value = await abortable((async () => run(attempt))(), signal);
    await abortable(attempt.settle(), signal);
  } catch (error) {
    if (signal.aborted) throw withOutcome(signal.reason as StoreError, 'not-applied');
    if (attempt.isStale) return 'again';
    throw error;
  } finally {
    attempt.end();
  }
  if (attempt.isStale) return 'again';
  const committed = await commit(attempt, conditions, signal);
  if (committed === 'conflict') return 'again';
  if (committed === 'refused') throw refused();
  return { value, revision: committed.revision };
}

async function commit(attempt: Attempt, conditions: readonly Compare[], signal: AbortSignal): Promise<Committed> {
  try {
    return await attempt.commit(conditions);
  } catch (error) {
    // The caller's own limit is what ended it. Whether the writes happened, the store knows better.
    if (signal.aborted && isStoreError(error))
      throw withOutcome(signal.reason as StoreError, error.outcome ?? 'unknown');
    throw error;
  }
}

function contended(attempts: number): StoreError {
  const message = `others changed what the transaction had read, in each of its ${attempts} attempts; try again later, or allow more (attempts)`;
  return new StoreError('conflict', message, { retryable: true, outcome: 'not-applied' });
}

function refused(): StoreError {
  const message =
    'a condition of the transaction ("if") does not hold, so nothing was written; if it is the compare of a lock, the lock is lost';
  return new StoreError('conflict', message, { retryable: false, outcome: 'not-applied' });
}
