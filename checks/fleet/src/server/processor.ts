import { Fifo } from '@holdfast/store/adapter';
import type { SimClock } from '@holdfast/simulation';
import type { Machine } from './machine.js';

/** Work that waits for its turn, or has it. Times are milliseconds of CPU time. */
export interface Work {
  costMs: number;
  leftMs: number;
  isAborted: boolean;
  done: () => void;
}

/** Which turn belongs to what was interrupted. */
const INTERRUPTED_TURN = 61;

export interface ProcessorOptions {
  readonly clock: SimClock;
  /** The owner of its timers. */
  readonly name: string;
  readonly machine: Machine;
  /** How much of the work runs at the same time. */
  readonly threads: number;
  /** How long work runs before it must wait for its next turn. */
  readonly sliceMs: number;
  /**
   * Go's scheduler: a slice is measured by the clock on the wall, and work that had one is behind all that is new. Only every 61st turn
   * looks at what was interrupted first. Without this, all work is in one queue.
   */
  readonly isGo?: boolean;
  /** Called with the CPU time that was spent, when it was. */
  readonly onSpent?: (ms: number) => void;
}

/**
 * One process: work takes turns on its threads. Even the smallest piece waits until all that came before it had a turn, which is how a
 * busy server comes to miss pings.
 */
export class Processor {
  readonly #options: ProcessorOptions;
  #fresh = new Fifo<Work>();
  #interrupted = new Fifo<Work>();
  #turn = 0;
  #running = 0;
  #life = 0;
  /** While true, all work is free: what happens before a scenario begins. */
  isFree = false;

  constructor(options: ProcessorOptions) {
    this.#options = options;
  }

  /** How much work waits for its first or next turn. */
  get waiting(): number {
    return this.#fresh.length + this.#interrupted.length;
  }

  run(costMs: number, done: () => void): Work {
    const work: Work = { costMs, leftMs: this.isFree ? 0 : costMs, isAborted: false, done };
    this.#enqueue(work);
    return work;
  }

  /** Gives work another turn, after what it had to do was changed. */
  resume(work: Work): void {
    if (this.isFree) work.leftMs = 0;
    this.#enqueue(work);
  }

  /** Forgets all work, as the end of the process does. */
  reset(): void {
    this.#life += 1;
    this.#fresh = new Fifo();
    this.#interrupted = new Fifo();
    for (; this.#running > 0; this.#running -= 1) this.#options.machine.end();
  }

  #enqueue(work: Work, queue = this.#fresh): void {
    queue.push(work);
    this.#next();
  }

  #take(): Work | undefined {
    this.#turn += 1;
    const isTheirs = this.#turn % INTERRUPTED_TURN === 0;
    return isTheirs
      ? (this.#interrupted.shift() ?? this.#fresh.shift())
      : (this.#fresh.shift() ?? this.#interrupted.shift());
  }

  #next(): void {
    const { machine, threads } = this.#options;
    if (this.#running >= threads) return;
    const work = this.#take();
    if (work === undefined) return;
    this.#running += 1;
    machine.begin();
    this.#slice(work);
  }

  #slice(work: Work): void {
    const { clock, name, machine, sliceMs, isGo, onSpent } = this.#options;
    const life = this.#life;
    const { speed } = machine;
    const slice = Math.min(isGo === true ? sliceMs * speed : sliceMs, work.leftMs);
    clock.set(
      name,
      () => {
        if (life !== this.#life) return;
        work.leftMs -= slice;
        onSpent?.(slice);
        const isDone = work.leftMs <= 1e-9;
        this.#running -= 1;
        machine.end();
        if (isDone) work.done();
        else this.#enqueue(work, isGo === true ? this.#interrupted : this.#fresh);
        this.#next();
      },
      slice / speed,
    );
  }
}
