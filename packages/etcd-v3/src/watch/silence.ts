import type { Clock, TimerHandle } from '@holdfast/store';

export interface SilenceOptions {
  readonly clock: Clock;
  /** After this long without any message the server is asked for something that it must answer, in milliseconds. */
  readonly silenceMs: number;
  /** How long that answer, or the one to a watch's creation, may take, in milliseconds. */
  readonly answerMs: number;
}

type SilenceState =
  | { readonly name: 'heard' }
  /** `excused`: the timer was late, and what had come by then was given its turn. */
  | { readonly name: 'asked'; readonly since: number; readonly excused: boolean }
  | { readonly name: 'stopped' };

/** A timer that is this late says that the process was blocked, and that answers may be waiting to be read; in milliseconds. */
const LATE_MS = 100;
/** How long reading them is given, in milliseconds. */
const READING_MS = 100;

/**
 * Notices a stream on which nothing comes any more. Keepalive pings see a broken connection, but not a server, or a
 * proxy in between, that answers pings and nothing else. A missing progress answer alone proves nothing, since one
 * watch that is behind mutes progress for its stream; so `ask` must send something that is always answered, and say so
 * by `expect`.
 */
export class SilenceDetector {
  readonly #options: SilenceOptions;
  readonly #ask: () => void;
  readonly #onSilent: (silentMs: number) => void;
  #state: SilenceState = { name: 'heard' };
  #lastHeard: number;
  #timer: TimerHandle;
  #dueAt = 0;

  constructor(options: SilenceOptions, ask: () => void, onSilent: (silentMs: number) => void) {
    this.#options = options;
    this.#ask = ask;
    this.#onSilent = onSilent;
    this.#lastHeard = options.clock.now();
    this.#arm(options.silenceMs);
  }

  /** A message came. Cheap: the timer is left to find out. */
  heard(): void {
    this.#lastHeard = this.#options.clock.now();
    if (this.#state.name === 'asked') this.#state = { name: 'heard' };
  }

  /** Something was sent that the server must answer. */
  expect(): void {
    if (this.#state.name !== 'heard') return;
    this.#state = { name: 'asked', since: this.#options.clock.now(), excused: false };
    this.#options.clock.clearTimeout(this.#timer);
    this.#arm(this.#options.answerMs);
  }

  stop(): void {
    this.#state = { name: 'stopped' };
    this.#options.clock.clearTimeout(this.#timer);
  }

  #arm(delayMs: number): void {
    this.#dueAt = this.#options.clock.now() + delayMs;
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#check();
    }, delayMs);
  }

  #check(): void {
    const { clock, silenceMs, answerMs } = this.#options;
    const now = clock.now();
    switch (this.#state.name) {
      case 'heard': {
        // Somebody may set the wall clock back, and nothing was heard in the future.
        this.#lastHeard = Math.min(this.#lastHeard, now);
        const quietMs = now - this.#lastHeard;
        if (quietMs < silenceMs) {
          this.#arm(silenceMs - quietMs);
          return;
        }
        // Armed first: what is sent moves the timer by `expect`, and nothing is sent while nothing is watched.
        this.#arm(silenceMs);
        this.#ask();
        return;
      }
      case 'asked': {
        const waitedMs = now - this.#state.since;
        if (waitedMs < 0) {
          this.#state = { ...this.#state, since: now };
          this.#arm(answerMs);
        } else if (waitedMs < answerMs) this.#arm(answerMs - waitedMs);
        else if (now - this.#dueAt > LATE_MS && !this.#state.excused) {
          this.#state = { ...this.#state, excused: true };
          this.#arm(READING_MS);
        } else {
          this.stop();
          this.#onSilent(now - this.#lastHeard);
        }
        return;
      }
      case 'stopped':
        return;
      default:
        this.#state satisfies never;
    }
  }
}
