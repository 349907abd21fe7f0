import type { Bookmark } from '@holdfast/store';
import { abortable } from '@holdfast/store/adapter';
import { type Change, NetChanges } from '../events/change.js';

/** One step of the source's mirror. */
export interface Step {
  readonly bookmark: Bookmark;
  readonly changes: readonly Change<Uint8Array>[];
  /** How many keys the source has after it. */
  readonly keys: number;
}

export type Task =
  | { readonly type: 'step'; readonly step: Step }
  /** The source holds another history from here on. */
  | { readonly type: 'history'; readonly from: Bookmark; readonly to: Bookmark }
  /** Keys of the target that have to be written again if they are gone. */
  | { readonly type: 'repair'; readonly keys: readonly string[] }
  /** Something that has to be done between two steps. It tells of its own failure. */
  | { readonly type: 'call'; readonly call: () => Promise<void> };

/** How many steps wait one by one. Later ones are added up to their net changes. */
const MOST_STEPS = 1_000;
/** How many keys are in steps that are joined. */
const MOST_JOINED = 64;

/** What a replicator still has to do, in order. It grows with the changed keys, and not with their changes. */
export class StepQueue {
  readonly #signal: AbortSignal;
  #tasks: Task[] = [];
  /** How many were added, and are done: steps that are added up count each. */
  #added = 0;
  #done = 0;
  /** What the task under way counts. */
  #underWay = 0;
  #weights: number[] = [];
  #wake: (() => void) | undefined;
  #waiting: { readonly until: number; readonly resolve: () => void }[] = [];

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  get isIdle(): boolean {
    return this.#done === this.#added;
  }

  add(step: Step): void {
    const last = this.#tasks.at(-1);
    if (this.#tasks.length < MOST_STEPS || last?.type !== 'step') {
      this.#push({ type: 'step', step });
      return;
    }
    this.#added += 1;
    this.#weights.push((this.#weights.pop() ?? 0) + 1);
    this.#tasks[this.#tasks.length - 1] = { type: 'step', step: addUp(last.step, step) };
  }

  addHistory(from: Bookmark, to: Bookmark): void {
    // The steps that lead there are of a source that is no more, or the jump itself: the comparison brings all of it.
    this.#tasks = this.#tasks.filter(({ type }) => type === 'history' || type === 'call');
    const weight = this.#weights.reduce((sum, each) => sum + each, 0);
    this.#weights = this.#tasks.map(() => 0);
    this.#push({ type: 'history', from, to }, weight + 1);
  }

  addRepair(keys: readonly string[]): void {
    this.#push({ type: 'repair', keys });
  }

  addCall(call: () => Promise<void>): void {
    this.#push({ type: 'call', call });
  }

  /** Forgets what waits: a comparison that begins now brings it. */
  restart(): void {
    this.#underWay += this.#weights.reduce((sum, each) => sum + each, 0);
    this.#tasks = this.#tasks.filter(({ type }) => type === 'call');
    this.#weights = this.#tasks.map(() => 0);
  }

  /** The next task, which is under way until {@link done}. Rejects with the signal's reason. */
  async next(): Promise<Task> {
    for (;;) {
      this.#signal.throwIfAborted();
      const task = this.#tasks.shift();
      if (task !== undefined) {
        this.#underWay = this.#weights.shift() ?? 1;
        return task;
      }
      await abortable(new Promise<void>((resolve) => (this.#wake = resolve)), this.#signal);
    }
  }

  /**
   * The step that is under way, with those that wait behind it, as one: as long as no key is in two of them, so that each key still has all of
   * its values, in their order.
   */
  joined(step: Step): Step {
    const keys = new Set(step.changes.map(({ key }) => key));
    let all = step;
    for (;;) {
      const next = this.#tasks[0];
      if (next?.type !== 'step' || keys.size + next.step.changes.length > MOST_JOINED) return all;
      if (next.step.changes.some(({ key }) => keys.has(key))) return all;
      for (const { key } of next.step.changes) keys.add(key);
      all = { ...next.step, changes: [...all.changes, ...next.step.changes] };
      this.#tasks.shift();
      this.#underWay += this.#weights.shift() ?? 1;
    }
  }

  done(): void {
    this.#done += this.#underWay;
    this.#underWay = 0;
    this.#waiting = this.#waiting.filter(({ until, resolve }) => {
      if (this.#done < until) return true;
      resolve();
      return false;
    });
  }

  /** Resolves when everything is done that was added before the call. */
  async untilDone(signal: AbortSignal): Promise<void> {
    const until = this.#added;
    if (this.#done >= until) return;
    const ended = AbortSignal.any([signal, this.#signal]);
    await abortable(new Promise<void>((resolve) => this.#waiting.push({ until, resolve })), ended);
  }

  #push(task: Task, weight = 1): void {
    this.#added += 1;
    this.#tasks.push(task);
    this.#weights.push(weight);
    this.#wake?.();
    this.#wake = undefined;
  }
}

function addUp(earlier: Step, later: Step): Step {
  const net = new NetChanges<Change<Uint8Array>>();
  for (const { bookmark, changes } of [earlier, later]) net.add({ bookmark, changes, version: 0, cause: 'watch' });
  return { bookmark: later.bookmark, keys: later.keys, changes: net.take()?.changes ?? [] };
}
