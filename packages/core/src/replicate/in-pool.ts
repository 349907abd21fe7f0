/** How much is under way at once. */
const AT_ONCE = 16;

/** Does the same with each of many, some at a time. The first failure ends it, when all that are under way have ended. */
export async function inPool<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  let next = 0;
  let hasFailed = false;
  const run = async () => {
    while (next < all.length && !hasFailed) {
      const each = all[next] as T;
      next += 1;
      try {
        await work(each);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, all.length) }, run));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
