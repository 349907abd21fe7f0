import type { Token } from '@holdfast/coordination';
import type { Clock } from '@holdfast/store';
import { sleep } from '@holdfast/store/adapter';
import type { Worked } from './history.js';

/** A lock that somebody holds, of whichever client. */
export interface Grip {
  readonly token: Token;
  /** Throws if the lock is lost; a client without such a question never does. */
  check(): void;
  onLost(tell: () => void): void;
  release(): Promise<void>;
}

/** How often a holder writes, and how often at most. */
const PACE_MS = 15;

/**
 * Works as a holder does: looks whether it still holds the lock, and writes, again and again. Ends when it is told that the lock is lost, or
 * when `until` aborts; then it releases.
 */
export async function work(who: string, grip: Grip, resource: Worked, clock: Clock, until: AbortSignal): Promise<void> {
  const { token } = grip;
  let isLost = false;
  const tell = () => {
    if (!isLost) resource.note('told', who, token);
    isLost = true;
  };
  grip.onLost(tell);
  for (;;) {
    try {
      grip.check();
    } catch {
      tell();
    }
    if (isLost) return;
    if (until.aborted) break;
    resource.write(who, token);
    await sleep(clock, PACE_MS);
  }
  resource.note('released', who, token);
  await grip.release();
}
