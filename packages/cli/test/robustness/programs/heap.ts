import { setTimeout as delay } from 'node:timers/promises';

/** What is reachable, in bytes: the least of several looks, since what was just let go may have finalizers still to run. */
export async function heapUsed(): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < 3; look++) {
    await delay(10);
    global.gc?.();
    const { heapUsed: heap, external } = process.memoryUsage();
    least = Math.min(least, heap + external);
  }
  return least;
}

/** What keeps the process alive now, by kind, but for its own pipes. */
export function handles(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => kind !== 'PipeWrap' && kind !== 'TTYWrap');
}
