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
