import type { Clock, StoreError } from '@holdfast/store';
import { addAbortListener, removeAbortListener } from '@holdfast/store/adapter';

/**
 * Runs work that ends when its signal aborts: after `limitMs` by the store's clock, with `late` as the reason, or when the outer signal
 * aborts, with that signal's reason.
 */
export async function withTimeLimit<T>(
  { clock, limitMs, late }: { readonly clock: Clock; readonly limitMs: number; readonly late: () => StoreError },
  outer: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onAbort = (): void => {
    controller.abort(outer?.reason);
  };
  const timer = clock.setTimeout(() => {
    controller.abort(late());
  }, limitMs);
  addAbortListener(outer, onAbort);
  if (outer?.aborted === true) onAbort();
  try {
    return await run(controller.signal);
  } finally {
    clock.clearTimeout(timer);
    removeAbortListener(outer, onAbort);
  }
}
