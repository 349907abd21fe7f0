import { addAbortListener, removeAbortListener } from './abort-listeners.js';
import type { Clock } from './clock.js';

/** Waits. Rejects with the signal's reason as soon as it aborts. Leaves no timer and no listener behind. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = () => {
      clock.clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = clock.setTimeout(() => {
      removeAbortListener(signal, onAbort);
      resolve();
    }, delayMs);
    addAbortListener(signal, onAbort);
  });
}
