import { type Revision, StoreError } from '@holdfast/store';
import {
  addAbortListener,
  checkMs,
  checkNames,
  checkSignal,
  holdDuring,
  removeAbortListener,
  textOf,
  whenAborted,
  withDeadline,
} from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';

export interface WaitOptions {
  /** Milliseconds; the mirror's `syncTimeoutMs` unless told. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves when everything that was committed before the call is in the mirror.
 *
 * @internal
 */
export async function sync(runtime: Runtime, options: WaitOptions = {}): Promise<void> {
  checkWait(options, 'sync()');
  const mark = runtime.freshness.begin();
  runtime.wanted.set(mark.ticket);
  await wait(runtime, 'sync()', options, (signal) => runtime.freshness.until(mark, signal));
}

/**
 * Resolves when the mirror reflects `revision` or later.
 *
 * @internal
 */
export async function waitFor(runtime: Runtime, revision: Revision | number, options: WaitOptions = {}): Promise<void> {
  if (!Number.isSafeInteger(revision) || revision < 1) {
    throw new StoreError(
      'invalid-argument',
      `waitFor() takes a revision that a write or a read gave, not ${textOf(revision)}`,
    );
  }
  checkWait(options, 'waitFor()');
  await wait(runtime, `waitFor(${revision})`, options, async (signal) => {
    const { position } = runtime.table;
    if (position.value >= revision) return;
    // A watch without a connection brings nothing meanwhile: then the read that is made can find that there is one again.
    const isConnected = runtime.reachability.current === 'connected';
    if (isConnected && (await runtime.reaches(revision, runtime.settings.graceMs, signal))) return;
    // Where the range itself is idle, or progress comes only with events, nothing else moves the mirror there.
    runtime.wanted.set(runtime.freshness.begin().ticket);
    await position.until(revision, signal);
  });
}

function checkWait(options: unknown, what: string): void {
  const { timeoutMs, signal } = checkNames(options, ['timeoutMs', 'signal'], what);
  if (timeoutMs !== undefined) checkMs(timeoutMs, 'timeoutMs');
  checkSignal(signal);
}

async function wait(
  runtime: Runtime,
  what: string,
  { timeoutMs, signal }: WaitOptions,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (runtime.signal.aborted) throw closed();
  const ms = timeoutMs ?? runtime.settings.syncTimeoutMs;
  const either = new AbortController();
  const onClose = () => {
    either.abort(closed());
  };
  const onAbort = () => {
    either.abort(new StoreError('aborted', `${what} was aborted`, { cause: signal?.reason }));
  };
  addAbortListener(runtime.signal, onClose);
  whenAborted(signal, onAbort);
  const late = () => {
    const { status } = runtime.state.current;
    const trouble = runtime.trouble;
    const why = trouble === undefined ? '' : `; the last failure: ${trouble.message}`;
    return new StoreError(
      'timeout',
      `${what} on the mirror of ${runtime.settings.range.toString()} was not done within ${ms} ms (the mirror is ${status})${why}`,
      { cause: trouble, endpoint: trouble?.endpoint },
    );
  };
  try {
    const { clock } = runtime.settings;
    await holdDuring(withDeadline({ clock, ms, signal: either.signal, late }, (deadline) => work(deadline.signal)));
  } finally {
    removeAbortListener(runtime.signal, onClose);
    removeAbortListener(signal, onAbort);
  }
}

function closed(): StoreError {
  return new StoreError('closed', 'the mirror is closed');
}
