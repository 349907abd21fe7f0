import { readFileSync } from 'node:fs';

/** Milliseconds. On a busy machine a process of many threads takes some to stop. */
const PATIENCE_MS = 2_000;

/**
 * Blocks until a process that was sent SIGSTOP stands still. The signal stops the other threads only when one of them has taken it; until then
 * they go on, and a server may answer once more. Where the system has no `/proc` it returns at once.
 *
 * @throws Error if the process still runs after two seconds
 */
export function waitUntilStopped(pid: number): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const state = stateOf(pid);
    if (state === undefined || 'TZX'.includes(state)) return;
    if (performance.now() > end)
      throw new Error(`process ${pid} was sent SIGSTOP, and still runs: its state is ${state}`);
    Atomics.wait(pause, 0, 0, 1);
  }
}

/** The letter for what a process does, from Linux's `/proc`: R runs, S sleeps, T stands still, Z and X are at their end. */
function stateOf(pid: number): string | undefined {
  try {
    // The name of the program, in brackets before it, may have any characters.
    return /^.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
