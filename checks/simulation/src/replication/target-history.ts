import type { Commit, Epoch, Truth } from '../truth/truth.js';
import { Completeness } from './completeness.js';
import { HeldKeys } from './held-keys.js';
import { mappedAt } from './mapping.js';
import { RECORD, type ReplicationPlan, TO } from './plan.js';
import { parseRecord, progressOf, type SeenRecord } from './record.js';
import { RecordChain } from './record-chain.js';
import type { Run } from './run.js';
import type { SourceValues } from './source-values.js';
import { WriteChecks } from './write-checks.js';

type Writer = { readonly by: 'foreign' } | { readonly by: 'run'; readonly run: Run; readonly isLate: boolean };

export interface TargetHistoryOptions {
  readonly plan: ReplicationPlan;
  readonly truth: Truth;
  readonly values: SourceValues;
  readonly stats: { carried: number; compared: number };
  readonly violated: (guarantee: string, message: string) => void;
}

/** What happens in the target, commit by commit, and whether replicators may do that. */
export class TargetHistory {
  readonly held: HeldKeys;
  readonly #options: TargetHistoryOptions;
  readonly #pending: Commit[] = [];
  readonly #writers = new Map<number, Writer>();
  readonly #records: RecordChain;
  readonly #writes: WriteChecks;
  readonly #completeness: Completeness;
  #accepted: number | undefined;
  #isDisowned = false;

  constructor(options: TargetHistoryOptions) {
    this.#options = options;
    this.held = new HeldKeys(options.truth);
    this.#records = new RecordChain(options.violated);
    this.#writes = new WriteChecks({ ...options, held: this.held });
    this.#completeness = new Completeness({ ...options, held: this.held });
  }

  note(commit: Commit): void {
    this.#pending.push(commit);
  }

  foreignWrote(key: string, revision: number): void {
    this.#writes.foreignWrote(key);
    if (!this.#writers.has(revision)) this.#writers.set(revision, { by: 'foreign' });
  }

  runWrote(run: Run, revision: number, isLate: boolean): void {
    if (!this.#writers.has(revision)) this.#writers.set(revision, { by: 'run', run, isLate });
  }

  /** A replicator told of a conflict. */
  told(key: string): void {
    this.#writes.told(key);
  }

  /** The keys that are there. */
  get keys(): readonly string[] {
    return [...this.held].filter(([, { text }]) => text !== undefined).map(([key]) => key);
  }

  get record(): SeenRecord | undefined {
    return this.#records.last;
  }

  /** Whether another replicator has ever taken the record from this one. */
  wasTakenFrom(run: Run): boolean {
    return run.writer !== undefined && this.#records.wasTakenFrom(run.writer);
  }

  /** Whether somebody has ever deleted the record. */
  get isDisowned(): boolean {
    return this.#isDisowned;
  }

  /** The history of the source that the target is equal to, or on the way to. */
  get accepted(): number | undefined {
    return this.#accepted;
  }

  /** Judges everything that was committed by now. */
  judge(): void {
    for (const commit of this.#pending.splice(0)) this.#judge(commit);
  }

  #judge(commit: Commit): void {
    const { truth, violated } = this.#options;
    const { keys, revision, leases } = commit;
    const writer = this.#writers.get(revision);
    const changed = keys.filter((key) => key.startsWith(TO));
    if (writer?.by === 'run') this.#judgeRun(commit, changed, writer.run, writer.isLate);
    else if (writer !== undefined) {
      for (const key of changed) this.#holdForeign(key, revision);
      if (keys.includes(RECORD)) this.#disown();
    } else {
      if (leases.length === 0 || keys.some((key) => truth.current.at(key, revision) !== undefined))
        violated('internal', `nobody has written ${keys.join(', ')} at ${revision}`);
      for (const key of changed) this.held.hold(key, revision, 'lease');
    }
  }

  #disown(): void {
    this.#isDisowned = true;
    this.#accepted = undefined;
    this.#records.end();
    this.held.disown();
  }

  #holdForeign(key: string, revision: number): void {
    const before = this.held.get(key);
    this.held.hold(key, revision, 'foreign');
    // Without transactions an own value is told by the value alone: it may be taken for both.
    const isEqual = this.held.get(key)?.text === before?.text;
    if (isEqual && this.#options.plan.target === 'v2') this.held.hold(key, revision, 'late');
  }

  #judgeRun({ keys, revision }: Commit, changed: readonly string[], run: Run, isLate: boolean): void {
    const { plan, truth, stats } = this.#options;
    stats.carried += 1;
    const before = this.record;
    const text = keys.includes(RECORD) ? truth.current.at(RECORD, revision)?.text : undefined;
    if (text !== undefined) this.#records.add(parseRecord(text), run, revision);
    const { record } = this;
    const isStale = run.writer === undefined || record?.writer !== run.writer;
    if (plan.target === 'v3') this.#checkGuarded(keys, revision, run, { isStale, hasRecord: text !== undefined });
    else this.#checkRecorded(changed, revision, run, isLate);
    if (changed.length > 0) run.hasChanged = true;
    for (const key of changed) this.#writes.check({ key, revision, run });
    if (plan.target === 'v2' && (isLate || isStale)) {
      // Only a transaction could have kept it out.
      for (const key of changed) this.held.hold(key, revision, 'late');
      return;
    }
    const progress = record === undefined ? undefined : progressOf(record);
    const epoch = this.#checkHistory(record, run, changed, revision);
    if (epoch !== undefined && progress !== undefined)
      for (const key of changed) this.#writes.checkAge({ key, revision, run }, epoch, progress.revision);
    for (const key of changed) this.held.holdOwn(key, revision, run);
    if (text !== undefined && record !== undefined) this.#completeness.check(record, before, run, revision);
  }

  /** With transactions, data and record change together. */
  #checkGuarded(
    keys: readonly string[],
    revision: number,
    run: Run,
    { isStale, hasRecord }: { readonly isStale: boolean; readonly hasRecord: boolean },
  ): void {
    const { violated } = this.#options;
    const what = `${run.name} wrote ${keys.join(', ')} at ${revision}`;
    if (!hasRecord && keys.length > 0) violated('guarded', `${what} without its record`);
    if (isStale) violated('guarded', `${what}, after another one had taken over`);
  }

  /** Without them, the record comes first: between two of them no key is written twice. A late write may be the first try of another one. */
  #checkRecorded(changed: readonly string[], revision: number, run: Run, isLate: boolean): void {
    // Nobody can tell a write that never came in from one that somebody else has deleted.
    const again = changed.filter((key) => run.unrecorded.has(key) && !this.held.isForeign(key));
    if (again.length > 0 && !isLate)
      this.#options.violated(
        'guarded',
        `${run.name} wrote ${again.join(', ')} again at ${revision} without its record`,
      );
    for (const key of changed) run.unrecorded.add(key);
  }

  /** Nothing is changed for a history of the source that nobody has accepted. Gives the history, where that is certain. */
  #checkHistory(
    record: SeenRecord | undefined,
    run: Run,
    changed: readonly string[],
    revision: number,
  ): Epoch | undefined {
    const { values, violated } = this.#options;
    const progress = record === undefined ? undefined : progressOf(record);
    const epoch = progress === undefined ? undefined : this.#certain(values.epochsOf(progress), progress.revision, run);
    if (epoch === undefined) return undefined;
    if (run.acceptsHistory || this.#accepted === undefined) this.#accepted = epoch.index;
    else if (this.#accepted !== epoch.index && changed.length > 0)
      violated(
        'history',
        `${run.name} changed ${changed.join(', ')} at ${revision} for history ${epoch.index} of the source, after ${this.#accepted}, and nobody had accepted it`,
      );
    return epoch;
  }

  /** The one that is meant, of histories of one identity. Where nobody accepts another one, it does not matter as long as they are the same. */
  #certain(epochs: readonly Epoch[], revision: number, run: Run): Epoch | undefined {
    const { plan } = this.#options;
    if (epochs.length > 1 && run.acceptsHistory) return undefined;
    const states = epochs.map((epoch) => JSON.stringify([...mappedAt(plan, epoch, revision)].sort()));
    if (new Set(states).size > 1) return undefined;
    return epochs.find(({ index }) => index === this.#accepted) ?? epochs[0];
  }
}
