import { isStoreError, StoreError } from '@holdfast/store';
import { sleep } from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';
import { stopwatch } from '../util/stopwatch.js';
import { readHead } from './read-head.js';

/** The ceilings of the first wait and of all waits, in milliseconds. */
const FIRST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 30_000;
const LEAST_WAIT_MS = 100;
/** After one to two times as long, in milliseconds, the server is read although it is slow: the line to it may be so for good. */
const PATIENCE_MS = 120_000;
/** After an answer that took so long, in milliseconds, the next wait may be twice as long: more mirrors read than the server can serve. */
const CROWDED_MS = 2_000;

/**
 * Asks for the head once.
 *
 * @returns how long the answer took, in milliseconds, if it was slow; `undefined` for a quick one, and where there is no time to wait
 */
export async function askIfBusy(runtime: Runtime, signal: AbortSignal): Promise<number | undefined> {
  if (runtime.patienceMs < LEAST_WAIT_MS) return undefined;
  const tookMs = await timeHead(runtime, signal);
  return runtime.fullLoads.isSlow(tookMs) ? tookMs : undefined;
}

/**
 * Asks for the head until that is answered quickly, with random waits in between: many mirrors that want to read everything at once come
 * one after the other then, as fast as the server can serve them (M9). A server that answers quickly is asked once.
 *
 * @param share how many times as much is to be read as a first page has
 * @param lastMs how long a slow answer took that has just come, in milliseconds: the first wait begins at once
 * @throws StoreError what a read fails with, a time-out apart, and the signal's reason
 */
export async function awaitQuick(runtime: Runtime, share: number, signal: AbortSignal, lastMs?: number): Promise<void> {
  const { clock, logger, random, range } = runtime.settings;
  // What its reads and waits took. By the clock it would be more or less where that is set meanwhile.
  let spentMs = 0;
  // Those who began together must not give up together.
  const mostMs = PATIENCE_MS * (1 + random());
  let wished: number | undefined;
  let slowMs = lastMs;
  // A mirror that must start soon reads whatever the server is busy with; and so does, in the end, every mirror.
  while (spentMs < mostMs && runtime.patienceMs >= LEAST_WAIT_MS) {
    const tookMs = slowMs ?? (await timeHead(runtime, signal));
    slowMs = undefined;
    if (!runtime.fullLoads.isSlow(tookMs)) return;
    const isFirst = wished === undefined;
    const factor = isFirst || tookMs < CROWDED_MS ? 1 : 2;
    wished = Math.min(LONGEST_WAIT_MS, (wished ?? Math.min(FIRST_WAIT_MS, tookMs * share)) * factor);
    const waitMs = Math.min(wished, runtime.patienceMs) * random();
    const cause = busy(runtime, tookMs, waitMs);
    if (isFirst) logger.info(cause.message, { range: range.toString() });
    runtime.noteTrouble(cause);
    await sleep(clock, waitMs, signal);
    spentMs += tookMs + waitMs;
  }
}

/** How long a read of the head takes, in milliseconds: one that times out takes as long as it may. */
async function timeHead(runtime: Runtime, signal: AbortSignal): Promise<number> {
  const passed = stopwatch(runtime.settings.clock);
  try {
    await readHead(runtime, signal);
  } catch (error) {
    if (signal.aborted || !isStoreError(error, 'timeout')) throw error;
  }
  return passed();
}

function busy({ settings, store }: Runtime, tookMs: number, waitMs: number): StoreError {
  const text = `${store.name} took ${Math.round(tookMs)} ms to answer a small read: it is busy. The mirror of ${settings.range.toString()} waits ${Math.round(waitMs)} ms before it reads everything`;
  return new StoreError('unavailable', text);
}
