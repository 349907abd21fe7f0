import type { ListOptions, ListResult, Revision } from '@holdfast/store';
import type { Runtime } from '../runtime/runtime.js';
import { FINGERPRINT_READ } from '../table/fingerprint.js';
import { checkList } from '../util/answers.js';
import { stopwatch } from '../util/stopwatch.js';
import { hasCheapHead, readHead } from './read-head.js';

/** Reads the newest entry of the mirror's range and the number of keys, at the store's head. */
export function readFingerprint(runtime: Runtime, what: string, signal: AbortSignal): Promise<ListResult> {
  return read(runtime, what, runtime.readTimeoutMs, signal, FINGERPRINT_READ);
}

/** The same at a past revision, which makes a server walk and sort the whole range: in turn with others of the store. */
export function readPastFingerprint(runtime: Runtime, signal: AbortSignal, revision: Revision): Promise<ListResult> {
  return inTurn(runtime, signal, { ...FINGERPRINT_READ, revision });
}

/** The number of keys at a past revision: a small part of the price. */
export function readPastCount(runtime: Runtime, signal: AbortSignal, revision: Revision): Promise<ListResult> {
  return inTurn(runtime, signal, { countOnly: true, revision });
}

function inTurn(runtime: Runtime, signal: AbortSignal, options: ListOptions): Promise<ListResult> {
  return runtime.historyReads.run(
    runtime.readTimeoutMs,
    signal,
    (timeoutMs) => read(runtime, 'the check of the history', timeoutMs, signal, options),
    (asking) => isQuick(runtime, asking),
  );
}

/** Whether the store answers a small read, and quickly. */
async function isQuick(runtime: Runtime, signal: AbortSignal): Promise<boolean> {
  if (!hasCheapHead(runtime)) return false;
  const passed = stopwatch(runtime.settings.clock);
  try {
    await readHead(runtime, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  }
  return !runtime.fullLoads.isSlow(passed());
}

/** @param what names the read in the error of a time-out */
async function read(
  runtime: Runtime,
  what: string,
  timeoutMs: number,
  signal: AbortSignal,
  options: ListOptions,
): Promise<ListResult> {
  const { range } = runtime.settings;
  const list = await runtime.read(what, timeoutMs, signal, (deadline) =>
    runtime.store.list(range.toRange(), { ...options, signal: deadline.signal }),
  );
  return checkList(range, list);
}
