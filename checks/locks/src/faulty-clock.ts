import type { SessionClock } from '@holdfast/coordination';
import type { TimerHandle } from '@holdfast/store';

interface Timer {
  readonly callback: () => void;
  handle: NodeJS.Timeout | undefined;
}

/** The clock of one holder: of a process that is suspended, a machine that sleeps, a wall clock that is set. */
export class FaultyClock implements SessionClock {
  #wallOffset = 0;
  /** How long the monotonic clock has stood still. */
  #slept = 0;
  #stopped: { readonly at: number; readonly isAsleep: boolean } | undefined;
  readonly #due: Timer[] = [];

  now(): number {
    return Date.now() + this.#wallOffset;
  }

  monotonic(): number {
    const { at, isAsleep } = this.#stopped ?? { at: 0, isAsleep: false };
    return (isAsleep ? at : performance.now()) - this.#slept;
  }

  uptime(): number {
    return performance.now() / 1_000;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    const timer: Timer = { callback, handle: undefined };
    timer.handle = setTimeout(() => {
      if (this.#stopped === undefined) callback();
      else this.#due.push(timer);
    }, delayMs);
    return timer;
  }

  clearTimeout(handle: TimerHandle): void {
    const timer = handle as Timer;
    clearTimeout(timer.handle);
    const index = this.#due.indexOf(timer);
    if (index >= 0) this.#due.splice(index, 1);
  }

  jump(ms: number): void {
    this.#wallOffset += ms;
  }

  /** No timer fires any more. Of a machine that is asleep, the monotonic clock stands still too. */
  stop(how: 'suspended' | 'asleep'): void {
    this.#stopped = { at: performance.now(), isAsleep: how === 'asleep' };
  }

  /** Goes on. What has fallen due meanwhile fires at once, in its order. */
  resume(): void {
    const stopped = this.#stopped;
    this.#stopped = undefined;
    if (stopped?.isAsleep === true) this.#slept += performance.now() - stopped.at;
    for (let timer = this.#due.shift(); timer !== undefined; timer = this.#due.shift()) timer.callback();
  }
}
