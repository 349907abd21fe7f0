import { Fifo } from '@holdfast/store/adapter';

/** The longest slice of work before the event loop turns, in milliseconds. */
const SLICE_MS = 2;
/** A slice this short does not earn a turn of the event loop. It is taken off the next slice. */
const LITTLE_MS = SLICE_MS / 4;
/** With more bytes of waiting messages the call is paused. It is resumed below a quarter of that. */
const HIGH_WATER_BYTES = 16 * 1024 * 1024;

/** Stops and restarts the flow of messages. */
export interface Flow {
  pause(): void;
  resume(): void;
}

/** Does the first step of the work on a message. Returns an iteration over the other steps, if one was not enough. */
export type Work = (message: Buffer, more: boolean) => Iterator<void> | undefined;

interface QueuedMessage {
  readonly message: Buffer;
  readonly more: boolean;
}

/**
 * Works through messages strictly in order, in slices that don't block the event loop: a catch-up may arrive as one message of tens
 * of megabytes. The work on a message can pause after each step. Waiting messages are bounded: flow control slows
 * down a server that sends faster than this process decodes.
 */
export class MessagePump {
  readonly #work: Work;
  readonly #flow: Flow;
  readonly #stopwatch: () => number;
  readonly #queue = new Fifo<QueuedMessage>();
  #queuedBytes = 0;
  #paused = false;
  #current: Iterator<void> | undefined;
  #afterwards: (() => void) | undefined;
  #turn: NodeJS.Immediate | undefined;
  // The time spent in this turn of the event loop. Several messages may arrive in one turn.
  #spentMs = 0;
  #running = false;
  #stopped = false;

  /** @param stopwatch milliseconds from any beginning, such as `performance.now`. */
  constructor(work: Work, flow: Flow, stopwatch: () => number) {
    this.#work = work;
    this.#flow = flow;
    this.#stopwatch = stopwatch;
  }

  /** @param more whether what is pushed next is the next part of this message */
  push(message: Buffer, more: boolean): void {
    if (this.#stopped) return;
    // Nearly all messages come one by one, to nobody who is busy: those need no queue.
    if (!this.#running && !this.#hasWork() && this.#spentMs < SLICE_MS) {
      this.#run({ message, more });
      return;
    }
    this.#queue.push({ message, more });
    this.#queuedBytes += message.length;
    if (this.#queuedBytes > HIGH_WATER_BYTES && !this.#paused) {
      this.#paused = true;
      this.#flow.pause();
    }
    this.#run();
  }

  /** Calls back when all pushed messages are done. Nothing may be pushed afterwards. */
  finish(afterwards: () => void): void {
    if (this.#stopped) return;
    this.#afterwards = afterwards;
    this.#run();
  }

  /** Forgets everything. */
  stop(): void {
    this.#stopped = true;
    this.#queue.clear();
    this.#current = undefined;
    this.#afterwards = undefined;
    if (this.#turn !== undefined) clearImmediate(this.#turn);
    this.#turn = undefined;
  }

  /** @param next a message that comes before all that wait; none does then */
  #run(next?: QueuedMessage): void {
    // A listener may push or finish during its own message. The outer loop continues with that.
    if (this.#running) return;
    this.#running = true;
    const began = this.#stopwatch() - this.#spentMs;
    try {
      if (next !== undefined) {
        this.#begin(next);
        this.#spentMs = this.#stopwatch() - began;
      }
      while (this.#spentMs < SLICE_MS && this.#step()) this.#spentMs = this.#stopwatch() - began;
    } finally {
      // Whatever a listener throws: messages after it must not wait for ever.
      this.#running = false;
    }
    if (this.#stopped || (this.#spentMs < LITTLE_MS && !this.#hasWork())) return;
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#spentMs = 0;
      if (this.#hasWork()) this.#run();
    });
  }

  #begin({ message, more }: QueuedMessage): void {
    const rest = this.#work(message, more);
    if (!this.#stopped) this.#current = rest;
  }

  #hasWork(): boolean {
    return this.#current !== undefined || this.#queue.length > 0 || this.#afterwards !== undefined;
  }

  /** Does one step of the current message. `false` if nothing is left to do. */
  #step(): boolean {
    if (this.#current === undefined) {
      const next = this.#queue.shift();
      if (next === undefined) {
        const afterwards = this.#afterwards;
        this.#afterwards = undefined;
        afterwards?.();
        return false;
      }
      this.#queuedBytes -= next.message.length;
      if (this.#paused && this.#queuedBytes < HIGH_WATER_BYTES / 4) {
        this.#paused = false;
        this.#flow.resume();
      }
      this.#begin(next);
    } else if (this.#current.next().done === true) this.#current = undefined;
    return !this.#stopped;
  }
}
