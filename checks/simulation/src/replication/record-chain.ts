import type { SeenRecord } from './record.js';
import type { Run } from './run.js';

/** The records of a target, one after another: each continues the one before it, or takes it over for good. */
export class RecordChain {
  readonly #violated: (guarantee: string, message: string) => void;
  /** The writers that others have taken the record from. */
  readonly #past = new Set<string>();
  /** The same, those too of a record that somebody has deleted since. */
  readonly #everPast = new Set<string>();
  #last: SeenRecord | undefined;

  constructor(violated: (guarantee: string, message: string) => void) {
    this.#violated = violated;
  }

  get last(): SeenRecord | undefined {
    return this.#last;
  }

  /** Whether another one has ever taken the record from a writer. */
  wasTakenFrom(writer: string): boolean {
    return this.#everPast.has(writer);
  }

  /** A run has written a record, at a revision of the target. */
  add(record: SeenRecord, run: Run, revision: number): void {
    const before = this.#last;
    run.writer ??= record.writer;
    if (run.writer !== record.writer)
      this.#violated('guarded', `${run.name} wrote another one's record at ${revision}`);
    if (before !== undefined && before.writer !== record.writer) {
      for (const past of [this.#past, this.#everPast]) past.add(before.writer);
      // Before it has changed anything, it may not know that it has had the record already: the answer was lost.
      if (!run.hasChanged) this.#past.delete(record.writer);
    }
    if (this.#past.has(record.writer))
      this.#violated('guarded', `${run.name} wrote its record at ${revision}, after another one had taken over`);
    if (before !== undefined && record.sequence <= before.sequence)
      this.#violated(
        'guarded',
        `the record of ${run.name} goes from ${before.sequence} to ${record.sequence} at ${revision}`,
      );
    this.#last = record;
    run.unrecorded.clear();
  }

  /** Somebody has deleted it. */
  end(): void {
    this.#last = undefined;
    this.#past.clear();
  }
}
