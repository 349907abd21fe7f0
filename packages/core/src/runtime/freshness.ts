import { type Clock, type TimerHandle } from '@holdfast/store';
import { Threshold } from '../util/watermark.js';

/** The moment right before a read. The read's result is true as of then. */
export interface Mark {
  readonly ticket: number;
  readonly at: number;
}

// Counted over all mirrors: one read may prove something for several of them.
let issued = 0;

/** To be called right before a read. */
export function beginMark(clock: Clock): Mark {
  issued += 1;
  return { ticket: issued, at: clock.now() };
}

/**
 * Knows as of when the mirror is complete (M1, M7): since the mark of the newest read that the mirror has caught up with. The arrival
 * of an event proves nothing: it shows that the stream is alive, not how far it is behind.
 */
export class Evidence {
  readonly #clock: Clock;
  readonly #livenessMs: number;
  readonly #onExpired: () => void;
  readonly #proved = new Threshold();
  #isStopped = false;
  #asOf: number | undefined;
  #timer: TimerHandle = undefined;

  constructor(clock: Clock, livenessMs: number, onExpired: () => void) {
    this.#clock = clock;
    this.#livenessMs = livenessMs;
    this.#onExpired = onExpired;
  }

  /** To be called right before a read. */
  begin(): Mark {
    return beginMark(this.#clock);
  }

  /** The mirror contains everything committed before the mark. Returns whether that is recent. */
  prove({ ticket, at }: Mark): boolean {
    if (ticket > this.#proved.value) {
      this.#asOf = at;
      this.#startTimer();
      this.#proved.set(ticket);
    }
    return this.isRecent;
  }

  /**
   * Whether no later read has proved anything yet. Otherwise the result of a read at the mark must not be installed: it is in the
   * mirror already, or it is of a history that was replaced meanwhile.
   */
  isCurrent({ ticket }: Mark): boolean {
    return ticket > this.#proved.value;
  }

  /** The ticket of the newest proved mark. */
  get proved(): number {
    return this.#proved.value;
  }

  get asOf(): number | undefined {
    return this.#asOf;
  }

  get isRecent(): boolean {
    return this.#asOf !== undefined && this.#clock.now() - this.#asOf < this.#livenessMs;
  }

  /**
   * To be called before the state is read: in a process that was blocked, the timer may be overdue, and a proof that is too old must
   * not count as recent.
   */
  notice(): void {
    if (this.#timer === undefined || this.isRecent) return;
    this.#clearTimer();
    this.#onExpired();
  }

  /** Resolves when the mirror is proved complete as of the mark. Rejects with the signal's reason. */
  until(mark: Mark, signal: AbortSignal): Promise<void> {
    return this.#proved.until(mark.ticket, signal);
  }

  /** Ends it for good: a read that is still under way starts no timer any more (M11). */
  stop(): void {
    this.#isStopped = true;
    this.#clearTimer();
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #startTimer(): void {
    this.#clearTimer();
    if (this.#isStopped) return;
    // At most `livenessMs`, even if the wall clock was set back.
    const left = Math.min(this.#livenessMs, (this.#asOf ?? 0) + this.#livenessMs - this.#clock.now());
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#onExpired();
      },
      Math.max(0, left),
    );
  }
}
