import type { Clock, TimerHandle } from '@holdfast/store';
import { type AnyChange, type ChangeEvent, NetChanges } from './change.js';

// A steady stream of changes must not put the delivery off for ever.
const MOST_PERIODS = 10;

/** Delivers net changes once none came for `periodMs`, and at the latest ten times that after the first. */
export class Debounce<C extends AnyChange> {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #deliver: (event: ChangeEvent<C>) => void;
  readonly #pending = new NetChanges<C>();
  #first = 0;
  #timer: TimerHandle = undefined;

  constructor(clock: Clock, periodMs: number, deliver: (event: ChangeEvent<C>) => void) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#deliver = deliver;
  }

  add(event: ChangeEvent<C>): void {
    const now = this.#clock.now();
    if (this.#timer === undefined) this.#first = now;
    else this.#clock.clearTimeout(this.#timer);
    this.#pending.add(event);
    const latest = this.#first + MOST_PERIODS * this.#periodMs;
    const delay = Math.max(0, Math.min(this.#periodMs, latest - now));
    this.#timer = this.#clock.setTimeout(() => {
      this.flush();
    }, delay);
  }

  /** Delivers what there is, now. */
  flush(): void {
    this.cancel();
    const event = this.#pending.take();
    if (event !== undefined) this.#deliver(event);
  }

  cancel(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
