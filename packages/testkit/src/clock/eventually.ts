import { asError } from '../as-error.js';
import { checkFunction, checkNumber, checkOptions } from '../check.js';
import { patience } from './patience.js';
import { realTimers } from './real-timers.js';

const { clearTimeout, now, setTimeout } = realTimers;

/** How long {@link eventually} tries, and how often. All times are in milliseconds. */
export interface EventuallyOptions {
  /** After this time the last failure is thrown. Default: 20,000. It is generous, since only a failing test waits that long. */
  readonly timeoutMs?: number;
  /** The pause between two tries. Default: 20. */
  readonly intervalMs?: number;
}

/**
 * Waits for a condition, never for time to pass: calls `assertion` until it neither throws nor returns `false`, and gives its
 * result. After `timeoutMs` it throws the last failure itself: a test then shows the assertion that failed, and not only a time-out.
 *
 * On a machine that is slow, or does much else, set the environment variable `HOLDFAST_PATIENCE`: `HOLDFAST_PATIENCE=4` makes every
 * `timeoutMs` four times as long, the default too.
 *
 * A try that is pending at the deadline fails too. It always uses the real clock, whatever clock the code under test has, and whatever fake timers
 * the test has put in place of Node's.
 */
export async function eventually<T>(
  assertion: () => T | PromiseLike<T>,
  options: EventuallyOptions = {},
): Promise<Awaited<T>> {
  checkFunction(assertion, "eventually()'s condition");
  checkOptions(options, ['timeoutMs', 'intervalMs'], 'eventually()');
  const { timeoutMs: usualMs = 20_000, intervalMs = 20 } = options;
  checkNumber(usualMs, 'timeoutMs', 'milliseconds');
  checkNumber(intervalMs, 'intervalMs', 'milliseconds');
  const timeoutMs = usualMs * patience();
  const deadline = now() + timeoutMs;
  let failure: unknown;
  let tries = 0;
  for (;;) {
    tries += 1;
    try {
      const pending = failure ?? new Error(`eventually: still waiting for try ${tries} after ${timeoutMs} ms`);
      const result = await before(deadline, assertion, pending);
      if (result !== false) return result;
      failure = new Error(`eventually: the condition was still false after ${tries} tries in ${timeoutMs} ms`);
    } catch (error) {
      failure = error;
    }
    const left = deadline - now();
    if (left <= 0) throw failure;
    await new Promise((resolve) => setTimeout(resolve, Math.min(intervalMs, left)));
  }
}

async function before<T>(deadline: number, assertion: () => T | PromiseLike<T>, late: unknown): Promise<Awaited<T>> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => {
        reject(asError(late));
      },
      Math.max(1, deadline - now()),
    );
  });
  try {
    return await Promise.race([assertion(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
