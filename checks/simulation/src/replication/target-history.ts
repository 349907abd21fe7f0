import type { Epoch, Commit, Truth } from '../truth/truth.js';
import { mappedAt, targetOf } from './mapping.js';
import { RECORD, type ReplicationPlan, TO } from './plan.js';
import { parseRecord, progressOf, type SeenRecord } from './record.js';
import type { Run } from './run.js';
import type { SourceValues } from './source-values.js';

/** Who has changed a key of the target last. `late`: one whose write a store without transactions can't keep out, or tell from another one's. */
type Author = 'own' | 'foreign' | 'disowned' | 'lease' | 'late';

interface Held {
  readonly text: string | undefined;
  readonly lease: string | undefined;
  readonly by: Author;
}

/** How new the state is that a key was given: a revision of one history of the source. */
interface Newest {
  readonly epoch: number;
  readonly revision: number;
}

type Writer = { readonly by: 'foreign' } | { readonly by: 'run'; readonly run: Run; readonly isLate: boolean };

export interface TargetHistoryOptions {
  readonly plan: ReplicationPlan;
  readonly truth: Truth;
  readonly values: SourceValues;
  readonly stats: { carried: number; compared: number };
  readonly violated: (guarantee: string, message: string) => void;
}

/** How many operations of a transaction are not the keys': the record, its receipt, and those that are cleared away. */
const BESIDES = 1;

/** What happens in the target, commit by commit, and whether replicators may do that. */
export class TargetHistory {
  readonly #options: TargetHistoryOptions;
  readonly #pending: Commit[] = [];
  readonly #writers = new Map<number, Writer>();
  readonly #held = new Map<string, Held>();
  readonly #newest = new Map<string, Newest>();
  /** Keys that somebody else had changed, and which replicators have written since when. */
  readonly #handled = new Map<string, { readonly since: number; readonly by: Set<Run> }>();
  readonly #told = new Set<string>();
  /** Those that other replicators have taken the record from. */
  readonly #past = new Set<string>();
  #record: SeenRecord | undefined;
  /** The history of the source that the target may be made equal to. */
  #accepted: number | undefined;
  /** Whether somebody has deleted the record: nobody knows then whose the keys are. */
  isDisowned = false;

  constructor(options: TargetHistoryOptions) {
    this.#options = options;
  }

  note(commit: Commit): void {
    this.#pending.push(commit);
  }

  foreignWrote(key: string, revision: number): void {
    this.#told.delete(key);
    if (!this.#writers.has(revision)) this.#writers.set(revision, { by: 'foreign' });
  }

  runWrote(run: Run, revision: number, isLate: boolean): void {
    if (!this.#writers.has(revision)) this.#writers.set(revision, { by: 'run', run, isLate });
  }

  /** A replicator told of a conflict. */
  told(key: string): void {
    this.#told.add(key);
  }

  /** Whether the key is as somebody else, or the end of a lease, has left it. */
  isOthers(key: string): boolean {
    const by = this.#held.get(key)?.by;
    return by !== undefined && by !== 'own';
  }

  /** Whether somebody else has changed it last, or nobody knows whose it is. */
  isForeign(key: string): boolean {
    return this.isOthers(key) && !this.isExpired(key);
  }

  /** Whether somebody else has changed it, as far as a replicator may know: another one may have written it since. */
  isForeignTo(run: Run, key: string): boolean {
    const handled = this.#handled.get(key);
    return this.isForeign(key) || (handled !== undefined && handled.since > run.from && !handled.by.has(run));
  }

  /** Whether the end of a lease at the target has deleted it. */
  isExpired(key: string): boolean {
    return this.#held.get(key)?.by === 'lease';
  }

  textOf(key: string): string | undefined {
    return this.#held.get(key)?.text;
  }

  get keys(): readonly string[] {
    return [...this.#held].filter(([, { text }]) => text !== undefined).map(([key]) => key);
  }

  get record(): SeenRecord | undefined {
    return this.#record;
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
      for (const key of changed) this.#hold(key, revision, 'lease');
    }
  }

  #disown(): void {
    this.isDisowned = true;
    this.#record = undefined;
    this.#accepted = undefined;
    this.#past.clear();
    for (const [key, held] of this.#held) if (held.by === 'own') this.#held.set(key, { ...held, by: 'disowned' });
  }

  #judgeRun({ keys, revision }: Commit, changed: readonly string[], run: Run, isLate: boolean): void {
    const { plan, truth, stats, violated } = this.#options;
    stats.carried += 1;
    const before = this.#record;
    const text = keys.includes(RECORD) ? truth.current.at(RECORD, revision)?.text : undefined;
    if (text !== undefined) this.#checkRecord(parseRecord(text), run, revision);
    const record = this.#record;
    const isAgain = changed.filter((key) => run.unrecorded.has(key));
    if (plan.target === 'v2' && !isLate && isAgain.length > 0)
      violated('guarded', `${run.name} wrote ${isAgain.join(', ')} again at ${revision} without its record`);
    for (const key of changed) run.unrecorded.add(key);
    if (changed.length > 0) run.hasChanged = true;
    const isStale = run.writer === undefined || record?.writer !== run.writer;
    if (plan.target === 'v2' && (isLate || isStale)) {
      // Only a transaction could have kept it out.
      for (const key of changed) {
        this.#checkWrite(key, revision, run);
        this.#hold(key, revision, 'late');
      }
      return;
    }
    if (plan.target === 'v3' && text === undefined && keys.length > 0)
      violated('guarded', `${run.name} wrote ${keys.join(', ')} at ${revision} without its record`);
    if (isStale)
      violated('guarded', `${run.name} wrote ${changed.join(', ')} at ${revision}, after another one had taken over`);
    const epoch = this.#checkHistory(record, run, changed, revision);
    for (const key of changed) {
      this.#checkWrite(key, revision, run);
      this.#checkAge(key, revision, run, epoch);
    }
    for (const key of changed) {
      if (this.isForeign(key)) this.#handled.set(key, { since: revision, by: new Set() });
      this.#handled.get(key)?.by.add(run);
      this.#hold(key, revision, 'own');
    }
    if (text !== undefined && record !== undefined) this.#checkProgress(record, before, run, revision);
  }

  #holdForeign(key: string, revision: number): void {
    const before = this.#held.get(key);
    this.#hold(key, revision, 'foreign');
    // Without transactions an own value is told by the value alone: it may be taken for both.
    const isEqual = this.#held.get(key)?.text === before?.text;
    if (isEqual && this.#options.plan.target === 'v2') this.#hold(key, revision, 'late');
  }

  #hold(key: string, revision: number, by: Author): void {
    const version = this.#options.truth.current.at(key, revision);
    this.#held.set(key, { text: version?.text, lease: version?.lease, by });
  }

  /** Each record continues the one before it, or takes it over for good. */
  #checkRecord(record: SeenRecord, run: Run, revision: number): void {
    const { violated } = this.#options;
    const before = this.#record;
    run.writer ??= record.writer;
    if (run.writer !== record.writer) violated('guarded', `${run.name} wrote the record of another one at ${revision}`);
    if (before !== undefined && before.writer !== record.writer) {
      this.#past.add(before.writer);
      // While it starts, it may not know that it has had the record already: the answer was lost.
      if (!run.hasChanged) this.#past.delete(record.writer);
    }
    if (this.#past.has(record.writer))
      violated('guarded', `${run.name} wrote its record at ${revision}, after another one had taken over`);
    if (before !== undefined && record.sequence <= before.sequence)
      violated(
        'guarded',
        `the record of ${run.name} goes from ${before.sequence} to ${record.sequence} at ${revision}`,
      );
    this.#record = record;
    run.unrecorded.clear();
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

  #checkWrite(key: string, revision: number, run: Run): void {
    const { plan, truth, values, violated } = this.#options;
    const before = this.#held.get(key);
    const version = truth.current.at(key, revision);
    const what = `${run.name} ${version === undefined ? 'deleted' : 'wrote'} ${key} at ${revision}`;
    if (before?.text !== undefined && before.by === 'foreign' && version?.text !== before.text) {
      if (plan.policy !== 'overwrite') violated('overwritten', `${what}, which somebody else had written`);
      else if (!this.#told.has(key))
        violated('overwritten', `${what}, which somebody else had written, and did not tell`);
    }
    if (version === undefined) return;
    const origin = values.originOf(version.text);
    if (origin === undefined || targetOf(plan, origin.key) !== key)
      violated('phantom', `${what} as ${version.text}, which the source never had there`);
    else if (before?.by === 'own' && before.text === version.text)
      violated('doubled', `${what} as ${version.text}, which it was already`);
  }

  /** A key is never given an older state than it has had, nor one of another history than its record's. */
  #checkAge(key: string, revision: number, run: Run, epoch: Epoch | undefined): void {
    const { truth, values, violated } = this.#options;
    const version = truth.current.at(key, revision);
    const origin = version === undefined ? undefined : values.originOf(version.text);
    if (epoch === undefined || (version !== undefined && origin === undefined)) return;
    const what = `${run.name} ${version === undefined ? 'deleted' : 'wrote'} ${key} at ${revision}`;
    const state = origin === undefined ? progressRevision(this.#record) : origin.revision;
    if (state === undefined) return;
    if (origin !== undefined && !epoch.held(origin.key, origin.revision, version?.text ?? ''))
      violated('history', `${what} as ${version?.text ?? ''}, which history ${epoch.index} of the source never had`);
    const before = this.#newest.get(key);
    if (before !== undefined && before.epoch === epoch.index && before.revision > state)
      violated('resurrected', `${what} as of ${state} of the source; it had its state of ${before.revision} already`);
    this.#newest.set(key, { epoch: epoch.index, revision: state });
  }

  #checkProgress(record: SeenRecord, before: SeenRecord | undefined, run: Run, revision: number): void {
    const { plan, values, stats } = this.#options;
    const { bookmark, toward } = record;
    if (plan.target === 'v2') {
      // It is written ahead of what it is about: it says how far the one before it came.
      const last = before?.bookmark;
      if (bookmark === undefined || (last?.revision === bookmark.revision && last.identity === bookmark.identity))
        return;
    } else if (toward !== undefined) {
      if (bookmark !== undefined && !run.isComparing) this.#checkWhole(bookmark.revision, record, run, revision);
      return;
    }
    if (bookmark === undefined) return;
    const epochs = values.epochsOf(bookmark);
    if (epochs.length === 0)
      this.#options.violated(
        'phantom',
        `${run.name} says at ${revision} that the target is as the source at ${bookmark.revision} of ${bookmark.identity}, which it never was`,
      );
    stats.compared += 1;
    const found = epochs.map((epoch) => this.#difference(mappedAt(plan, epoch, bookmark.revision)));
    if (found.includes(undefined)) return;
    const [epoch] = epochs;
    const isTorn = epoch !== undefined && this.#tornCommit(epoch, 0, bookmark.revision) !== undefined;
    this.#options.violated(
      isTorn ? 'torn' : 'lost',
      `${run.name} says at ${revision} that the target is as the source at ${bookmark.revision}: ${found[0] ?? ''}`,
    );
  }

  /** What differs from the state that is wanted, apart from keys that others have changed. */
  #difference(wanted: ReadonlyMap<string, string>): string | undefined {
    for (const [key, text] of wanted) {
      const held = this.#held.get(key);
      if (held?.text !== text && (held === undefined || held.by === 'own'))
        return `${key} is ${held?.text ?? 'not there'}, and should be ${text}`;
    }
    for (const [key, { text, by }] of this.#held) {
      if (text !== undefined && by === 'own' && !wanted.has(key)) return `${key} is ${text}, and should not be there`;
    }
    return undefined;
  }

  /** A step in parts is one that is too large for a transaction. */
  #checkWhole(from: number, record: SeenRecord, run: Run, revision: number): void {
    const { plan, values, violated } = this.#options;
    const { toward } = record;
    const epochs = toward === undefined ? [] : values.epochsOf(toward);
    const [epoch] = epochs;
    if (epoch === undefined || toward === undefined || epochs.length > 1) return;
    const keys = new Set(
      epoch.commits
        .filter((commit) => commit.revision > from && commit.revision <= toward.revision)
        .flatMap((commit) => commit.keys.map((key) => targetOf(plan, key))),
    );
    keys.delete(undefined);
    if (keys.size + BESIDES > plan.mostOperations) return;
    const torn = this.#tornCommit(epoch, from, toward.revision);
    if (torn !== undefined)
      violated('torn', `${run.name} carried over a part of what the source committed at ${torn}, in ${revision}`);
  }

  /** The revision of a commit of the source of which the target has a part only. */
  #tornCommit(epoch: Epoch, from: number, to: number): number | undefined {
    const { plan } = this.#options;
    for (const { keys, revision } of epoch.commits) {
      if (revision <= from || revision > to) continue;
      const has = new Set<boolean>();
      for (const target of new Set(keys.map((key) => targetOf(plan, key)))) {
        const held = target === undefined ? undefined : this.#held.get(target);
        if (target === undefined || (held !== undefined && held.by !== 'own')) continue;
        const [before, after, last] = [revision - 1, revision, to].map((at) => mappedAt(plan, epoch, at).get(target));
        // What was written over since then tells nothing.
        if (before === after || last !== after) continue;
        if (held?.text === after) has.add(true);
        else if (held?.text === before) has.add(false);
      }
      if (has.size > 1) return revision;
    }
    return undefined;
  }
}

function progressRevision(record: SeenRecord | undefined): number | undefined {
  return record === undefined ? undefined : progressOf(record)?.revision;
}
