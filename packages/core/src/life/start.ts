import { StoreError } from '@holdfast/store';
import { detached, holdProcess, removeAbortListener, whenAborted } from '@holdfast/store/adapter';
import type { Runtime } from '../runtime/runtime.js';
import { RunLoop } from './run-loop.js';

export interface Started {
  /** Resolves when the mirror has loaded. Rejects if it can't; then the mirror is closed and nothing of it still runs. */
  readonly loaded: Promise<void>;
  /** Resolves when the mirror has closed and its last task has ended. */
  readonly done: Promise<void>;
}

/** Starts a mirror's loop, bounded by `startTimeoutMs` and ended by `signal`. */
export function start(runtime: Runtime): Started {
  const { clock, signal, startTimeoutMs, unref } = runtime.settings;
  const release = holdProcess();
  const timer = clock.setTimeout(() => {
    runtime.close(tooLate(runtime));
  }, startTimeoutMs);
  const onAbort = () => {
    runtime.close(
      new StoreError('aborted', `the mirror of ${runtime.settings.range.toString()} was aborted`, {
        cause: signal?.reason,
      }),
    );
  };
  let isLoaded = false;
  const loop = detached(() =>
    Promise.resolve().then(() =>
      new RunLoop(runtime).run(() => {
        isLoaded = true;
        if (unref) release();
        clock.clearTimeout(timer);
        resolveLoaded();
      }),
    ),
  );
  let resolveLoaded: () => void = () => undefined;
  const loadedOrEnded = new Promise<void>((resolve) => {
    resolveLoaded = resolve;
  });
  const done = loop.finally(() => {
    release();
    clock.clearTimeout(timer);
    removeAbortListener(signal, onAbort);
    resolveLoaded();
  });
  whenAborted(signal, onAbort);
  const loaded = loadedOrEnded.then(async () => {
    if (isLoaded) return;
    await done;
    const { current } = runtime.state;
    const error =
      (current.status === 'closed' ? current.error : undefined) ?? new StoreError('closed', 'the mirror is closed');
    runtime.failedToStart(error);
    throw error;
  });
  return { loaded, done };
}

function tooLate(runtime: Runtime): StoreError {
  const { range, startTimeoutMs } = runtime.settings;
  const { trouble } = runtime;
  const where = trouble?.endpoint === undefined ? '' : ` at ${trouble.endpoint}`;
  const why = trouble === undefined ? 'the store did not answer' : `the last failure${where}: ${trouble.message}`;
  return new StoreError(
    'timeout',
    `the mirror of ${range.toString()} could not load from ${runtime.store.name} within ${startTimeoutMs} ms; ${why}. Check the endpoints, or raise startTimeoutMs`,
    { cause: trouble, endpoint: trouble?.endpoint },
  );
}
