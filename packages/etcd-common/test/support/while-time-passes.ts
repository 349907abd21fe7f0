import { eventually, type VirtualClock } from '@holdfast/testkit';

/**
 * Moves the clock step by step until a call is settled: for what is a matter of time alone. However long this process stands still, it moves
 * the clock by no more than a step.
 *
 * @returns what the call gives
 */
export async function whileTimePasses<T>(clock: VirtualClock, call: Promise<T>, stepMs = 10): Promise<T> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  call.then(settle, settle);
  await eventually(
    async () => {
      await clock.advance(stepMs);
      return isSettled;
    },
    { intervalMs: 5, timeoutMs: 60_000 },
  );
  return call;
}
