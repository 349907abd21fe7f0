import { setTimeout as delay } from 'node:timers/promises';
import { queryObjects } from 'node:v8';

/**
 * What is reachable, in bytes: the least of several looks, since what was just let go may have finalizers still to run. As long as it is
 * more than `enough`, there are more of them, for some seconds: gRPC holds a channel that was closed while it connected for a second.
 */
export async function heapUsed(enough = Infinity): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < 3 || (look < 60 && least > enough); look++) {
    await delay(look < 3 ? 10 : 50);
    global.gc?.();
    const { heapUsed: heap, external } = process.memoryUsage();
    least = Math.min(least, heap + external);
  }
  return least;
}

/** How many objects are reachable: the least of several looks, as long as it is more than `enough`. */
export async function objectsHeld(enough = Infinity): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < 1 || (look < 20 && least > enough); look++) {
    await delay(look === 0 ? 10 : 300);
    // It collects garbage first.
    least = Math.min(least, queryObjects(Object, { format: 'count' }));
  }
  return least;
}

/** What keeps the process alive now, by kind, but for its own pipes. */
export function handles(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => kind !== 'PipeWrap' && kind !== 'TTYWrap');
}
