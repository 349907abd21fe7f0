import type { Clock } from '@holdfast/store';

/** Started now. Call it for the milliseconds that have passed since. */
export function stopwatch(clock: Clock): () => number {
  const read = () => clock.monotonic?.() ?? clock.now();
  const began = read();
  // A clock that stands in for a monotonic one may have been set back.
  return () => Math.max(0, read() - began);
}
