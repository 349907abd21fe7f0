import type { ChangeEvent, ResyncReason } from '@holdfast/core';
import type { Bookmark } from '@holdfast/store';
import type { Violation } from '@holdfast/testkit';
import { BEACON, txnKeys } from './keys.js';
import type { MirrorView, Shown, Told } from './mirror-view.js';
import type { WorldMirror } from './world.js';
import type { Acknowledged } from './writers.js';

/** One `change` event, by whole keys. */
export interface TakenStep {
  readonly bookmark: Bookmark;
  readonly cause: string;
  readonly changes: readonly { readonly key: string; readonly entry: Shown | undefined }[];
}

export interface ProbeOptions {
  readonly livenessMs: number;
  /** The acknowledged writes of the beacon, ascending: a mirror that is live as of a later time must show them. */
  readonly beacon: readonly Acknowledged[];
}

/** How much later than `livenessMs` a busy process may notice a missing proof. */
const SLACK_MS = 500;
/** The most violations of each guarantee: many looks find the same lie. */
const MOST_OF_ONE = 3;

/**
 * Follows a mirror under test, and checks it all the time: at each of its events, and whenever {@link look} is called. Its findings are kept
 * until they are taken.
 */
export class MirrorProbe implements WorldMirror {
  readonly view: MirrorView;
  readonly resyncs: ResyncReason[] = [];
  /** Its content after the last checked step. */
  readonly checked: Map<string, Shown>;
  readonly #options: ProbeOptions;
  readonly #copy: Map<string, Shown>;
  #steps: TakenStep[] = [];
  #violations: Violation[] = [];
  #looks = 0;
  #isOld = false;

  constructor(view: MirrorView, options: ProbeOptions) {
    this.view = view;
    this.#options = options;
    this.#copy = new Map(view.entries());
    this.checked = new Map(this.#copy);
    const { mirror } = view;
    mirror.on('change', (event) => {
      this.#take(event);
    });
    mirror.on('resync', ({ reason }) => this.resyncs.push(reason));
    mirror.on('state', () => {
      this.look();
    });
  }

  get name(): MirrorView['name'] {
    return this.view.name;
  }

  get mirror(): MirrorView['mirror'] {
    return this.view.mirror;
  }

  /** The number of looks, and of its steps. */
  get looks(): number {
    return this.#looks;
  }

  takeSteps(): readonly TakenStep[] {
    const steps = this.#steps;
    this.#steps = [];
    return steps;
  }

  /** Compares the listener's copy with the whole mirror, and returns all findings so far. */
  takeViolations(): readonly Violation[] {
    this.#compareCopy();
    const violations = this.#violations;
    this.#violations = [];
    return violations;
  }

  /** The checks that are possible at any moment: no transaction is shown partly, and the mirror is not `live` without proof. */
  look(): void {
    this.#looks += 1;
    this.#lookForTorn();
    this.#lookForLies();
  }

  #take({ bookmark, cause, changes }: ChangeEvent<Told>): void {
    const { view } = this;
    const taken: TakenStep['changes'][number][] = [];
    for (const change of changes) {
      const key = view.whole(change);
      const entry = change.type === 'put' ? change.current : undefined;
      if (change.previous !== this.#copy.get(key))
        this.#violated('listener', `a step to ${key} came from another entry`);
      if (taken.some((other) => other.key === key)) this.#violated('listener', `one step told of ${key} twice`);
      if (view.get(key) !== entry) this.#violated('listener', `at a step to ${key} it shows another entry`);
      if (entry === undefined) this.#copy.delete(key);
      else this.#copy.set(key, entry);
      taken.push({ key, entry });
    }
    if (this.#copy.size !== view.size()) {
      this.#violated(
        'listener',
        `shows ${view.size()} entries at ${bookmark.revision}; its listener was told of ${this.#copy.size}`,
      );
    }
    this.#steps.push({ bookmark, cause, changes: taken });
    this.look();
  }

  #compareCopy(): void {
    const shown = new Map(this.view.entries());
    for (const [key, entry] of shown) {
      if (this.#copy.get(key) !== entry)
        this.#violated('listener', `its listener missed ${key} of ${entry.modRevision}`);
    }
    for (const key of this.#copy.keys())
      if (!shown.has(key)) this.#violated('listener', `its listener still has ${key}`);
  }

  #lookForTorn(): void {
    const [first, ...others] = txnKeys.filter((key) => this.view.claims(key));
    if (first === undefined) return;
    const n = this.view.get(first)?.value.n;
    const torn = others.find((key) => this.view.get(key)?.value.n !== n);
    if (torn === undefined) return;
    const other = this.view.get(torn)?.value.n;
    this.#violated('untorn', `shows ${first} of write ${n ?? 'none'} beside ${torn} of ${other ?? 'none'}`);
  }

  #lookForLies(): void {
    const { mirror } = this.view;
    if (mirror.state.status !== 'live') {
      this.#isOld = false;
      return;
    }
    const { asOf } = mirror;
    const age = Date.now() - asOf;
    const isOld = age > this.#options.livenessMs + SLACK_MS;
    // It must be seen twice in a row: after a stall of the process, one look may come before the mirror's own timer.
    if (isOld && this.#isOld) this.#violated('truthful', `is live on evidence ${age} ms old`);
    this.#isOld = isOld;
    const due = this.#options.beacon.findLast(({ at }) => at < asOf);
    if (due === undefined) return;
    const entry = this.view.get(BEACON);
    if (entry?.value.epoch === due.epoch && entry.modRevision >= due.revision) return;
    const shown = entry === undefined ? 'nothing' : `${entry.modRevision} of epoch ${entry.value.epoch}`;
    this.#violated(
      'truthful',
      `is live as of ${asOf} and shows ${shown} of the beacon; ${due.revision} of epoch ${due.epoch} was acknowledged at ${due.at}`,
    );
  }

  #violated(guarantee: string, message: string): void {
    if (this.#violations.filter((known) => known.guarantee === guarantee).length < MOST_OF_ONE) {
      this.#violations.push({ guarantee, message: `${this.name}: ${message}` });
    }
  }
}
