import type { Clock, TimerHandle } from '@holdfast/store';
import type { VersionEvidence } from '../connection/version-evidence.js';

/** A confirmed watch, as the ledger remembers it. */
export interface ConfirmedWatch {
  /** The number of progress requests sent on the stream before the request for this watch. */
  readonly asksBefore: number;
  /** The member's head in its `created` answer. */
  readonly createdRevision: number;
}

/**
 * Whether this server answers manual progress requests in order with the events. Before 3.4.25 and 3.5.8 an answer can overtake
 * events that it claims were sent (docs/traps.md#trap-10). Such servers must not be asked.
 */
export function manualProgressIsOrdered(version: string): boolean {
  const [, major, minor, patch] = (/^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).map(Number);
  if (major === undefined || minor === undefined || patch === undefined) return false;
  if (major !== 3) return major > 3;
  if (minor === 4) return patch >= 25;
  if (minor === 5) return patch >= 8;
  return minor > 5;
}

/** The same of the member that this evidence is of; `undefined` where it does not show it. */
export function progressIsOrdered(evidence: VersionEvidence | undefined): boolean | undefined {
  switch (evidence?.from) {
    case 'status':
      return manualProgressIsOrdered(evidence.version);
    case 'refusal':
      return true;
    case 'cluster':
      // Of an older cluster, this member may be new enough, or not.
      return manualProgressIsOrdered(evidence.version) ? true : undefined;
    default:
      return undefined;
  }
}

/**
 * Works out for which watches of a stream the answer to a manual progress request counts.
 *
 * The answer carries no id. The server handles requests one by one, and answers only while all known watches of the stream are
 * synced. So an answer counts for a watch exactly if its request came after the watch's creation. But a request made while some watch
 * is behind is never answered, and answers may overtake `created` messages at the server. So only a lower bound is known for the
 * request that an answer belongs to. Every answer raises the bound by one. It also raises it past the requests before a watch whose
 * `created` named a head below the answer's revision, since heads only grow.
 */
export class ProgressLedger {
  #asked = 0;
  // The last answer belongs to this request, or to a later one.
  #answered = 0;

  /** The number of requests sent so far. A new watch notes it. */
  get asked(): number {
    return this.#asked;
  }

  ask(): void {
    this.#asked += 1;
  }

  get isAnswered(): boolean {
    return this.#answered >= this.#asked;
  }

  /** Takes an answer. Returns a test for whether it counts for a watch. */
  answer(revision: number, watches: Iterable<ConfirmedWatch>): (watch: ConfirmedWatch) => boolean {
    let bound = this.#answered + 1;
    for (const watch of watches) {
      if (revision > watch.createdRevision && watch.asksBefore >= bound) bound = watch.asksBefore + 1;
    }
    this.#answered = Math.min(bound, this.#asked);
    return (watch) => watch.asksBefore < this.#answered;
  }
}

export interface ProgressQuestions {
  /**
   * Whether the member that serves the stream answers progress requests in order with the events; `undefined` if that can't be
   * told now.
   */
  readonly isOrdered: (signal: AbortSignal) => Promise<boolean | undefined>;
  /** Asks for progress. */
  readonly ask: () => void;
  /** Whether every request was answered. */
  readonly isAnswered: () => boolean;
  /** It could not be told. Called once. */
  readonly unknown: () => void;
}

export interface ProgressTimerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** The interval in milliseconds. */
  readonly progressMs: number;
}

/** After a watch was created, progress is asked for after so many milliseconds, and then twice more at longer intervals. */
const SOON_MS = [150, 300, 600];

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
  #soon: TimerHandle;
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

  /**
   * A watch was created. Where nothing happens in its range, only progress tells that nothing was missed, and its consumer may wait for
   * that. While the server still looks for what was missed, it answers none: so it is asked more than once.
   */
  soon(asked = 0): void {
    const delayMs = SOON_MS[asked];
    if (delayMs === undefined || this.#soon !== undefined || this.#stopping.signal.aborted) return;
    if (delayMs >= this.#intervalMs) return;
    this.#soon = this.#clock.setTimeout(() => {
      this.#soon = undefined;
      if (this.#ordered === false || (asked > 0 && this.#questions.isAnswered())) return;
      if (this.#ordered === true) this.#questions.ask();
      this.soon(asked + 1);
    }, delayMs * this.#jitter());
  }

  stop(): void {
    this.#stopping.abort();
    this.#clock.clearTimeout(this.#timer);
    if (this.#soon !== undefined) this.#clock.clearTimeout(this.#soon);
  }

  #jitter(): number {
    return 1 + JITTER * (2 * this.#random() - 1);
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#tick();
      if (!this.#stopping.signal.aborted && this.#ordered !== false) this.#arm();
    }, this.#intervalMs * this.#jitter());
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
