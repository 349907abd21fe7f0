import { realIntervals } from './real-timers.js';

/** The longest interval that Node can wait: nothing is to be done when it is over. */
const LONGEST_MS = 2 ** 31 - 1;

let holds = 0;
let timer: ReturnType<typeof realIntervals.setInterval> | undefined;

/**
 * Keeps the process alive until the returned function is called. With it, sockets and timers need not: one connection serves calls and
 * watches that must keep the process alive, and watches that must not.
 */
export function holdProcess(): () => void {
  holds += 1;
  timer ??= realIntervals.setInterval(() => undefined, LONGEST_MS);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    holds -= 1;
    if (holds > 0) return;
    realIntervals.clearInterval(timer);
    timer = undefined;
  };
}

/** Keeps the process alive until the work is done. */
export async function holdDuring<T>(work: Promise<T>): Promise<T> {
  const release = holdProcess();
  try {
    return await work;
  } finally {
    release();
  }
}

const background = new WeakSet<AbortSignal>();

/**
 * Lets the process end although calls under this signal are under way: nobody waits for them, as for the reads of a mirror with `unref`.
 * A call that is made of others hands it on.
 */
export function runInBackground(signal: AbortSignal): void {
  background.add(signal);
}

export function isInBackground(signal: AbortSignal | undefined): boolean {
  return signal !== undefined && background.has(signal);
}
