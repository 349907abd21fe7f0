import { fail } from './expect.js';

/** What the promise gives, if it does so in time; otherwise the failure of a case. */
export async function inTime<T>(promise: PromiseLike<T>, limitMs: number, message: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => {
      resolve(LATE);
    }, limitMs);
  });
  try {
    const first = await Promise.race([promise, late]);
    if (first !== LATE) return first;
  } finally {
    clearTimeout(timer);
  }
  return fail(message());
}

const LATE = Symbol('late');
