import { Fifo } from '@holdfast/store/adapter';
import type { SimClock } from '@holdfast/simulation';
import type { Machine } from '../server/machine.js';
import { Processor } from '../server/processor.js';

/** The CPU time of one client process, which does one thing after another. */
export interface ClientCpu {
  run(costMs: number, done: () => void): void;
}

/** A process on a machine of its own. */
export class OwnCpu implements ClientCpu {
  readonly #clock: SimClock;
  #busyUntil = 0;

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  run(costMs: number, done: () => void): void {
    this.#busyUntil = Math.max(this.#busyUntil, this.#clock.now) + costMs;
    this.#clock.set('client', done, this.#busyUntil - this.#clock.now);
  }
}

/** How long a process is busy with what it has read from one socket, before it turns to the next: 64 KiB are some 110 events. */
const SLICE_MS = 2;

/**
 * A process of several clients that shares its cores with the server and with other processes. It reads from all of their connections in
 * turn: an answer that comes behind many events waits until nearly all clients have read theirs.
 */
export class SharedProcess {
  readonly #processor: Processor;

  constructor(clock: SimClock, machine: Machine) {
    this.#processor = new Processor({ clock, name: 'process', machine, threads: 1, sliceMs: SLICE_MS });
  }

  set isFree(free: boolean) {
    this.#processor.isFree = free;
  }

  /** For one of its clients. What comes over a connection stays in order. */
  lane(): ClientCpu {
    return new Lane(this.#processor);
  }
}

class Lane implements ClientCpu {
  readonly #processor: Processor;
  readonly #waiting = new Fifo<{ readonly costMs: number; readonly done: () => void }>();
  #isBusy = false;

  constructor(processor: Processor) {
    this.#processor = processor;
  }

  run(costMs: number, done: () => void): void {
    this.#waiting.push({ costMs, done });
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const work = this.#waiting.shift();
    this.#isBusy = work !== undefined;
    if (work === undefined) return;
    this.#processor.run(work.costMs, () => {
      work.done();
      this.#next();
    });
  }
}
