import { addAbortListener, removeAbortListener } from './abort-listeners.js';
import { lastWords, noteFailure, onFailure, timeoutAfter } from './attempt-failures.js';
import type { CallTrace } from './call-trace.js';
import type { Clock } from './clock.js';
import type { DriverCall, StoreDriver } from './driver.js';
import { isStoreError, outcomeOf, StoreError, toStoreError, withOutcome } from './errors.js';
import { checkMs, invalid, type Untrusted } from './check-options.js';
import { holdDuring, isInBackground, runInBackground } from './process-hold.js';
import { inNextTurn } from './real-timers.js';

/** A write that was interrupted may have been applied; a read leaves nothing behind. */
export type CallKind = 'read' | 'write';

/** What ends a call early, apart from its own failure. */
export interface CallLimits {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  /** Of a call that somebody listens to. */
  readonly trace?: CallTrace | undefined;
}

export function checkLimits(options: Untrusted, defaultTimeoutMs: number | undefined): CallLimits {
  const { signal, timeoutMs } = options;
  checkSignal(signal);
  return { signal, timeoutMs: timeoutMs === undefined ? defaultTimeoutMs : checkMs(timeoutMs, 'timeoutMs') };
}

/**
 * How a store runs a call, of the contract or beside it: closed-store check, options checked by name, abort, time-out. `options` are
 * what the caller gave, the names that the call takes, and the call's own name for messages. `check` looks at the arguments and returns
 * the call to run. What it throws is a refusal: nothing was sent.
 */
export type CallRunner = <T>(
  kind: CallKind,
  options: readonly [given: unknown, names: readonly string[], call: string],
  check: (given: Untrusted) => (call: DriverCall) => Promise<T>,
) => Promise<T>;

/** Shared by all calls of a store. */
export interface CallContext {
  /** Messages name the store by it. */
  readonly driver: Pick<StoreDriver, 'name' | 'endpoints' | 'keepsProcessAlive'>;
  readonly clock: Clock;
  /** Aborts, with the `closed` error as its reason, when the store closes. */
  readonly closing: AbortSignal;
}

/**
 * Runs one driver call, and ends it when its signal fires, its time is out, or the store closes. A call without a signal
 * or time-out of its own runs under `closing` alone, at no further cost.
 */
export function runCall<T>(
  kind: CallKind,
  limits: CallLimits,
  context: CallContext,
  run: (call: DriverCall) => Promise<T>,
): Promise<T> {
  const running = runWithin(kind, limits, context, run);
  return context.driver.keepsProcessAlive === false && !isInBackground(limits.signal) ? holdDuring(running) : running;
}

async function runWithin<T>(
  kind: CallKind,
  { signal, timeoutMs, trace }: CallLimits,
  { driver, clock, closing }: CallContext,
  run: (call: DriverCall) => Promise<T>,
): Promise<T> {
  if (closing.aborted) throw notSent(kind, closing.reason as StoreError);
  if (signal?.aborted === true) throw notSent(kind, aborted(signal));
  if (signal === undefined && timeoutMs === undefined && trace === undefined) {
    try {
      return await run({ signal: closing });
    } catch (error) {
      throw closing.aborted ? interruption(kind, closing, error) : toCallError(kind, error);
    }
  }
  const controller = new AbortController();
  // A view's call runs another under this signal.
  if (isInBackground(signal)) runInBackground(controller.signal);
  trace?.runsUnder(controller.signal);
  let last: StoreError | undefined;
  onFailure(controller.signal, (failure) => {
    last = failure;
    // A view's call runs inside a call of its own.
    noteFailure(signal, failure);
  });
  const onAbort = () => {
    controller.abort(signal === undefined ? undefined : aborted(signal, last));
  };
  const onClosing = () => {
    controller.abort(closing.reason);
  };
  const timer =
    timeoutMs === undefined
      ? undefined
      : clock.setTimeout(() => {
          controller.abort(
            timeoutAfter(last, `${describeStore(driver)} did not answer within ${timeoutMs} ms (timeoutMs)`),
          );
        }, timeoutMs);
  addAbortListener(signal, onAbort);
  addAbortListener(closing, onClosing);
  try {
    return await settle(kind, run({ signal: controller.signal }), controller.signal);
  } finally {
    if (timer !== undefined) clock.clearTimeout(timer);
    removeAbortListener(signal, onAbort);
    removeAbortListener(closing, onClosing);
  }
}

/** The call's result. Once the signal has fired, the driver still gets a moment to say that a write was not sent. */
async function settle<T>(kind: CallKind, running: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => undefined as void;
  const interrupted = new Promise<never>((_, reject) => {
    onAbort = () => {
      inNextTurn(() => {
        inNextTurn(() => {
          reject(interruption(kind, signal, undefined));
        });
      });
    };
    addAbortListener(signal, onAbort);
  });
  try {
    return await Promise.race([running, interrupted]);
  } catch (error) {
    if (signal.aborted) throw interruption(kind, signal, error);
    throw toCallError(kind, error);
  } finally {
    removeAbortListener(signal, onAbort);
  }
}

function interruption(kind: CallKind, signal: AbortSignal, said: unknown): StoreError {
  const reason = signal.reason as StoreError;
  if (kind === 'read') return reason;
  const outcome = isStoreError(said) && said !== reason ? outcomeOf(said) : (reason.outcome ?? 'unknown');
  const { code, message, retryable, endpoint, cause } = reason;
  // The end of the store is marked as this process's own. In all others, the cause is the failure itself.
  if (code === 'closed') return withOutcome(reason, outcome);
  return new StoreError(code, message, { cause, retryable, endpoint, outcome });
}

function describeStore({ name, endpoints = [] }: CallContext['driver']): string {
  return endpoints.length === 0 ? `the ${name} store` : `the ${name} store at ${endpoints.join(', ')}`;
}

/** Makes a `StoreError` of whatever a driver threw. The error of a write always has an outcome. */
export function toCallError(kind: CallKind, error: unknown): StoreError {
  const storeError = toStoreError(error);
  return kind === 'write' ? withOutcome(storeError, outcomeOf(storeError)) : storeError;
}

/** The error of a call that was refused before anything was sent. */
export function notSent(kind: CallKind, error: StoreError): StoreError {
  return kind === 'write' ? withOutcome(error, 'not-applied') : error;
}

/** Waits for a step before a request is sent. If that step fails, a write was not applied. */
export async function beforeSent<T>(kind: CallKind, waiting: Promise<T>): Promise<T> {
  try {
    return await waiting;
  } catch (error) {
    throw notSent(kind, toStoreError(error));
  }
}

/** @param last why the last attempt failed */
export function aborted(signal: AbortSignal, last?: StoreError): StoreError {
  const message = `the call was aborted by its signal${lastWords(last)}`;
  return new StoreError('aborted', message, { cause: signal.reason, endpoint: last?.endpoint });
}

/** @throws StoreError `invalid-argument` for anything but an AbortSignal or `undefined` */
export function checkSignal(value: unknown): asserts value is AbortSignal | undefined {
  if (value === undefined || isAbortSignal(value)) return;
  const hint = typeof value === 'object' && value !== null && 'signal' in value ? '; pass controller.signal' : '';
  throw invalid(`signal must be an AbortSignal${hint}`);
}

function isAbortSignal(value: unknown): value is AbortSignal {
  return typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value;
}
