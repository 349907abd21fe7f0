import { addAbortListener, removeAbortListener } from '@holdfast/store/adapter';

/** One caller's wait for shared work: its abort ends the wait, not the work. @throws the signal's reason */
export function untilAborted<T>(waiting: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return waiting;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) onAbort();
    addAbortListener(signal, onAbort);
    waiting.then(resolve, reject).finally(() => {
      removeAbortListener(signal, onAbort);
    });
  });
}
