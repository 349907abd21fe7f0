import type { Clock, TimerHandle } from '@holdfast/store';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly owner: string;
  callback: (() => void) | undefined;
}

// The number of turns of the event loop that the work of a timer usually takes.
const SETTLING_TURNS = 2;

/**
 * The single time of a simulated world, in milliseconds. Each process has its own view, whose wall clock can be set wrong. Timers follow the
 * true time, as real ones do.
 */
export class SimClock {
  readonly #heap: Timer[] = [];
  readonly #pending = new Map<string, number>();
  #now: number;
  #order = 0;
  #fired = 0;
  /** Called after each timer, when all work that it started has settled. */
  onFired: () => void = () => undefined;
  /** Whether an owner's timers start work that must settle before time goes on. Without that, worlds with many messages run faster. */
  startsWork: (owner: string) => boolean = () => true;

  constructor(startAt = Date.UTC(2020, 0, 1)) {
    this.#now = startAt;
  }

  get now(): number {
    return this.#now;
  }

  /** The number of timers that have fired. */
  get fired(): number {
    return this.#fired;
  }

  view(owner: string): ClockView {
    return new ClockView(this, owner);
  }

  /** The number of `owner`'s timers that have not fired. */
  pendingOf(owner: string): number {
    return this.#pending.get(owner) ?? 0;
  }

  set(owner: string, callback: () => void, delayMs: number): Timer {
    const timer: Timer = {
      at: this.#now + (delayMs > 0 ? delayMs : 0),
      order: (this.#order += 1),
      owner,
      callback,
    };
    this.#pending.set(owner, this.pendingOf(owner) + 1);
    this.#push(timer);
    return timer;
  }

  clear(timer: Timer): void {
    if (timer.callback === undefined) return;
    timer.callback = undefined;
    this.#pending.set(timer.owner, this.pendingOf(timer.owner) - 1);
  }

  /** Moves time forward, and fires due timers in order. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.settle();
    for (let timer = this.#pop(until); timer !== undefined; timer = this.#pop(until)) {
      const { callback } = timer;
      this.clear(timer);
      this.#now = timer.at;
      this.#fired += 1;
      callback?.();
      if (this.startsWork(timer.owner)) await this.settle();
      this.onFired();
    }
    this.#now = until;
  }

  /** Lets all ready work run. No time passes. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < SETTLING_TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Timer;
      if (!isBefore(timer, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = timer;
  }

  /** The next timer that is due by then. */
  #pop(until: number): Timer | undefined {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || (first.callback !== undefined && first.at > until)) return undefined;
      this.#removeFirst();
      if (first.callback !== undefined) return first;
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) child += 1;
      const below = heap[child] as Timer;
      if (!isBefore(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** One process's view of the time. */
export class ClockView implements Clock {
  readonly #clock: SimClock;
  readonly #owner: string;
  #offset = 0;
  #isSuspended = false;
  /** What fell due while the process was suspended. */
  readonly #late = new Map<Timer, () => void>();

  constructor(clock: SimClock, owner: string) {
    this.#clock = clock;
    this.#owner = owner;
  }

  now(): number {
    return this.#clock.now + this.#offset;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    const timer = this.#clock.set(
      this.#owner,
      () => {
        if (this.#isSuspended) this.#late.set(timer, callback);
        else callback();
      },
      delayMs,
    );
    return timer;
  }

  clearTimeout(handle: TimerHandle): void {
    if (handle === undefined) return;
    this.#clock.clear(handle as Timer);
    this.#late.delete(handle as Timer);
  }

  /** The process does not run: no timer fires. */
  suspend(): void {
    this.#isSuspended = true;
  }

  /** Goes on. What has fallen due meanwhile fires at once, in its order. */
  resume(): void {
    this.#isSuspended = false;
    for (const [timer, callback] of this.#late) {
      this.#late.delete(timer);
      callback();
    }
  }

  /** Sets the wall clock. Timers don't notice. */
  jump(ms: number): void {
    this.#offset += ms;
  }

  get offset(): number {
    return this.#offset;
  }

  /** The number of timers of this view's owner that have not fired. */
  get pending(): number {
    return this.#clock.pendingOf(this.#owner);
  }
}
