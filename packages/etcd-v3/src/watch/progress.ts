/** What the ledger remembers of a watch that the server has confirmed. */
export interface ConfirmedWatch {
  /** How many progress requests had been sent on the stream before this watch was asked for. */
  readonly asksBefore: number;
  /** The member's head in its `created` answer. */
  readonly createdRevision: number;
}

/**
 * Whether this server answers a manual progress request in order with the events. Before 3.4.25 and 3.5.8 the answer
 * can overtake events that it says were sent (etcd issue 15220, docs/traps.md#trap-10): it must not be asked there.
 */
export function manualProgressIsOrdered(version: string): boolean {
  const [, major, minor, patch] = (/^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).map(Number);
  if (major === undefined || minor === undefined || patch === undefined) return false;
  if (major !== 3) return major > 3;
  if (minor === 4) return patch >= 25;
  if (minor === 5) return patch >= 8;
  return minor > 5;
}

/**
 * Tells which watches of a stream an answer to a manual progress request speaks for.
 *
 * The answer carries no id. The server gives it only while all watches that it knows of on the stream are synced, and
 * handles requests one by one; so it speaks for a watch exactly if the request came after the watch's creation. But a
 * request made while some watch is behind is never answered, and answers may pass `created` messages on the server: which
 * request an answer belongs to is only known from below. The bound rises with every answer, and to any request after a
 * watch whose `created` named a head below the answer's revision, since heads only grow.
 */
export class ProgressLedger {
  #asked = 0;
  // The answers seen so far belong to requests up to at least this one.
  #answered = 0;

  /** How many requests were sent: a watch asked for now notes it. */
  get asked(): number {
    return this.#asked;
  }

  ask(): void {
    this.#asked += 1;
  }

  /** Takes an answer. Gives the test for whether it speaks for a watch. */
  answer(revision: number, watches: Iterable<ConfirmedWatch>): (watch: ConfirmedWatch) => boolean {
    let bound = this.#answered + 1;
    for (const watch of watches) {
      if (revision > watch.createdRevision && watch.asksBefore >= bound) bound = watch.asksBefore + 1;
    }
    this.#answered = Math.min(bound, this.#asked);
    return (watch) => watch.asksBefore < this.#answered;
  }
}
