import { realTimers } from '../clock/real-timers.js';

/** Waits on the real clock, whatever clock a test has put in its place: at least one turn of the event loop. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => realTimers.setTimeout(resolve, ms));
}
