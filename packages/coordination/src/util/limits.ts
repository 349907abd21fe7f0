import { StoreError, type CallOptions, type Clock } from '@holdfast/store';
import {
  CALL_OPTIONS,
  checkMs,
  checkNames,
  checkSignal,
  removeAbortListener,
  whenAborted,
  type Untrusted,
} from '@holdfast/store/adapter';

/** How long a caller is willing to wait. `end()` leaves no timer and no listener behind. */
export interface Limits {
  /** Aborts with the `StoreError` that the call is to reject with. */
  readonly signal: AbortSignal;
  end(): void;
}

export interface LimitsOptions {
  readonly clock: Clock;
  /** What is waited for, for messages: `lock "/a"`. */
  readonly what: string | (() => string);
  /** Ends the wait too, with its own reason. */
  readonly life?: AbortSignal | undefined;
}

/** @throws StoreError `invalid-argument` for options that can't be */
export function checkCallOptions(options: unknown, call: string, more: readonly string[] = []): Untrusted {
  const given = checkNames(options, [...CALL_OPTIONS, ...more], call);
  checkSignal(given['signal']);
  if (given['timeoutMs'] !== undefined) checkMs(given['timeoutMs'], 'timeoutMs');
  return given;
}

/** Most callers set no limit. A controller of its own takes more time than all else that is done for them here. */
export function isUnlimited({ signal, timeoutMs }: CallOptions): boolean {
  return signal === undefined && timeoutMs === undefined;
}

const UNLIMITED = (): void => undefined;

/** The limits of a caller's wait. */
export function limitsOf(options: CallOptions, { clock, what: given, life }: LimitsOptions): Limits {
  if (life !== undefined && isUnlimited(options)) return { signal: life, end: UNLIMITED };
  const { signal, timeoutMs } = options;
  const what = typeof given === 'string' ? given : given();
  const controller = new AbortController();
  const onAbort = () => {
    controller.abort(
      new StoreError('aborted', `waiting for ${what} was aborted by its signal`, { cause: signal?.reason }),
    );
  };
  const onLife = () => {
    controller.abort(life?.reason);
  };
  const timer =
    timeoutMs === undefined
      ? undefined
      : clock.setTimeout(() => {
          controller.abort(new StoreError('timeout', `${what}: not within ${timeoutMs} ms (timeoutMs)`));
        }, timeoutMs);
  whenAborted(life, onLife);
  whenAborted(signal, onAbort);
  return {
    signal: controller.signal,
    end: () => {
      if (timer !== undefined) clock.clearTimeout(timer);
      removeAbortListener(signal, onAbort);
      removeAbortListener(life, onLife);
    },
  };
}

/** Runs work within a caller's limits. The work is to end by the signal. */
export async function withLimits<T>(
  options: CallOptions,
  about: LimitsOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limits = limitsOf(options, about);
  try {
    limits.signal.throwIfAborted();
    return await work(limits.signal);
  } finally {
    limits.end();
  }
}
