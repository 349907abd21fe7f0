import type { Epoch } from '../truth/truth.js';
import type { HeldKeys } from './held-keys.js';
import { mappedAt, targetOf } from './mapping.js';
import type { ReplicationPlan } from './plan.js';
import type { SeenRecord } from './record.js';
import type { Run } from './run.js';
import type { SourceValues } from './source-values.js';

export interface CompletenessOptions {
  readonly plan: ReplicationPlan;
  readonly values: SourceValues;
  readonly held: HeldKeys;
  readonly stats: { compared: number };
  readonly violated: (guarantee: string, message: string) => void;
}

/** How many operations of a transaction are not the keys': the record. */
const BESIDES = 1;

/** Whether the target is as its record says. */
export class Completeness {
  readonly #options: CompletenessOptions;

  constructor(options: CompletenessOptions) {
    this.#options = options;
  }

  /** A run has written a record after another one, at a revision of the target. */
  check(record: SeenRecord, before: SeenRecord | undefined, run: Run, revision: number): void {
    const { plan } = this.#options;
    const { bookmark, toward } = record;
    if (bookmark === undefined) return;
    if (plan.target === 'v2') {
      // It is written ahead of what it is about: it says how far the one before it came.
      const last = before?.bookmark;
      if (last?.revision !== bookmark.revision || last.identity !== bookmark.identity)
        this.#checkEqual(record, run, revision);
    } else if (toward === undefined) this.#checkEqual(record, run, revision);
    else if (!run.isComparing) this.#checkWhole(bookmark.revision, record, run, revision);
  }

  #checkEqual({ bookmark }: SeenRecord, run: Run, revision: number): void {
    const { plan, values, stats, violated } = this.#options;
    if (bookmark === undefined) return;
    const epochs = values.epochsOf(bookmark);
    const [epoch] = epochs;
    stats.compared += 1;
    if (epoch === undefined) {
      violated(
        'phantom',
        `${run.name} says at ${revision} that the target is as the source at ${bookmark.revision} of ${bookmark.identity}, which it never was`,
      );
      return;
    }
    const found = epochs.map((each) => this.#difference(mappedAt(plan, each, bookmark.revision)));
    if (found.includes(undefined)) return;
    const isTorn = this.#tornCommit(epoch, 0, bookmark.revision) !== undefined;
    violated(
      isTorn ? 'torn' : 'lost',
      `${run.name} says at ${revision} that the target is as the source at ${bookmark.revision}: ${found[0] ?? ''}`,
    );
  }

  /** What differs from the state that is wanted, apart from keys that others have changed. */
  #difference(wanted: ReadonlyMap<string, string>): string | undefined {
    const { held } = this.#options;
    for (const [key, text] of wanted) {
      const found = held.get(key);
      if (found?.text !== text && (found === undefined || found.by === 'own'))
        return `${key} is ${found?.text ?? 'not there'}, and should be ${text}`;
    }
    for (const [key, { text, by }] of held) {
      if (text !== undefined && by === 'own' && !wanted.has(key)) return `${key} is ${text}, and should not be there`;
    }
    return undefined;
  }

  /** A step in parts is one that is too large for a transaction. */
  #checkWhole(from: number, { toward }: SeenRecord, run: Run, revision: number): void {
    const { plan, values, violated } = this.#options;
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
    const { plan, held } = this.#options;
    for (const { keys, revision } of epoch.commits) {
      if (revision <= from || revision > to) continue;
      const has = new Set<boolean>();
      for (const target of new Set(keys.map((key) => targetOf(plan, key)))) {
        const found = target === undefined ? undefined : held.get(target);
        if (target === undefined || (found !== undefined && found.by !== 'own')) continue;
        const [before, after, last] = [revision - 1, revision, to].map((at) => mappedAt(plan, epoch, at).get(target));
        // What was written over since then tells nothing.
        if (before === after || last !== after) continue;
        if (found?.text === after) has.add(true);
        else if (found?.text === before) has.add(false);
      }
      if (has.size > 1) return revision;
    }
    return undefined;
  }
}
