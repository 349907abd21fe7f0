import type { FollowContext } from './follow-context.js';

/**
 * Waits until there is a watch whose history is proved.
 *
 * @param ms how long it may take, in milliseconds
 */
export async function isVerifiedWithin(follow: FollowContext, ms: number): Promise<boolean> {
  const { runtime, signal } = follow;
  const verified = async (until: AbortSignal): Promise<void> => {
    for (;;) {
      const next = follow.establishments + 1;
      await follow.verified();
      if (follow.isVerified) return;
      await follow.established(next, until);
    }
  };
  try {
    await runtime.wait('the proof of the history', ms, signal, (deadline) => verified(deadline.signal));
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  }
}
