import type { Clock, TimerHandle } from '@holdfast/store';

export interface ProgressQuestions {
  /**
   * Whether the member that serves the stream answers progress requests in order with the events; `undefined` if that can't be
   * told now.
   */
  readonly isOrdered: (signal: AbortSignal) => Promise<boolean | undefined>;
  /** Asks for progress. */
  readonly ask: () => void;
  /** It could not be told. Called once. */
  readonly unknown: () => void;
}

export interface ProgressTimerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** The interval in milliseconds. */
  readonly progressMs: number;
}

/** Intervals differ by up to a tenth, so that a fleet does not ask in step. */
const JITTER = 0.1;

/**
 * Asks for progress at intervals, on servers whose answers are in order (docs/traps.md#trap-10). Where that can't be told, the question is
 * put again, at twice the interval each time: a server of unknown version is not asked for progress. Its own, by default every
 * ten minutes, is always exact.
 */
export class ProgressTimer {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #intervalMs: number;
  readonly #questions: ProgressQuestions;
  readonly #stopping = new AbortController();
  #ordered: boolean | undefined;
  #timer: TimerHandle;
  #asking = false;
  #ticks = 0;
  #nextQuestion = 1;

  constructor({ clock, random, progressMs }: ProgressTimerOptions, questions: ProgressQuestions) {
    this.#clock = clock;
    this.#random = random;
    this.#intervalMs = progressMs;
    this.#questions = questions;
  }

  /** The first watch of the stream is confirmed: its header has named the member. */
  start(): void {
    if (this.#timer !== undefined || this.#stopping.signal.aborted) return;
    void this.#find();
    this.#arm();
  }

  stop(): void {
    this.#stopping.abort();
    this.#clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#tick();
        if (!this.#stopping.signal.aborted && this.#ordered !== false) this.#arm();
      },
      this.#intervalMs * (1 + JITTER * (2 * this.#random() - 1)),
    );
  }

  #tick(): void {
    this.#ticks += 1;
    if (this.#ordered === true) this.#questions.ask();
    else if (!this.#asking && this.#ticks >= this.#nextQuestion) void this.#find();
  }

  async #find(): Promise<void> {
    this.#asking = true;
    const ordered = await this.#questions.isOrdered(this.#stopping.signal).catch(() => undefined);
    this.#asking = false;
    if (this.#stopping.signal.aborted) return;
    this.#ordered = ordered;
    if (ordered !== undefined) return;
    if (this.#nextQuestion === 1) this.#questions.unknown();
    this.#nextQuestion = this.#ticks + 2 * this.#nextQuestion;
  }
}
