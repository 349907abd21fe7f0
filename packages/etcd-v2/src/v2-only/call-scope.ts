import { isStoreError, StoreError, type CallOptions, type Clock } from '@holdfast/store';
import {
  addAbortListener,
  checkNames,
  messageOf,
  removeAbortListener,
  withOutcome,
  type CallKind,
  type DriverCall,
} from '@holdfast/store/adapter';

/** Runs calls outside of the contract under the same limits: the caller's signal, a time-out, the end of the store. */
export class CallScope {
  readonly #clock: Clock;
  readonly #timeoutMs: number | undefined;
  readonly #closing = new AbortController();

  constructor(clock: Clock, timeoutMs: number | undefined) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** @param more names of the call's options beside `signal` and `timeoutMs` */
  async run<T>(
    kind: CallKind,
    options: CallOptions | undefined,
    more: readonly string[],
    call: (call: DriverCall) => Promise<T>,
  ): Promise<T> {
    const { signal, timeoutMs = this.#timeoutMs } = this.#check(options, more, kind);
    const ending = new AbortController();
    const onAbort = (): void => {
      ending.abort(new StoreError('aborted', 'the call was aborted by its signal', { cause: signal?.reason }));
    };
    const onClosing = (): void => {
      ending.abort(this.#closing.signal.reason);
    };
    const timer =
      timeoutMs === undefined
        ? undefined
        : {
            handle: this.#clock.setTimeout(() => {
              ending.abort(new StoreError('timeout', `the store did not answer within ${timeoutMs} ms (timeoutMs)`));
            }, timeoutMs),
          };
    addAbortListener(signal, onAbort);
    addAbortListener(this.#closing.signal, onClosing);
    if (signal?.aborted === true) onAbort();
    if (this.#closing.signal.aborted) onClosing();
    try {
      return await call({ signal: ending.signal });
    } catch (error) {
      throw withKind(error, kind);
    } finally {
      if (timer !== undefined) this.#clock.clearTimeout(timer.handle);
      removeAbortListener(signal, onAbort);
      removeAbortListener(this.#closing.signal, onClosing);
    }
  }

  close(reason: StoreError): void {
    this.#closing.abort(reason);
  }

  #check(options: CallOptions = {}, more: readonly string[], kind: CallKind): CallOptions {
    try {
      checkNames(options, ['signal', 'timeoutMs', ...more], 'the call');
      const { timeoutMs } = options;
      if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs < 2 ** 31)) {
        throw new StoreError(
          'invalid-argument',
          `timeoutMs must be a number of milliseconds above 0 and below 2^31, not ${String(timeoutMs)}`,
        );
      }
      return options;
    } catch (error) {
      throw kind === 'write' && isStoreError(error) ? withOutcome(error, 'not-applied') : error;
    }
  }
}

function withKind(error: unknown, kind: CallKind): StoreError {
  const known = isStoreError(error)
    ? error
    : new StoreError('internal', `the adapter failed unexpectedly: ${messageOf(error)}; please report it`, {
        cause: error,
      });
  return kind === 'write' && known.outcome === undefined ? withOutcome(known, 'unknown') : known;
}

/**
 * Checks a node's path for the v2-only calls: `/a/b`, with hidden segments (`/a/_b`) too.
 *
 * @throws StoreError `invalid-argument`.
 */
export function checkPath(path: unknown): string {
  const bad =
    typeof path !== 'string' ||
    !path.startsWith('/') ||
    /\p{Surrogate}/u.test(path) ||
    path
      .slice(1)
      .split('/')
      .some((segment) => segment === '' || segment === '.' || segment === '..');
  if (!bad) return path;
  throw new StoreError(
    'invalid-argument',
    `${JSON.stringify(path)} is no path of a node; write one such as /app/queue, without a slash at its end`,
    { outcome: 'not-applied' },
  );
}

/** @throws StoreError `invalid-argument`. */
export function checkTtl(ttl: unknown): number {
  if (Number.isSafeInteger(ttl) && (ttl as number) >= 1) return ttl as number;
  throw new StoreError('invalid-argument', `ttl must be a whole number of seconds from 1, not ${String(ttl)}`, {
    outcome: 'not-applied',
  });
}

/** @throws StoreError `invalid-argument` for text that v2 would change */
export function checkText(value: unknown): string {
  if (typeof value === 'string' && !/\p{Surrogate}/u.test(value)) return value;
  throw new StoreError('invalid-argument', 'the value must be a string without lone surrogates: etcd v2 keeps text', {
    outcome: 'not-applied',
  });
}
