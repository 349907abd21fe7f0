import { type Bookmark, type ConfigStore, StoreError, type WatchBatch } from '@holdfast/store';
import {
  Backoff,
  type Deadline,
  onFailure,
  runInBackground,
  timeoutAfter,
  toStoreError,
  withDeadline,
} from '@holdfast/store/adapter';
import { LRUCache } from 'lru-cache';
import { applyBatch, applyShortBatch, isShort } from '../table/apply.js';
import { CollectionTable } from '../table/collection-table.js';
import { Figures } from './figures.js';
import { Freshness, type Mark } from './freshness.js';
import type { Box, LazyEntry } from '../entries/lazy-entry.js';
import { FullLoads } from './full-loads.js';
import { HistoryReads } from './history-reads.js';
import { Lock } from '../util/lock.js';
import { Outlets } from '../events/outlets.js';
import { Publisher } from '../events/publisher.js';
import { reportState } from '../events/reports.js';
import type { Problem } from '../events/problem.js';
import type { Settings } from '../options/settings.js';
import { Reachability } from './reachability.js';
import { SavedCopy } from './saved-copy.js';
import { SharedHead } from './shared-head.js';
import { StateMachine } from '../events/state.js';
import type { StepOrigin, Tell } from '../events/step.js';
import { snapshotOf } from '../table/snapshot.js';
import { Table } from '../table/table.js';
import { stopwatch } from '../util/stopwatch.js';
import { Watermark } from '../util/watermark.js';

/** What the loops of one mirror share: its table, what is proved about it, its state, and how it reads. */
export class Runtime {
  readonly store: ConfigStore;
  readonly settings: Settings;
  readonly table: Table;
  /** Where users are told. */
  readonly outlets: Outlets;
  /** Where those are told who observe all mirrors of the process. */
  readonly publisher: Publisher;
  readonly freshness: Freshness;
  readonly state: StateMachine;
  readonly reachability: Reachability;
  /** Held during every change of the table, from the first look at it to the step. */
  readonly lock = new Lock();
  /** Only one catch-up read runs at a time. */
  readonly catchUpLock = new Lock();
  readonly heads: SharedHead;
  readonly historyReads: HistoryReads;
  readonly fullLoads: FullLoads;
  /** The newest mark that someone wants a proof for. */
  readonly wanted = new Watermark();
  /** Whether the watch has been established: without it no proof makes the mirror live. */
  isFollowing = false;
  /** Counts the steps made by reads. Those bring net changes only: a key that came and went in between is in no step. */
  readSteps = 0;
  /** The copy that outlives the process, if there is one. */
  readonly copy: SavedCopy | undefined;
  /** Whether the mirror shows a saved copy, or what has come of one: until it is proved to be what the store has. */
  showsCopy = false;
  /** Hears of each attempt of a read that failed, while the store still retries. */
  onAttemptFailed: ((failure: StoreError) => void) | undefined;
  readonly #closing = new AbortController();
  /** The milliseconds since the mirror was opened, until there is something to show. */
  #starting: (() => number) | undefined;
  /** The milliseconds since the mirror was opened. */
  readonly #open: () => number;
  #trouble: StoreError | undefined;
  /** Why an attempt of the read under way failed, while the store still retries. */
  #attempt: StoreError | undefined;

  constructor(store: ConfigStore, settings: Settings) {
    const { clock, cacheSize, decode, snapshot } = settings;
    const keepsBytes = snapshot !== undefined;
    this.store = store;
    this.settings = settings;
    this.heads = SharedHead.of(store, clock);
    this.historyReads = HistoryReads.of(store, clock);
    this.fullLoads = FullLoads.of(store, clock);
    this.#starting = this.#open = stopwatch(clock);
    this.publisher = new Publisher(settings.name, store.name, new Figures(this));
    this.outlets = new Outlets({
      clock,
      logger: settings.logger,
      collections: settings.collections.flatMap(({ name }) => name ?? []),
      snapshot: (collection) => snapshotOf(this.table, collection),
    });
    const onInvalid = (problem: Problem, key: string) => {
      this.outlets.tellProblems([problem]);
      this.publisher.problems([problem]);
      this.copy?.journal.turnedBad(key);
    };
    const cache =
      decode === 'lazy' && cacheSize !== undefined
        ? new LRUCache<LazyEntry<unknown>, Box>({ max: cacheSize })
        : undefined;
    this.table = new Table({
      range: settings.range,
      collections: settings.collections.map(
        (collection) => new CollectionTable({ ...collection, decode, cache, keepsBytes, clock, onInvalid }),
      ),
      clock,
      stableCreateRevisions: store.capabilities.versions,
    });
    this.state = new StateMachine(
      () => clock.now(),
      (state, previous) => {
        reportState(settings.logger, state, previous);
        this.publisher.state(state, previous);
        this.outlets.events.emit('state', state, previous);
        if (state.status === 'closed') this.outlets.close();
      },
    );
    this.reachability = new Reachability(this.state);
    this.freshness = new Freshness(clock, settings.livenessMs, () => {
      const connection = this.reachability.current;
      this.state.handle({ type: 'stale', reason: 'no-evidence', cause: this.#trouble, connection });
    });
    const { table, freshness } = this;
    this.copy =
      snapshot === undefined
        ? undefined
        : new SavedCopy({ store, table, freshness, settings, snapshot, signal: this.signal });
  }

  /** Aborts when the mirror closes. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** The last failure of a read or of the watch since the last proof. */
  get trouble(): StoreError | undefined {
    return this.#attempt ?? this.#trouble;
  }

  newBackoff(): Backoff {
    return new Backoff({ ...this.settings.backoff, random: this.settings.random });
  }

  /** How long a read that can wait may do so, in milliseconds: while the mirror starts, only in the first half of `startTimeoutMs`. */
  get patienceMs(): number {
    return this.#starting === undefined ? Infinity : Math.max(0, this.settings.startTimeoutMs / 2 - this.#starting());
  }

  /** There is something to show. */
  started(): void {
    this.#starting = undefined;
    this.publisher.load(this.#open);
  }

  /** The mirror has ended before there was anything to show. */
  failedToStart(error: StoreError): void {
    this.publisher.load(this.#open, error);
  }

  /** As `health()` gives it. */
  get staleMs(): number {
    const { goodUntil } = this.state;
    if (goodUntil === undefined) return 0;
    return Math.max(0, this.settings.clock.now() - Math.max(this.freshness.asOf ?? 0, goodUntil));
  }

  noteTrouble(error: StoreError): void {
    this.#trouble = error;
    this.settings.logger.debug(`trouble: ${error.message}`, { error });
    this.state.handle({ type: 'trouble', cause: error, connection: this.reachability.current });
  }

  /** Call it when the mirror has caught up with a read that began at the mark. */
  prove(mark: Mark): void {
    this.#trouble = undefined;
    this.showsCopy = false;
    this.copy?.begin();
    if (this.freshness.prove(mark) && this.isFollowing) this.state.handle({ type: 'proved' });
  }

  /**
   * Changes the table, after all changes that were begun before. `work` makes at most one step, and hands it to `tell`.
   *
   * @param came the milliseconds since it was asked for, if that is longer than `work` takes
   */
  change<T>(origin: StepOrigin, work: (tell: Tell) => Promise<T>, came?: () => number): Promise<T> {
    return this.lock.run(async () => {
      const from = this.table.bookmark;
      const passed = came ?? stopwatch(this.settings.clock);
      const result = await work((step) => {
        if (origin !== 'watch') this.readSteps += 1;
        this.outlets.tell(step, origin, from, this.table);
        this.publisher.step(step, origin, from, this.table.bookmark, passed);
      });
      if (this.table.isUntidy) await this.table.tidy();
      return result;
    });
  }

  /**
   * Takes in a batch of the watch, after all changes that were begun before. A short batch that finds no change under way is taken in at
   * once. Returns a promise only where that takes longer, or tidying up after it does.
   *
   * @param signal if it has aborted, no step is made
   * @param came the milliseconds since the batch came, if anyone wants to know
   * @throws StoreError as {@link applyBatch}, and the signal's reason
   */
  take(batch: WatchBatch, signal: AbortSignal, came?: () => number): Promise<unknown> | undefined {
    if (!this.lock.isFree || !isShort(batch)) {
      const work = (tell: Tell) => {
        signal.throwIfAborted();
        return applyBatch(this.table, batch, { signal, tell });
      };
      return this.change('watch', work, came);
    }
    signal.throwIfAborted();
    const from = this.table.bookmark;
    const step = applyShortBatch(this.table, batch);
    if (step !== undefined) {
      this.outlets.tell(step, 'watch', from, this.table);
      this.publisher.step(step, 'watch', from, this.table.bookmark, came ?? noTime);
    }
    return this.table.isUntidy ? this.lock.run(() => this.table.tidy()) : undefined;
  }

  /** Records a proof that nothing changed up to `bookmark`. Hold the lock. */
  advance(bookmark: Bookmark): void {
    if (this.table.advance(bookmark)) this.readSteps += 1;
  }

  /** Runs a read of the store, which fails with `timeout` after `ms`, so that it can't hang. */
  async read<T>(what: string, ms: number, signal: AbortSignal, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    // Reads run beside each other: each names its own failures.
    let last: StoreError | undefined;
    const reading = (deadline: Deadline) => {
      if (this.settings.unref) runInBackground(deadline.signal);
      onFailure(deadline.signal, (failure) => {
        last = this.#attempt = failure;
        this.onAttemptFailed?.(failure);
      });
      return work(deadline);
    };
    try {
      const result = await this.wait(what, ms, signal, reading, () => last);
      this.#attempt = undefined;
      this.reachability.answered();
      return result;
    } catch (error) {
      if (!signal.aborted) this.reachability.failed(toStoreError(error));
      throw error;
    }
  }

  /**
   * Runs something that fails with `timeout` after `ms`, and that says nothing about the store then.
   *
   * @param failure why its last attempt failed
   */
  wait<T>(
    what: string,
    ms: number,
    signal: AbortSignal,
    work: (deadline: Deadline) => Promise<T>,
    failure: () => StoreError | undefined = () => undefined,
  ): Promise<T> {
    const { clock, range } = this.settings;
    const late = () =>
      timeoutAfter(failure(), `${what} of ${range.toString()} was not answered within ${Math.round(ms)} ms`);
    return withDeadline({ clock, ms, signal, late, isPatient: true }, work);
  }

  /** The time limit of a small read, in milliseconds: a second attempt still fits into the lifetime of a proof. */
  get readTimeoutMs(): number {
    return this.settings.livenessMs / 3;
  }

  /** Whether a position, which is the table's by default, reaches `revision` within `ms`. */
  async reaches(
    revision: number,
    ms: number,
    signal: AbortSignal,
    position: Watermark = this.table.position,
  ): Promise<boolean> {
    if (position.value >= revision) return true;
    try {
      await this.wait('waiting', ms, signal, (deadline) => position.until(revision, deadline.signal));
      return true;
    } catch (error) {
      if (signal.aborted) throw error;
      return false;
    }
  }

  close(error?: StoreError): void {
    if (this.signal.aborted) return;
    this.freshness.stop();
    this.#closing.abort(error ?? new StoreError('closed', 'the mirror is closed'));
    this.state.handle({ type: 'closed', error });
  }
}

/** Of a batch that came when nobody listened. */
const noTime = () => 0;
