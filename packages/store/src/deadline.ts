import type { Clock } from './clock.js';
import type { StoreError } from './errors.js';
import { removeAbortListener, whenAborted } from './abort-listeners.js';
import { PatientTimer } from './patient-timer.js';

export interface DeadlineOptions {
  readonly clock: Clock;
  /** Milliseconds; `undefined` for no limit of its own. */
  readonly ms: number | undefined;
  /** Ends the work too. */
  readonly signal: AbortSignal | undefined;
  /** What it rejects with when the time is out. */
  readonly late: () => StoreError;
  /** For answers of others: see {@link PatientTimer}. Default: the time is over when the clock says so. */
  readonly isPatient?: boolean;
}

/** Handed to the work. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Begins the time anew, for work that shows that it goes on. */
  extend(): void;
  /** Stops the time until {@link extend}, for work that waits by itself. */
  suspend(): void;
}

/**
 * Runs `work` with a signal that aborts when the time is out or the outer signal aborts. The work is to end then, in its own way. Leaves no
 * timer and no listener.
 */
export async function withTimeLimit<T>(
  { clock, ms, signal, late, isPatient = false }: DeadlineOptions,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = () => {
    controller.abort(signal?.reason);
  };
  whenAborted(signal, abort);
  const over = () => {
    controller.abort(late());
  };
  const start = () =>
    ms === undefined ? undefined : isPatient ? patiently(clock, ms, over) : strictly(clock, ms, over);
  let stop = start();
  const suspend = () => {
    stop?.();
    stop = undefined;
  };
  const extend = () => {
    suspend();
    stop = controller.signal.aborted ? undefined : start();
  };
  try {
    return await work({ signal: controller.signal, extend, suspend });
  } finally {
    suspend();
    removeAbortListener(signal, abort);
  }
}

function strictly(clock: Clock, ms: number, over: () => void): () => void {
  const timer = clock.setTimeout(over, ms);
  return () => {
    clock.clearTimeout(timer);
  };
}

function patiently(clock: Clock, ms: number, over: () => void): () => void {
  const timer = new PatientTimer(clock, ms, over);
  return () => {
    timer.stop();
  };
}

/**
 * The same, but rejects at that moment, even if the work takes no notice: a store that hangs must not hang the mirror with it.
 */
export async function withDeadline<T>(options: DeadlineOptions, work: (deadline: Deadline) => Promise<T>): Promise<T> {
  if (options.signal?.aborted === true) throw options.signal.reason;
  return withTimeLimit(options, (deadline) => abortable(work(deadline), deadline.signal));
}

/** One caller's wait for shared work: its abort ends the wait, not the work. */
export async function abortable<T>(waiting: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return waiting;
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(signal.reason as Error);
    };
    whenAborted(signal, onAbort);
  });
  try {
    return await Promise.race([waiting, aborted]);
  } finally {
    removeAbortListener(signal, onAbort);
  }
}
