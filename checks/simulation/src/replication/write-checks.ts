import type { Epoch, Truth, Version } from '../truth/truth.js';
import type { HeldKeys } from './held-keys.js';
import { targetOf } from './mapping.js';
import type { ReplicationPlan } from './plan.js';
import type { Run } from './run.js';
import type { SourceValues } from './source-values.js';

export interface WriteChecksOptions {
  readonly plan: ReplicationPlan;
  readonly truth: Truth;
  readonly values: SourceValues;
  readonly held: HeldKeys;
  readonly violated: (guarantee: string, message: string) => void;
}

/** A write of a replicator, by key. */
export interface OwnWrite {
  readonly key: string;
  /** Of the target. */
  readonly revision: number;
  readonly run: Run;
}

/** How new the state is that a key was given: a revision of one history of the source. */
interface Newest {
  readonly epoch: number;
  readonly revision: number;
}

/** Whether a replicator may write a key of the target as it does. */
export class WriteChecks {
  readonly #options: WriteChecksOptions;
  readonly #newest = new Map<string, Newest>();
  /** Keys of others whose conflicts were told. */
  readonly #told = new Set<string>();

  constructor(options: WriteChecksOptions) {
    this.#options = options;
  }

  /** A replicator told of a conflict. */
  told(key: string): void {
    this.#told.add(key);
  }

  foreignWrote(key: string): void {
    this.#told.delete(key);
  }

  /** Others' keys are left alone, or told before; a value is the source's, and is not there yet. */
  check(write: OwnWrite): void {
    const { plan, values, held, violated } = this.#options;
    const { key } = write;
    const before = held.get(key);
    const version = this.#versionOf(write);
    const what = describe(write, version);
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

  /**
   * A key is never given an older state than it has had, nor one of another history than its record's.
   *
   * @param progress up to where the source was read for it
   */
  checkAge(write: OwnWrite, epoch: Epoch, progress: number): void {
    const { values, violated } = this.#options;
    const { key } = write;
    const version = this.#versionOf(write);
    const origin = version === undefined ? undefined : values.originOf(version.text);
    if (version !== undefined && origin === undefined) return;
    const what = describe(write, version);
    const revision = origin?.revision ?? progress;
    if (origin !== undefined && !epoch.held(origin.key, origin.revision, version?.text ?? ''))
      violated('history', `${what} as ${version?.text ?? ''}, which history ${epoch.index} of the source never had`);
    const before = this.#newest.get(key);
    if (before !== undefined && before.epoch === epoch.index && before.revision > revision)
      violated(
        'resurrected',
        `${what} as of ${revision} of the source; it had its state of ${before.revision} already`,
      );
    this.#newest.set(key, { epoch: epoch.index, revision });
  }

  #versionOf({ key, revision }: OwnWrite): Version | undefined {
    return this.#options.truth.current.at(key, revision);
  }
}

function describe({ key, revision, run }: OwnWrite, version: Version | undefined): string {
  return `${run.name} ${version === undefined ? 'deleted' : 'wrote'} ${key} at ${revision}`;
}
