import type { StoreError } from '@holdfast/store';
import type { Job } from './jobs.js';

/** A call, while its caller waits. */
export interface Waiting<T = unknown> {
  readonly job: Job<T>;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (result: T) => void;
  readonly reject: (error: Error) => void;
  readonly onAbort: () => void;
  /** It was taken into the changes of the present attempt. From then on its caller can't know what becomes of it. */
  isTaken: boolean;
  isOver: boolean;
}

/** What became of a call in a transaction. */
export type Ran =
  | { readonly waiting: Waiting; readonly result: unknown; readonly wrote: boolean }
  | { readonly waiting: Waiting; readonly refusal: StoreError };

/** One try to run a batch of calls in one transaction. */
export class Attempt {
  readonly #batch: readonly Waiting[];
  ran: readonly Ran[] = [];
  /** A commit was sent: if its answer does not come, nobody knows what became of the calls. */
  isCommitting = false;
  hasRevisions = false;

  constructor(batch: readonly Waiting[]) {
    this.#batch = batch;
  }

  /** The calls whose callers still wait. */
  get live(): readonly Waiting[] {
    return this.#batch.filter(({ isOver }) => !isOver);
  }

  /** The next request commits these puts, whatever becomes of their callers. */
  commits(puts: readonly Waiting[], results: readonly unknown[] = []): void {
    for (const each of puts) each.isTaken = true;
    this.ran = puts.map((waiting, index) => ({ waiting, result: results[index], wrote: true }));
    this.isCommitting = true;
    this.hasRevisions = true;
  }

  /** It is certain that nothing was applied. */
  nothingApplied(): void {
    for (const each of this.#batch) each.isTaken = false;
    this.ran = [];
    this.isCommitting = false;
    this.hasRevisions = false;
  }
}
