/** Work that goes on beside a test, and ends with it, also when the test fails. */
export interface Background extends AsyncDisposable {
  /** Waits for its end. Rejects if it failed. */
  stop(): Promise<void>;
}

/** @param work goes on until it is told that it is over */
export function inBackground(work: (isOver: () => boolean) => Promise<unknown>): Background {
  let isOver = false;
  const done = work(() => isOver);
  // Told by `stop()`: a test that fails has failed for its own reason.
  const ended = done.catch(() => undefined);
  return {
    async stop() {
      isOver = true;
      await done;
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      await ended;
    },
  };
}
