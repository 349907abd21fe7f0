import { StoreError } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';
import type { Turns } from '../util/turns.js';

/** A wait that takes so long, in milliseconds, is told. */
const NOTICEABLE_MS = 1_000;

/** Makes a read of everything, in its turn among the mirrors of the store. A single key is not worth a wait. */
export async function inTurn<T>(runtime: Runtime, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (runtime.settings.range.key !== undefined) return work();
  const giveBack = await takeTurn(runtime, runtime.fullLoads.turns, signal);
  try {
    return await work();
  } finally {
    giveBack();
  }
}

/** Waits for a turn, and says so. A mirror that must start soon goes on without one. Resolves to what gives the turn back. */
export async function takeTurn(runtime: Runtime, turns: Turns, signal: AbortSignal): Promise<() => void> {
  if (turns.isFree) return turns.take(signal);
  const { clock, logger, range } = runtime.settings;
  const timer = clock.setTimeout(() => {
    const text = `the mirror of ${range.toString()} waits for its turn: other mirrors of ${runtime.store.name} read everything, and take long`;
    logger.info(text, { range: range.toString() });
    runtime.noteTrouble(new StoreError('unavailable', text));
  }, NOTICEABLE_MS);
  try {
    return await turns.take(signal, runtime.patienceMs);
  } finally {
    clock.clearTimeout(timer);
  }
}
