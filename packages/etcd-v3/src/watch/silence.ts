import type { Clock, TimerHandle } from '@holdfast/store';
import type { CreateRequest } from '../protobuf/watch.js';
import type { WatchFollower, WatchSubscription } from './subscription.js';

export interface SilenceOptions {
  readonly clock: Clock;
  /** After this time without any message the server gets a request that it must answer. In milliseconds. */
  readonly silenceMs: number;
  /** How long that answer may take, or the answer to a watch's creation. In milliseconds. */
  readonly answerMs: number;
}

type SilenceState =
  | { readonly name: 'heard' }
  /** `excused`: the timer was late, so messages that had arrived got time to be read. */
  | { readonly name: 'asked'; readonly since: number; readonly excused: boolean }
  | { readonly name: 'stopped' };

/** A timer this late shows that the process was blocked: answers may be waiting to be read. In milliseconds. */
const LATE_MS = 100;
/** The time for reading them, in milliseconds. */
const READING_MS = 100;

/**
 * Notices a stream on which nothing arrives any more. Keepalive pings find a broken connection, but not a server or proxy that
 * answers only pings. A missing progress answer proves nothing, since one watch that is behind mutes progress for its stream. So `ask`
 * must send a request that is always answered, and then call `expect`.
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

  /** A message arrived. Cheap: the timer notices it later. */
  heard(): void {
    this.#lastHeard = this.#options.clock.now();
    if (this.#state.name === 'asked') this.#state = { name: 'heard' };
  }

  /** A request was sent that the server must answer. */
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
        // The wall clock may have been set back: the last message can't lie in the future.
        this.#lastHeard = Math.min(this.#lastHeard, now);
        const quietMs = now - this.#lastHeard;
        if (quietMs < silenceMs) {
          this.#arm(silenceMs - quietMs);
          return;
        }
        // Armed first: `expect` moves the timer, and without watches nothing is sent.
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

/** A watch that only tests whether the server answers. Nobody writes this key. */
export const PROBE: CreateRequest = {
  key: Uint8Array.of(0),
  rangeEnd: undefined,
  startRevision: 0,
  previous: false,
  only: 'delete',
  progressNotify: false,
};

const nothing = (): void => undefined;

/** Cancels its watch when the server has confirmed it. A refusal is an answer too. */
export class ProbeFollower implements WatchFollower {
  subscription: WatchSubscription | undefined;
  readonly revision = nothing;
  readonly progress = nothing;
  readonly ended = nothing;
  readonly failed = nothing;
  readonly late = nothing;
  readonly lost = nothing;

  created(): void {
    this.subscription?.cancel();
  }
}
