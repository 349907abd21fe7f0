import type { Clock } from '@holdfast/store';
import { monotonicMs } from '@holdfast/store/adapter';

/** Started now. Call it for the milliseconds that have passed since. */
export function stopwatch(clock: Clock): () => number {
  const read = () => monotonicMs(clock);
  const began = read();
  // A clock that stands in for a monotonic one may have been set back.
  return () => Math.max(0, read() - began);
}
