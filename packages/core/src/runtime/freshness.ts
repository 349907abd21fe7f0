import type { Clock, TimerHandle } from '@holdfast/store';
import { Watermark } from '../util/watermark.js';

/** The start of a read: what the read proves is true as of then. */
export interface Mark {
  readonly ticket: number;
  readonly at: number;
}

// Of all mirrors: one read may be a proof for several of them, and comes before or after what each of them wants to have proved.
let issued = 0;

/** To be called right before a read. */
export function beginMark(clock: Clock): Mark {
  issued += 1;
  return { ticket: issued, at: clock.now() };
}

/**
 * What is known of the mirror's completeness (M1, M7): reads that began at some moment and that the mirror has caught up with.
 * The arrival of an event is no such proof: it says that the stream is alive, not how far it is behind.
 */
export class Freshness {
  readonly #clock: Clock;
  readonly #livenessMs: number;
  readonly #onExpired: () => void;
  readonly #proved = new Watermark();
  #isStopped = false;
  #asOf: number | undefined;
  #savedAsOf: number | undefined;
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

  /** The mirror has everything that was committed before the mark. Returns whether that is recent. */
  prove({ ticket, at }: Mark): boolean {
    if (ticket > this.#proved.value) {
      this.#asOf = at;
      this.#startTimer();
      this.#proved.set(ticket);
    }
    return this.isRecent;
  }

  /**
   * Whether nothing was proved yet by a read that began later. Otherwise what a read at the mark has brought is in the mirror
   * already, or it is of a history that was replaced meanwhile: it must not be taken in.
   */
  isCurrent({ ticket }: Mark): boolean {
    return ticket > this.#proved.value;
  }

  /** The ticket of the newest mark that was proved. */
  get proved(): number {
    return this.#proved.value;
  }

  /** As of when the mirror is complete: by a proof, or by the saved copy that it shows. */
  get asOf(): number | undefined {
    return this.#asOf ?? this.#savedAsOf;
  }

  /** The same by a proof. */
  get provedAsOf(): number | undefined {
    return this.#asOf;
  }

  /** What a saved copy says of itself. It proves nothing. */
  assume(asOf: number): void {
    this.#savedAsOf = asOf;
  }

  get isRecent(): boolean {
    return this.#asOf !== undefined && this.#clock.now() - this.#asOf < this.#livenessMs;
  }

  /**
   * For who asks for the state now: a process that was blocked has fired no timer yet, and what ran out meanwhile must not pass
   * for recent in the turn that follows.
   */
  notice(): void {
    if (this.#timer === undefined || this.isRecent) return;
    this.#clearTimer();
    this.#onExpired();
  }

  /** Resolves once the mirror is proved complete as of the mark; rejects with the signal's reason. */
  until(mark: Mark, signal: AbortSignal): Promise<void> {
    return this.#proved.until(mark.ticket, signal);
  }

  /** For good: what is proved by a read that was still under way starts no timer any more (M11). */
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
    // Never longer than a proof lasts, wherever the wall clock was set to in the meantime.
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
