import type { Clock } from './clock.js';
import type { StoreError } from './errors.js';
import { addAbortListener, removeAbortListener } from './abort-listeners.js';

export interface DeadlineOptions {
  readonly clock: Clock;
  /** Milliseconds; `undefined` for no limit of its own. */
  readonly ms: number | undefined;
  /** Ends the work too. */
  readonly signal: AbortSignal | undefined;
  /** What it rejects with when the time is out. */
  readonly late: () => StoreError;
}

/** Handed to the work: `extend` begins the time anew, for work that shows that it goes on. */
export interface Deadline {
  readonly signal: AbortSignal;
  extend(): void;
}

/**
 * Runs `work` with a signal that aborts when the time is out or the outer signal aborts. Rejects at that moment, even if
 * the work takes no notice: a store that hangs must not hang the mirror with it. Leaves no timer and no listener.
 */
export async function withDeadline<T>(
  { clock, ms, signal, late }: DeadlineOptions,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = () => {
    controller.abort(signal?.reason);
  };
  if (signal?.aborted === true) throw signal.reason;
  addAbortListener(signal, abort);
  const start = () =>
    ms === undefined
      ? undefined
      : clock.setTimeout(() => {
          controller.abort(late());
        }, ms);
  let timer = start();
  const extend = () => {
    if (timer !== undefined) clock.clearTimeout(timer);
    timer = controller.signal.aborted ? undefined : start();
  };
  const aborted = new Promise<never>((_resolve, reject) => {
    addAbortListener(controller.signal, () => {
      reject(controller.signal.reason as Error);
    });
  });
  try {
    return await Promise.race([work({ signal: controller.signal, extend }), aborted]);
  } finally {
    if (timer !== undefined) clock.clearTimeout(timer);
    removeAbortListener(signal, abort);
  }
}
