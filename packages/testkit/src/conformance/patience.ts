import { realTimers } from '../clock/real-timers.js';
import { fail } from './expect.js';

/** The promise's result, if it settles in time. Otherwise a case's failure. */
export async function inTime<T>(promise: PromiseLike<T>, limitMs: number, message: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = realTimers.setTimeout(() => {
      resolve(LATE);
    }, limitMs);
  });
  try {
    const first = await Promise.race([promise, late]);
    if (first !== LATE) return first;
  } finally {
    if (timer !== undefined) realTimers.clearTimeout(timer);
  }
  return fail(message());
}

const LATE = Symbol('late');
